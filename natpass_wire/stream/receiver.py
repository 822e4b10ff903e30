"""One direction of a stream at its receiver: what came, what is consumed, and how much more is taken."""

from collections import deque
from dataclasses import dataclass, field

from natpass_wire.errors import LocalProtocolError, RemoteProtocolError
from natpass_wire.pb.stream_pb2 import StreamAck, StreamRecord
from natpass_wire.stream.records import size_of

#: Credit at first, and at most: 8 MiB fill a line of 200 Mbit/s and 300 ms.
START_WINDOW, MAX_WINDOW = 64 * 1024, 8 * 1024 * 1024
#: What all streams of a process together get beyond `START_WINDOW` each.
PROCESS_WINDOWS = 64 * 1024 * 1024
#: Consumed units that are told at the latest, beside whatever part of the window they are.
_TELL_UNITS = 128 * 1024
_TELL_PART = 4


@dataclass(slots=True)
class Room:
    """What the windows of all streams of a process share.

    Attributes:
        units: what is left to be given.
    """

    units: int = PROCESS_WINDOWS

    def take(self, wanted: int) -> int:
        """Return how many units are given: all that are wanted, or what is left."""
        given = max(0, min(wanted, self.units))
        self.units -= given
        return given

    def give_back(self, units: int) -> None:
        """Take units back from a stream that has ended."""
        self.units += units


@dataclass(slots=True)
class Receiver:
    """The receiving half of one end.

    Attributes:
        room: what the windows of all streams share.
        received: everything before this position is here.
        consumed: everything before this position is done with.
        window: units that are taken beyond that.
    """

    room: Room = field(default_factory=Room)
    received: int = 0
    consumed: int = 0
    window: int = START_WINDOW
    _told: int = 0
    _told_window: int = START_WINDOW
    _given: int = 0
    _skips: deque[tuple[int, int]] = field(default_factory=deque)  # position and size of those not consumed yet

    def take(self, record: StreamRecord) -> int:
        """Take a record that has a position; return its size in units.

        Raises:
            RemoteProtocolError: it does not follow what came before, or is more than there is credit for.
        """
        size = size_of(record)
        if record.position != self.received:
            raise RemoteProtocolError(f"a record at {record.position}, where {self.received} was expected")
        limit = self._told + self._told_window
        if record.HasField("end"):
            limit += size  # it holds nothing that would have to be kept
        if not size or self.received + size > limit:
            raise RemoteProtocolError("more than there is credit for")
        self.received += size
        return size

    def skip(self, size: int) -> None:
        """Take note that the record that was just taken has nothing for the program: it is consumed in its turn."""
        self._skips.append((self.received - size, size))
        self._pass_skips()

    def consume(self, size: int) -> None:
        """Take note that the program is done with so many units, in the order in which they came.

        Raises:
            LocalProtocolError: so many did not come.
        """
        if self.consumed + size > self.received:
            raise LocalProtocolError("more was consumed than came")
        self.consumed += size
        if self._skips:
            self._pass_skips()

    def consume_all(self) -> None:
        """Take note that nobody waits for what came any more."""
        self._skips.clear()
        self.consumed = self.received

    def wants(self, window: int) -> None:
        """Take note that the sender could make use of a window of this size: give it, as far as there is room."""
        wanted = min(window, MAX_WINDOW) - self.window
        # Who does not keep up with what came would only keep more of it waiting.
        if wanted > 0 and self.received - self.consumed <= self.window // 2:
            given = self.room.take(wanted)
            self.window += given
            self._given += given

    @property
    def is_ack_due(self) -> bool:
        """Whether the sender should be told now: when nothing waits here, or before it feels the lack of credit."""
        untold = self.consumed - self._told
        if untold == 0:
            return self.window > self._told_window
        return self.consumed == self.received or untold >= min(self.window // _TELL_PART, _TELL_UNITS)

    def ack(self) -> StreamAck:
        """Return what to tell the sender now."""
        self._told, self._told_window = self.consumed, self.window
        return StreamAck(consumed=self.consumed, window=self.window)

    def _pass_skips(self) -> None:
        while self._skips and self._skips[0][0] == self.consumed:
            self.consumed += self._skips.popleft()[1]

    def close(self) -> None:
        """Give the room back."""
        self.room.give_back(self._given)
        self._given = 0
