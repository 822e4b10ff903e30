"""What waits for one receiver: a queue for each sender, served in turn by bytes. No I/O.

A receiver that is slow must cost its senders nothing: they are read on, and what its socket does not take waits here.

- **Data** belongs to a link. `waiting_on` tells how many bytes of a link wait. The owner ends a link that exceeds its
  bound; `drop` removes its data.
- **Control frames** open, answer and end links, or are the relay's own. They are never dropped. They are charged to
  whoever caused them, see `MemoryAccount.charged`.
- Each sender's data and control frames keep their order.
- Budgets count a fixed weight for each item as well, so that many small frames don't cost more memory than they count.
  They are shared first by network, then by client: a client's ids cost nothing.
"""

# Why: docs/decisions/065-a-sender-pays-for-its-receiver.md
# Why: docs/decisions/084-budgets-are-shared-by-network.md

from collections import deque
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

from natpass_relay import shares
from natpass_wire.stream.fair import Turns

#: What an item weighs beyond its bytes: the objects that hold it.
ITEM_BYTES = 256
#: Data of one link that waits in a row is joined into items of up to so many bytes, which weigh less.
JOINED_BYTES = 16 * 1024
#: Once a budget is exceeded, this part of it is freed, so that the search for what to end is rare.
_FREED_PART = 16
#: Senders without anything waiting are forgotten when there are so many, then at twice what is left.
_FIRST_SWEEP = 64

Who = TypeVar("Who", bound=Hashable)
Link = TypeVar("Link", bound=Hashable)


@dataclass(eq=False, slots=True)
class _Item(Generic[Who, Link]):
    """Whole frames that wait; empty once dropped."""

    data: bytes | bytearray
    lane: "_Lane[Who, Link] | None"
    charges: Sequence[tuple[Who, int]] = ()


@dataclass(eq=False, slots=True)
class _Lane(Generic[Who, Link]):
    """The data of one link that waits."""

    link: Link
    queue: "_Queue[Who, Link]"
    items: set[_Item[Who, Link]] = field(default_factory=set)
    size: int = 0

    @property
    def weight(self) -> int:
        return self.size + ITEM_BYTES * len(self.items)


@dataclass(eq=False, slots=True)
class _Queue(Generic[Who, Link]):
    """What waits from one sender, in order."""

    sender: Who
    items: deque[_Item[Who, Link]] = field(default_factory=deque)
    lanes: set[_Lane[Who, Link]] = field(default_factory=set)
    weight: int = 0
    dropped: int = 0  # items that are empty

    def next(self) -> _Item[Who, Link] | None:
        """Remove and return the next item, None if there is none."""
        while self.items:
            item = self.items.popleft()
            if item.data:
                return item
            self.dropped -= 1
        return None

    def sweep(self) -> None:
        """Forget the empty items once they are the most."""
        if 2 * self.dropped > len(self.items):
            self.items = deque(item for item in self.items if item.data)
            self.dropped = 0


class Excess(NamedTuple, Generic[Who, Link]):
    """What has to end because a budget is exceeded.

    Attributes:
        links: the links.
        owners: the receivers that have too many control frames waiting, which are never dropped.
    """

    links: list[Link]
    owners: list[Who]


class MemoryAccount(Generic[Who, Link]):
    """All backlogs of one process: what they weigh, and who caused their control frames.

    Args:
        most: the budget of all backlogs together.
        networks: returns the networks of a client, the largest first; none if its address says nothing.
    """

    def __init__(self, most: int, networks: Callable[[Who], Sequence[str]] = lambda _: ()) -> None:
        self._most = most
        self._networks = networks
        self._charged: dict[Who, int] = {}
        self.backlogs: set[Backlog[Who, Link]] = set()
        #: The bytes that wait, and ITEM_BYTES for each item.
        self.weight = 0

    def charged(self, who: Who) -> int:
        """Return how many bytes of control frames wait that `who` has caused."""
        return self._charged.get(who, 0)

    def charge(self, charges: Sequence[tuple[Who, int]], sign: int = 1) -> None:
        """Charge for control frames that wait now, or with `sign` -1 give back what was charged."""
        for who, size in charges:
            left = self._charged.get(who, 0) + sign * size
            if left:
                self._charged[who] = left
            else:
                self._charged.pop(who, None)

    @property
    def is_over(self) -> bool:
        """Whether more waits than the budget allows."""
        return self.weight > self._most

    def excess(self) -> Excess[Who, Link]:
        """Return what has to end because the budget is exceeded: of the receivers with most waiting."""
        found: Excess[Who, Link] = Excess([], [])
        if not self.is_over:
            return found
        too_much = self.weight - _goal(self._most)
        holdings = [(backlog, self.holding(backlog.owner, backlog.weight)) for backlog in self.backlogs]
        full: list[tuple[int, Who]] = []
        for backlog, level in shares.above(holdings, too_much):
            links, rest = backlog.above(level)
            found.links.extend(links)
            too_much -= backlog.weight - rest
            if rest > level:
                full.append((rest, backlog.owner))
        for rest, owner in sorted(full, key=lambda each: each[0], reverse=True):
            if too_much > 0:
                found.owners.append(owner)
                too_much -= rest
        return found

    def holding(self, who: Who, weight: int) -> shares.Holding:
        """Return what `who` has of a budget."""
        return shares.Holding((*self._networks(who), who), weight)


class Backlog(Generic[Who, Link]):
    """What waits for one receiver.

    Args:
        account: counts all backlogs of the process.
        owner: the receiver.
        most: the budget of this one.
    """

    def __init__(self, account: MemoryAccount[Who, Link], owner: Who, most: int) -> None:
        self._account = account
        self.owner = owner
        self._most = most
        self._queues: dict[Who, _Queue[Who, Link]] = {}
        self._lanes: dict[Link, _Lane[Who, Link]] = {}
        self._turns: Turns[_Queue[Who, Link]] = Turns()
        self._sweep_at = _FIRST_SWEEP
        self._items = 0
        self.weight = 0
        #: The bytes of control frames that wait here and that the receiver itself has caused.
        self.own_control = 0
        account.backlogs.add(self)

    def __len__(self) -> int:
        """Return how many items wait."""
        return self._items

    @property
    def size(self) -> int:
        """How many bytes wait."""
        return self.weight - ITEM_BYTES * self._items

    def waiting_on(self, link: Link) -> int:
        """Return how many bytes of a link's data wait."""
        lane = self._lanes.get(link)
        return lane.size if lane is not None else 0

    def waits_from(self, sender: Who) -> bool:
        """Tell whether something of this sender waits."""
        queue = self._queues.get(sender)
        return queue is not None and queue.weight > 0

    def weight_of(self, sender: Who) -> int:
        """Return what a sender's part weighs."""
        queue = self._queues.get(sender)
        return queue.weight if queue is not None else 0

    def put_data(self, sender: Who, link: Link, data: bytes) -> int:
        """Queue whole frames of data; return how many bytes of this link wait now. A link has one sender."""
        queue = self._queue(sender)
        lane = self._lanes.get(link)
        if lane is None:
            lane = self._lanes[link] = _Lane(link, queue)
            queue.lanes.add(lane)
        last = queue.items[-1] if queue.items else None
        if last is not None and last.lane is lane and last.data and len(last.data) + len(data) <= JOINED_BYTES:
            if isinstance(last.data, bytes):
                last.data = bytearray(last.data)
            last.data += data
            self._weigh(queue, len(data), 0)
        else:
            item = _Item(data, lane)
            queue.items.append(item)
            lane.items.add(item)
            self._weigh(queue, len(data), 1)
        lane.size += len(data)
        return lane.size

    def put_control(self, sender: Who, frame: bytes, charges: Sequence[tuple[Who, int]] = ()) -> None:
        """Queue one control frame.

        Args:
            sender: whose queue it joins.
            frame: the frame.
            charges: who caused it, with the bytes that each is charged until it was taken.
        """
        queue = self._queue(sender)
        queue.items.append(_Item(frame, None, charges))
        self._weigh(queue, len(frame), 1)
        self._charge(charges)

    def take(self, most: int) -> tuple[bytes, list[Link]]:
        """Remove what goes next: items of the senders in their turn, until there are `most` bytes; at least one item.

        Returns:
            The frames, and the links of which nothing waits any more.
        """
        parts: list[bytes | bytearray] = []
        drained: list[Link] = []
        taken = 0
        while taken < most and (queue := self._turns.take()) is not None:
            item = queue.next()
            if item is None:
                continue
            size = len(item.data)
            self._turns.sent(queue, size)
            if queue.items:
                self._turns.wake(queue)
            self._weigh(queue, -size, -1)
            self._charge(item.charges, -1)
            parts.append(item.data)
            taken += size
            if (lane := item.lane) is not None:
                lane.items.remove(item)
                lane.size -= size
                if not lane.items:
                    self._forget_lane(lane)
                    drained.append(lane.link)
        return b"".join(parts), drained

    def drop(self, link: Link) -> int:
        """Remove a link's data, because the link has ended; return how many bytes that were."""
        lane = self._lanes.get(link)
        if lane is None:
            return 0
        self._weigh(lane.queue, -lane.size, -len(lane.items))
        lane.queue.dropped += len(lane.items)
        for item in lane.items:
            item.data = b""
        self._forget_lane(lane)
        lane.queue.sweep()
        return lane.size

    def excess(self) -> list[Link]:
        """Return the links to end because the budget is exceeded: of the senders with most waiting, the fullest."""
        return self.above(_goal(self._most))[0] if self.is_over else []

    def above(self, goal: int) -> tuple[list[Link], int]:
        """Return the links to end so that no more than `goal` waits; and what waits then: more, if it is control."""
        links: list[Link] = []
        rest = self.weight
        holdings = [(q, self._account.holding(q.sender, q.weight)) for q in self._queues.values() if q.weight]
        for queue, level in shares.above(holdings, self.weight - goal):
            weight = queue.weight
            for lane in sorted(queue.lanes, key=lambda lane: lane.weight, reverse=True):
                if weight <= level:
                    break
                links.append(lane.link)
                weight -= lane.weight
                rest -= lane.weight
        return links, rest

    @property
    def is_over(self) -> bool:
        """Whether more waits than the budget allows."""
        return self.weight > self._most

    def close(self) -> None:
        """Forget everything: the receiver is gone, or nothing waits."""
        for queue in self._queues.values():
            for item in queue.items:
                self._charge(item.charges, -1)
        self._account.weight -= self.weight
        self._account.backlogs.discard(self)
        self._queues.clear()
        self._lanes.clear()
        self._turns = Turns()
        self.weight = self._items = 0

    def _queue(self, sender: Who) -> _Queue[Who, Link]:
        """Return a sender's queue, which is about to get an item."""
        queue = self._queues.get(sender)
        if queue is None:
            if len(self._queues) >= self._sweep_at:
                self._sweep()
            queue = self._queues[sender] = _Queue(sender)
        self._turns.wake(queue)
        return queue

    def _sweep(self) -> None:
        """Forget senders of which nothing waits, and with that how much they had sent before."""
        for sender, queue in list(self._queues.items()):
            if not queue.weight:
                self._turns.forget(queue)
                del self._queues[sender]
        self._sweep_at = max(_FIRST_SWEEP, 2 * len(self._queues))

    def _forget_lane(self, lane: _Lane[Who, Link]) -> None:
        del self._lanes[lane.link]
        lane.queue.lanes.discard(lane)

    def _charge(self, charges: Sequence[tuple[Who, int]], sign: int = 1) -> None:
        self._account.charge(charges, sign)
        for who, size in charges:
            if who == self.owner:
                self.own_control += sign * size

    def _weigh(self, queue: _Queue[Who, Link], size: int, items: int) -> None:
        weight = size + ITEM_BYTES * items
        queue.weight += weight
        self.weight += weight
        self._account.weight += weight
        self._items += items


def _goal(most: int) -> int:
    return most - most // _FREED_PART
