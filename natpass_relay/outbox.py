"""What one client is sent: at once while its socket takes it, else from a backlog in which senders take turns."""

# Why: docs/decisions/065-a-sender-pays-for-its-receiver.md

from collections.abc import Hashable, Sequence
from typing import Generic, TypeVar

from natpass_relay.backlog import Backlog, MemoryAccount
from natpass_relay.routing import Route
from natpass_wire.aio.sockets import FrameSocket

#: Weight of what waits for one client at most, beyond its socket's buffer; past it, links are ended.
RECEIVER_BYTES = 16 * 1024 * 1024
#: What is taken from the backlog at a time, to be written (and encrypted) in one go: a large frame goes uncopied ...
_WRITE_BYTES = 32 * 1024
#: ... and in one turn of the loop: an idle socket would take the whole backlog, and everybody else would wait.
_TURN_BYTES = 1024 * 1024

#: Bytes in a client's socket buffer before the rest waits in the backlog: a quarter of a second at 8 Mbit/s. The bench
#: moves 60 KiB frames as fast as with 1 MiB; a shorter buffer means less delay.
HIGH_WATER_BYTES = 256 * 1024
#: The same where there are very many clients.
LEAST_HIGH_WATER_BYTES = 16 * 1024

Who = TypeVar("Who", bound=Hashable)


def high_water(neighbours: int, networks: int, memory: int) -> int:
    """Return how many bytes may wait in a client's socket buffer, which the budget of the backlogs does not count.

    All buffers together may hold a fourth of what the backlogs may. They are shared by network, then by client.

    Args:
        neighbours: how many clients its network has.
        networks: how many networks have clients.
        memory: the budget of all backlogs, in bytes.
    """
    parts = 4 * max(networks, 1) * max(neighbours, 1)
    return max(LEAST_HIGH_WATER_BYTES, min(HIGH_WATER_BYTES, memory // parts))


def is_other(mark: int, now: int) -> bool:
    """Tell whether a high-water mark differs so much from what it has to be now that it is worth a change."""
    return mark >= 2 * now or now >= 2 * mark


class Outbox(Generic[Who]):
    """The sending side of one client's connection.

    Args:
        account: counts what waits in the whole relay.
        owner: the client, as the account knows it.
    """

    __slots__ = ("_account", "_backlog", "_owner", "_posted", "held", "socket")

    def __init__(self, account: MemoryAccount[Who, Route], owner: Who) -> None:
        self._account = account
        self._owner: Who | None = owner  # None: it is gone, and its socket takes what comes, and drops it
        self._backlog: Backlog[Who, Route] | None = None
        self._posted: list[bytes] = []
        self.socket: FrameSocket
        #: The plain links whose senders were told to wait, with these senders.
        self.held: dict[Route, Who] = {}

    @property
    def is_free(self) -> bool:
        """Whether what is written to the socket now need not wait: nothing else does."""
        if self._posted:
            self.write_posted()
        return self._backlog is None and self.socket.writable

    @property
    def waiting_bytes(self) -> int:
        """How many bytes wait: in the socket's buffer, and behind it."""
        return self.socket.waiting_bytes + (self._backlog.size if self._backlog is not None else 0)

    @property
    def is_over(self) -> bool:
        """Whether more waits than may wait for one client."""
        return self._backlog is not None and self._backlog.is_over

    @property
    def own_control(self) -> int:
        """How many bytes of control frames wait that the client itself has caused."""
        return self._backlog.own_control if self._backlog is not None else 0

    def takes_more_from(self, sender: Who) -> bool:
        """Tell whether what this sender sends now goes out at once, or in its next turn."""
        return self.socket.writable if self._backlog is None else not self._backlog.waits_from(sender)

    def waits_from(self, sender: Who) -> bool:
        """Tell whether something of this sender waits."""
        return self._backlog is not None and self._backlog.waits_from(sender)

    def weight_of(self, sender: Who) -> int:
        """Return what waits of this sender, see `Backlog.weight_of`."""
        return self._backlog.weight_of(sender) if self._backlog is not None else 0

    def post(self, frame: bytes) -> bool:
        """Take a frame that need not wait, to be written with others of the same batch; return whether it was taken.

        Whoever posts calls `write_posted` before the loop goes on. What is sent meanwhile comes after what is posted.
        """
        if self._backlog is not None or not self.socket.writable:
            return False
        self._posted.append(frame)
        return True

    @property
    def has_backlog(self) -> bool:
        """Whether something waits behind the socket's buffer."""
        return self._backlog is not None

    def write_posted(self) -> None:
        """Write what was posted, in one go."""
        if self._posted:
            data, self._posted = b"".join(self._posted), []
            self.socket.write(data)

    def put_data(self, sender: Who, route: Route, data: bytes) -> int:
        """Send or queue whole frames of a link; return how many bytes of this link wait now."""
        if self._backlog is None:
            if self._owner is None or self.is_free:
                self.socket.write(data)
                return 0
            self._backlog = Backlog(self._account, self._owner, RECEIVER_BYTES)
        return self._backlog.put_data(sender, route, data)

    def put_control(self, sender: Who, frame: bytes, charges: Sequence[tuple[Who, int]] = ()) -> None:
        """Send or queue a control frame, see `Backlog.put_control`."""
        if self._backlog is None:
            if self._owner is None or self.is_free:
                self.socket.write(frame)
                return
            self._backlog = Backlog(self._account, self._owner, RECEIVER_BYTES)
        self._backlog.put_control(sender, frame, charges)

    def flush(self) -> tuple[list[Route], bool]:
        """Write what waits while the socket takes it.

        Returns:
            The links of which nothing waits any more, and whether to call again once others had their turn.
        """
        drained: list[Route] = []
        budget = _TURN_BYTES
        while self._backlog is not None and self.socket.writable and budget > 0:
            data, links = self._backlog.take(_WRITE_BYTES)
            drained += links
            if data:
                self.socket.write(data)
            if not self._backlog:
                self.close()
            budget -= len(data)
        return drained, self._backlog is not None and self.socket.writable

    def drop(self, route: Route) -> None:
        """Forget the waiting data of a link that has ended."""
        self.held.pop(route, None)
        if self._backlog is not None and self._backlog.drop(route) and not self._backlog:
            self.close()

    def excess(self) -> list[Route]:
        """Return the links to end because too much waits for this client."""
        return self._backlog.excess() if self._backlog is not None else []

    def close(self) -> None:
        """Forget everything that waits."""
        if self._backlog is not None:
            self._backlog.close()
            self._backlog = None

    def disown(self) -> None:
        """Forget whose it is, who is gone: else the two would wait for the garbage collector."""
        self.close()
        self._owner = None
