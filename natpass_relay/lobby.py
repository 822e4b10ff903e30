"""The lobby: connections that are not logged in yet; who waits, who is served, and who has to go.

    silent ──first bytes──> waiting ──its turn──> speaking ──valid hello──> greeted ──proof──> proved
    └────────── the queue: cheap ───────────┘     └─────────── the desk: TLS, and memory ───────────┘

A connection is nobody before its first valid hello. Silent ones cost some KiB, so there may be thousands. From its turn
on it has TLS, which costs some 10 times that, and a millisecond: only a few hundred are served at a time, and a few
begin in one turn of the event loop.

**Who has to go.** Where a room gets full, one goes at random (random early drop, as sshd's MaxStartups): of the network
that stands worst (`NetworkRank`), of these the one with the most visitors, and there of those who have got least far.
So nobody goes while there is a worse network, and a stranger who only connects never pushes out who has said something.
Before a room is full, only networks that are bad lose anybody.
"""

# Why: docs/decisions/068-who-has-to-go-before-the-login.md

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from natpass_relay.lobby_room import SHARE, LobbyRoom, NetworkStanding, Stage
from natpass_relay.network_counts import Bag, NetworkRank
from natpass_relay.sources import Source
from natpass_wire.login import v2

#: Connections in the queue, and at the desk. Each may hold some 10 KiB, and with TLS some 100 KiB: 80 MiB in all.
MAX_QUEUE, MAX_DESK = 4096, 384
Who = TypeVar("Who", bound=Hashable)


class Queue(Generic[Who]):
    """Whose turn is next: networks that stand better first, of these one after the other, and there any."""

    def __init__(self, random: Callable[[], float]) -> None:
        self._random = random
        self._networks: tuple[dict[str, Bag[Who]], ...] = tuple({} for _ in NetworkRank)
        self._ranks: dict[Who, tuple[NetworkRank, str]] = {}

    def __len__(self) -> int:
        return len(self._ranks)

    def add(self, who: Who, network: str, rank: NetworkRank) -> None:
        """Add a visitor."""
        self._ranks[who] = (rank, network)
        self._networks[rank].setdefault(network, Bag()).add(who)

    def remove(self, who: Who) -> None:
        """Remove a visitor; no-op if it is not here."""
        if (place := self._ranks.pop(who, None)) is None:
            return
        rank, network = place
        bag = self._networks[rank][network]
        bag.remove(who)
        if not bag:
            del self._networks[rank][network]

    def next(self, worst: NetworkRank) -> Who | None:
        """Remove and return whose turn it is; None if nobody waits whose network stands as well as `worst`."""
        for networks in self._networks[: worst + 1]:
            for network in networks:
                bag = networks.pop(network)
                networks[network] = bag
                who = bag.pick(self._random())
                self.remove(who)
                return who
        return None


class Lobby(Generic[Who]):
    """The connections that wait for their login. `now` is in seconds of one monotonic clock.

    Args:
        standing: how networks stand.
        random: returns numbers that are uniform in [0, 1).
        seconds: the time limit for a login.
        queue: places for those that have not begun.
        desk: places for those that have.
        share: a network with more than this part of the places is bad, unless its logins explain them.
    """

    def __init__(
        self,
        standing: NetworkStanding,
        random: Callable[[], float],
        seconds: float = v2.LOGIN_SECONDS,
        queue: int = MAX_QUEUE,
        desk: int = MAX_DESK,
        *,
        share: int = SHARE,
    ) -> None:
        self._standing = standing
        self._seconds = seconds
        self._queue: LobbyRoom[Who] = LobbyRoom(queue, standing, random, share=share)
        self._desk: LobbyRoom[Who] = LobbyRoom(desk, standing, random, share=share, is_strict=False)
        self._turns: Queue[Who] = Queue(random)
        self._until: dict[Who, tuple[Source, float]] = {}

    def __len__(self) -> int:
        return len(self._until)

    @property
    def waiting(self) -> int:
        """How many wait for their turn."""
        return len(self._turns)

    def enter(self, who: Who, source: Source, now: float) -> Who | None:
        """Add a connection; return the one that has to go, perhaps this one. None if there is room."""
        self._until[who] = (source, now + self._seconds)
        self._queue.enter(who, source, Stage.SILENT, now)
        return self._queue.to_go(who, now)

    def spoke(self, who: Who, now: float) -> None:
        """Record the first bytes of a connection: it waits for its turn."""
        self._queue.move(who, Stage.WAITING, now)
        self._wait(who, self._until[who][0], now)

    def next(self, now: float, worst: NetworkRank = NetworkRank.BAD) -> tuple[Who | None, Who | None]:
        """Give the next connection its turn; return it, and the one that has to go for it, which may be the same.

        Both are None if nobody waits whose network stands as well as `worst`, or all places at the desk are taken by
        those who have done nothing wrong.
        """
        who = self._turns.next(worst)
        if who is None:
            return None, None
        source = self._until[who][0]
        self._queue.leave(who, now)
        self._desk.enter(who, source, Stage.SPEAKING, now)
        evicted = self._desk.to_go(who, now)
        if evicted is None and len(self._desk) > self._desk.most:
            evicted = self._desk.stalled(now)
            if evicted is None:
                self._desk.leave(who, now)
                self._queue.enter(who, source, Stage.WAITING, now)
                self._wait(who, source, now)
                return None, None
        return who, evicted

    def change_source(self, who: Who, source: Source, now: float) -> Who | None:
        """Record where a silent connection is really from; return the one that has to go, None if there is room."""
        self._until[who] = (source, self._until[who][1])
        self._queue.leave(who, now)
        self._queue.enter(who, source, Stage.SILENT, now)
        return self._queue.to_go(who, now)

    def advance(self, who: Who, stage: Stage, now: float) -> None:
        """Record that a connection has got further; no-op if it is not here."""
        self._turns.remove(who)
        for room in (self._queue, self._desk):
            if who in room:
                room.move(who, stage, now)

    def has_stalled(self, who: Who, now: float) -> bool:
        """Tell whether a connection at the desk has not got further for too long."""
        return self._desk.has_stalled(who, now)

    def leave(self, who: Who, now: float) -> None:
        """Remove a connection that has logged in or is gone. No-op if it was removed already."""
        if self._until.pop(who, None) is None:
            return
        self._turns.remove(who)
        self._queue.leave(who, now)
        self._desk.leave(who, now)

    def look_again(self, source: Source, now: float) -> None:
        """Record that a source stands worse than before."""
        self._queue.look_again(source, now)
        self._desk.look_again(source, now)

    def overdue(self, now: float) -> list[Who]:
        """Return the connections that are here for too long."""
        late = []
        for who, (_, until) in self._until.items():
            if until > now:
                break
            late.append(who)
        return late

    def _wait(self, who: Who, source: Source, now: float) -> None:
        rank = NetworkRank.STRANGE if source.is_exempt else self._queue.rank(source.wide, now)
        self._turns.add(who, source.wide, rank)
