"""One direction of a stream at its receiver: what came, what is consumed, and the credit for more.

Urgent messages are counted apart: see `urgent`.
"""

from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, field

from natpass_wire.errors import LocalProtocolError, RemoteProtocolError
from natpass_wire.pb.stream_pb2 import StreamAck, StreamRecord, StreamUrgent
from natpass_wire.stream.records import RECORD_UNITS
from natpass_wire.stream.urgent import MOST_BYTES

#: Credit at first, and at most: 8 MiB fill a line of 200 Mbit/s and 300 ms.
START_WINDOW, MAX_WINDOW = 64 * 1024, 8 * 1024 * 1024
#: The windows of all streams of a process together, beyond `START_WINDOW` each.
PROCESS_WINDOWS = 64 * 1024 * 1024
#: Consumed units are acknowledged after this many at the latest, or after this part of the window.
_TELL_UNITS = 128 * 1024
_TELL_PART = 4


@dataclass(slots=True)
class Room:
    """The budget for the windows of all streams of a process.

    An owner has at most half of what all others have left: so nobody takes the windows of everybody else.

    Attributes:
        units: what is left.
    """

    units: int = PROCESS_WINDOWS
    _held: dict[Hashable, int] = field(default_factory=dict)

    def take(self, wanted: int, owner: Hashable = None) -> int:
        """Take units from the budget for an owner; return how many: all that are wanted, or what it may have."""
        held = self._held.get(owner, 0)
        given = max(0, min(wanted, (self.units + held) // 2 - held))
        if given:
            self.units -= given
            self._held[owner] = held + given
        return given

    def give_back(self, units: int, owner: Hashable = None) -> None:
        """Take units back from a stream that has ended."""
        self.units += units
        held = self._held.pop(owner, 0) - units
        if held > 0:
            self._held[owner] = held


@dataclass(slots=True)
class Receiver:
    """The receiving half of one end.

    Attributes:
        room: the budget for the windows of all streams.
        owner: to whom its window is counted.
        received: everything before this position has come.
        consumed: everything before this position is consumed.
        window: units that are accepted beyond that.
    """

    room: Room = field(default_factory=Room)
    owner: Hashable = None
    received: int = 0
    consumed: int = 0
    window: int = START_WINDOW
    _told: int = 0
    _told_window: int = START_WINDOW
    _given: int = 0
    _urgent: int = 0  # the number of the last urgent message
    _told_urgent: int = 0
    _skips: deque[tuple[int, int]] = field(default_factory=deque)  # position and size of those not consumed yet

    def take(self, record: StreamRecord) -> int:
        """Take a record that has a position; return its size in units.

        Raises:
            RemoteProtocolError: it does not follow the last record, or exceeds the credit.
        """
        match record.WhichOneof("content"):
            case "message":
                size = RECORD_UNITS + len(record.message)
            case "skip":
                size = record.skip
            case _:
                size = RECORD_UNITS
        if record.position != self.received:
            raise RemoteProtocolError(f"a record at {record.position}, where {self.received} was expected")
        limit = self._told + self._told_window
        if record.HasField("end"):
            limit += size  # it has no content to keep
        if not size or self.received + size > limit:
            raise RemoteProtocolError("more than there is credit for")
        self.received += size
        return size

    def take_urgent(self, urgent: StreamUrgent) -> None:
        """Take an urgent message.

        Raises:
            RemoteProtocolError: it does not follow the one before, or is too large.
        """
        if urgent.number != self._urgent + 1 or len(urgent.message) > MOST_BYTES:
            raise RemoteProtocolError("an urgent message out of turn, or too large")
        self._urgent = urgent.number

    def skip(self, size: int) -> None:
        """Record that the record just taken has nothing for the program: it is consumed in its turn."""
        start = self.received - size
        if self._skips and sum(self._skips[-1]) == start:  # skips of one unit each must not cost more than they count
            start, before = self._skips.pop()
            size += before
        self._skips.append((start, size))
        self._pass_skips()

    def consume(self, size: int) -> None:
        """Record that the program has consumed so many units of messages, in the order in which they came.

        Raises:
            LocalProtocolError: fewer units came.
        """
        if self.consumed + size > self.received:
            raise LocalProtocolError("more was consumed than came")
        self.consumed += size
        if self._skips:
            self._pass_skips()  # also those between messages that are consumed together

    def consume_all(self) -> None:
        """Record that the program needs nothing of what came any more."""
        self._skips.clear()
        self.consumed = self.received

    def wants(self, window: int) -> None:
        """Record that the sender could use a window of this size: grant it, up to the budget."""
        wanted = min(window, MAX_WINDOW) - self.window
        # A slow reader would only have more waiting.
        if wanted > 0 and self.received - self.consumed <= self.window // 2:
            given = self.room.take(wanted, self.owner)
            self.window += given
            self._given += given

    @property
    def is_ack_due(self) -> bool:
        """Whether to acknowledge now: before the sender runs out of credit, or since it may have more."""
        if self._urgent > self._told_urgent or self.window > self._told_window:
            return True
        return self.consumed - self._told >= min(self.window // _TELL_PART, _TELL_UNITS)

    @property
    def is_ack_owed(self) -> bool:
        """Whether nothing waits here, and the sender does not know: it can't tell how long its records take."""
        return self._told < self.consumed == self.received

    @property
    def has_news(self) -> bool:
        """Whether an acknowledgement would say something new."""
        return self._told < self.consumed

    def ack(self) -> StreamAck:
        """Return the acknowledgement to send now."""
        self._told, self._told_window, self._told_urgent = self.consumed, self.window, self._urgent
        return StreamAck(consumed=self.consumed, window=self.window, urgent=self._urgent)

    def _pass_skips(self) -> None:
        while self._skips and self._skips[0][0] <= self.consumed:
            self.consumed += self._skips.popleft()[1]

    def close(self) -> None:
        """Return the window to the budget."""
        self.room.give_back(self._given, self.owner)
        self._given = 0
