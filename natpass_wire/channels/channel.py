"""One channel at one end: what is to be sent, what came, and the credit of both directions. Pure."""

# Why: docs/decisions/100-what-an-end-leaves-waiting.md

from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, field
from enum import Enum, auto

from natpass_wire.errors import LocalProtocolError, RemoteProtocolError
from natpass_wire.frame import MAX_DATA_BYTES
from natpass_wire.stream.receiver import Room

#: Bytes that may be on their way in a new channel, before the first word of its other end.
FIRST_WINDOW = 64 * 1024
#: The window of a channel whose bytes are consumed as fast as they come: fills 100 Mbit/s at 300 ms.
MAX_WINDOW = 4 * 1024 * 1024
#: Bytes that wait at the sending end: two reads of a socket, each as large as a message.
SEND_BYTES = 2 * MAX_DATA_BYTES
#: The same of all channels of a link together. Near it, a channel has less, but never less than the second number.
LINK_BYTES, LEAST_BYTES = 4 * 1024 * 1024, 4 * 1024
#: Datagrams that wait at the sending end, of `SEND_BYTES` at most: the oldest is dropped for a newer one.
SEND_DATAGRAMS = 64
#: Bytes that are joined while they wait: else each single byte of a slow sender would cost as much as many.
_JOINED_BYTES = 4096


class ChannelKind(Enum):
    """What an id stands for."""

    CONNECTION = auto()
    DATAGRAMS = auto()
    LISTENER = auto()


class ChannelPhase(Enum):
    """A channel's state in its life."""

    OPENING = auto()  # we have asked
    ASKED = auto()  # the other end has
    OPEN = auto()


@dataclass(slots=True)
class Incoming:
    """The receiving half of a connection.

    Attributes:
        room: the budget for windows beyond the first, shared by all channels of a process.
        owner: to whom the window is counted.
        received: bytes that came.
        consumed: of these, the bytes that the socket took.
        window: bytes that may come beyond those.
        has_ended: whether the other end sends no more.
    """

    room: Room
    owner: Hashable = None
    received: int = 0
    consumed: int = 0
    window: int = FIRST_WINDOW
    has_ended: bool = False
    _told: int = FIRST_WINDOW
    _given: int = 0

    def take(self, size: int) -> None:
        """Record that bytes came. Raises RemoteProtocolError: more than there is credit for, or behind the end."""
        if self.has_ended:
            raise RemoteProtocolError("bytes behind the end of a channel")
        self.received += size
        if self.received > self._told:
            raise RemoteProtocolError("a channel with more bytes than it has credit for")

    def consume(self, size: int) -> None:
        """Record that the socket took bytes. Raises LocalProtocolError: fewer came."""
        self.consumed += size
        if self.consumed > self.received:
            raise LocalProtocolError("more was consumed than came")
        # The sender came close to its limit, and the reader keeps up: more would have been on its way.
        if self._told - self.received < self.window // 4 and self.received - self.consumed <= self.window // 2:
            given = self.room.take(min(self.window, MAX_WINDOW - self.window), self.owner)
            self.window += given
            self._given += given

    @property
    def is_limit_due(self) -> bool:
        """Whether to tell the sender its new limit: a quarter of the window is free again."""
        return not self.has_ended and self.consumed + self.window - self._told >= self.window // 4

    def limit(self) -> int:
        """Return the limit to tell now."""
        self._told = self.consumed + self.window
        return self._told

    def close(self) -> None:
        """Return the window to the budget."""
        self.room.give_back(self._given, self.owner)
        self._given = 0


@dataclass(slots=True)
class Outgoing:
    """The sending half of a connection or of a flow of datagrams.

    Attributes:
        limit: bytes that the other end takes, counted from the beginning.
        sent: bytes that are on their way or there.
        queued: bytes that wait here.
        is_ending: whether no more bytes follow those that wait.
        has_ended: whether the end is sent.
        dropped: datagrams that newer ones replaced.
    """

    limit: int = FIRST_WINDOW
    sent: int = 0
    queued: int = 0
    is_ending: bool = False
    has_ended: bool = False
    dropped: int = 0
    was_full: bool = False
    _queue: deque[bytes] = field(default_factory=deque)
    _taken: int = 0  # bytes of the first that are sent

    def space(self, most: int = SEND_BYTES) -> int:
        """Return how many bytes may be put now, of `most` that may wait."""
        return 0 if self.is_ending else max(0, min(most, self.limit - self.sent) - self.queued)

    @property
    def is_ready(self) -> bool:
        """Whether there is something to send."""
        return self.queued > 0 or (self.is_ending and not self.has_ended)

    def put(self, data: bytes) -> None:
        """Queue bytes. Raises LocalProtocolError: there is no space for them."""
        if len(data) > self.space():
            raise LocalProtocolError("more bytes than a channel has space for")
        if self._queue and len(self._queue[-1]) + len(data) <= _JOINED_BYTES:
            self._queue[-1] += data
        else:
            self._queue.append(data)
        self.queued += len(data)

    def take(self, most: int) -> bytes:
        """Return the next bytes to send, at most so many."""
        first = self._queue[0]
        data = first[self._taken : self._taken + most]
        self._taken += len(data)
        if self._taken == len(first):
            self._queue.popleft()
            self._taken = 0
        self.queued -= len(data)
        self.sent += len(data)
        return data

    @property
    def datagrams(self) -> int:
        """How many datagrams wait; one may be empty."""
        return len(self._queue)

    def put_datagram(self, data: bytes, most: int = SEND_BYTES) -> None:
        """Queue a datagram; older ones are dropped if too many wait, or more than `most` bytes."""
        while len(self._queue) >= SEND_DATAGRAMS or (self._queue and self.queued + len(data) > most):
            self.queued -= len(self._queue.popleft())
            self.dropped += 1
        self._queue.append(data)
        self.queued += len(data)

    def take_datagram(self, most: int) -> bytes | None:
        """Return the next datagram, None if it is larger or there is none."""
        if not self._queue or len(self._queue[0]) > most:
            return None
        data = self._queue.popleft()
        self.queued -= len(data)
        return data


@dataclass(slots=True)
class Channel:
    """A channel or listener at one end.

    Attributes:
        id: its number on the link.
        kind: what it is.
        phase: its state.
        incoming: the receiving half.
        outgoing: the sending half.
    """

    id: int
    kind: ChannelKind
    phase: ChannelPhase
    incoming: Incoming
    outgoing: Outgoing = field(default_factory=Outgoing)
