"""One direction of a stream at its sender: what is not consumed yet, what may be sent, what to send again."""

# Why: docs/decisions/100-what-an-end-leaves-waiting.md

from collections import deque
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from itertools import chain

from natpass_wire.errors import LocalProtocolError, RemoteProtocolError
from natpass_wire.pb.link_pb2 import LinkEnd
from natpass_wire.pb.stream_pb2 import StreamAck, StreamRecord
from natpass_wire.stream.pace import SendPace
from natpass_wire.stream.receiver import MAX_WINDOW, START_WINDOW, Room
from natpass_wire.stream.records import RECORD_UNITS

#: What all streams of a process keep together to send it again, beyond `START_WINDOW` each: the other side says how
#: much it takes, and need not acknowledge any of it.
PROCESS_KEPT = 64 * 1024 * 1024


@dataclass(slots=True)
class _Kept:
    """A record that is not acknowledged.

    Attributes:
        position: in units.
        behind: the position after it.
        content: a message, the end, or None: the content is not sent again, a skip replaces it.
        newest: the content is dropped once it was sent.
        sent_at: when it was put on the present link; 0.0 if the other side had it from an earlier one.
    """

    position: int
    behind: int
    content: bytes | LinkEnd | None
    newest: bool = False
    sent_at: float = 0.0


class Sender:
    """The sending half of one end.

    Args:
        room: the budget for what all streams of a process keep.
        owner: to whom it is counted.
    """

    def __init__(self, room: Room | None = None, owner: Hashable = None) -> None:
        self._room = Room(PROCESS_KEPT) if room is None else room
        self._owner = owner
        self._given = 0  # units of the budget: so many more than `START_WINDOW` may be on their way
        self._queue: deque[_Kept] = deque()  # not on the present link yet
        self._sent: deque[_Kept] = deque()  # on the present link, or received before it: not consumed
        self._enqueued = 0  # the position of the next new record
        self._on_link = 0  # everything before it is in `_sent`, or consumed
        self._consumed = 0
        self._window = START_WINDOW
        self._pace = SendPace(2 * START_WINDOW)
        self._end: _Kept | None = None
        self._gives_up = False
        self._abandoned = 0  # messages that will not be consumed

    @property
    def unacknowledged(self) -> int:
        """How many messages the other side has not consumed, as far as we know; also once the stream is over."""
        kept = len(self._sent) + len(self._queue)
        return self._abandoned + kept - (self._end is not None and kept > 0)

    @property
    def is_end_acknowledged(self) -> bool:
        """Whether the other side has consumed everything, including our end."""
        return self._end is not None and self._consumed >= self._end.behind

    @property
    def unconsumed(self) -> int:
        """Bytes of messages that the other side has not consumed, as far as we know."""
        kept = chain(self._sent, self._queue)
        return sum(len(record.content) for record in kept if isinstance(record.content, bytes))

    @property
    def kept_units(self) -> int:
        """Units that are not acknowledged, and kept on this side."""
        return self._enqueued - self._consumed

    def room(self) -> int:
        """Return how many bytes the next message should have at most; 0 while a record waits: then make no more."""
        return 0 if self._queue else self._pace.content

    def put(self, message: bytes, *, newest: bool = False) -> None:
        """Take a message to send.

        Args:
            message: its bytes.
            newest: do not send it again if it is lost.

        Raises:
            LocalProtocolError: our end was put already.
        """
        if self._end is not None:
            raise LocalProtocolError("a message after the end of a stream")
        behind = self._enqueued + RECORD_UNITS + len(message)
        self._queue.append(_Kept(self._enqueued, behind, message, newest))
        self._enqueued = behind

    def finish(self, end: LinkEnd, *, gives_up: bool = False) -> None:
        """Queue our end as the last record. No-op the second time.

        Args:
            end: why.
            gives_up: drop what was not sent yet, and do not send again what is lost from now on. The other side may
                have stopped consuming, and would never see an end that waits behind that.
        """
        if self._end is None:
            self._gives_up = gives_up
            self._end = _Kept(self._enqueued, self._enqueued + RECORD_UNITS, end)
            if gives_up:
                self._end_at(self._on_link)
            else:
                self._queue.append(self._end)
                self._enqueued = self._end.behind

    def _end_at(self, position: int) -> None:
        """Make our end the only record left to send."""
        if self._end is not None:
            self._end.position, self._end.behind = position, position + RECORD_UNITS
            self._queue = deque([self._end])
            self._enqueued = self._end.behind

    def abandon(self) -> None:
        """Forget all records: the other side will not consume them."""
        self._abandoned = self.unacknowledged
        self._queue.clear()
        self._sent.clear()
        self._give_back()

    def may_send(self, now: float) -> bool:
        """Tell whether the next record may be put on the link now."""
        if not self._queue:
            return False
        head = self._queue[0]
        if head is self._end:
            return True  # it needs no credit, and everything before it is on its way
        units = head.behind - self._consumed
        # A skip may stand for a whole window, and keeps nothing.
        if units > self._window or not (head.content is None or self._may_keep(units)):
            self._pace.held_back()
            return False
        return self._pace.allows(self._on_link - self._consumed, head.behind - head.position, now)

    def _may_keep(self, units: int) -> bool:
        """Tell whether so many units may be on their way: the other side may never acknowledge them."""
        most = START_WINDOW + self._given
        if units > most:
            given = self._room.take(max(units - most, min(most, MAX_WINDOW - most)), self._owner)
            self._given += given
            most += given
        return units <= most

    def _give_back(self) -> None:
        if self._given:
            self._room.give_back(self._given, self._owner)
            self._given = 0

    def next(self, now: float) -> StreamRecord | None:
        """Return the next record to put on the link, None if none may be."""
        if not self.may_send(now):
            return None
        kept = self._queue.popleft()
        record = StreamRecord(position=kept.position)
        match kept.content:
            case bytes() as message:
                record.message = message
            case None:
                record.skip = kept.behind - kept.position
            case LinkEnd() as end:
                record.end.CopyFrom(end)
        if self._pace.window > self._window:
            record.want = min(self._pace.window, MAX_WINDOW)
        if kept.newest:
            kept.content = None
        kept.sent_at = now
        self._sent.append(kept)
        self._on_link = kept.behind
        return record

    def acknowledged(self, ack: StreamAck, now: float) -> None:
        """Take an acknowledgement: what the other side has consumed, and its credit.

        Raises:
            RemoteProtocolError: it acknowledges what was not sent, or takes back what it said.
        """
        if not self._consumed <= ack.consumed <= self._on_link:
            raise RemoteProtocolError("an acknowledgement of what was not sent, or of less than before")
        newest = self._forget(ack)
        if newest is not None and newest.sent_at:
            self._pace.acknowledged(max(now - newest.sent_at, 0.0), self._consumed, self._on_link, now)

    def attach(self, received: int, ack: StreamAck) -> None:
        """Begin on a new link: the other side has everything before `received`, the rest is sent again.

        Raises:
            RemoteProtocolError: the other side has more than was sent, or less than it had consumed.
        """
        if not self._consumed <= ack.consumed <= received <= self._on_link:
            raise RemoteProtocolError("the two ends of a stream do not agree on their positions")
        self._forget(ack)
        self._pace = SendPace(2 * self._window)
        received_before = deque(record for record in self._sent if record.behind <= received)
        again = (record for record in self._sent if record.behind > received)
        self._queue = deque(self._with_skips(chain(again, self._queue)))
        if self._gives_up and self._queue:
            self._end_at(received)
        for record in received_before:
            record.sent_at = 0.0
        self._sent = received_before
        self._on_link = received
        if self._queue and self._queue[0].position != received:
            raise RemoteProtocolError("the other end of a stream was within a record")

    def _with_skips(self, records: Iterable[_Kept]) -> Iterable[_Kept]:
        """Yield records, with each run of records without content merged into one."""
        run: _Kept | None = None
        for record in records:
            if record.content is None:
                run = record if run is None else _Kept(run.position, record.behind, None)
                continue
            if run is not None:
                yield run
                run = None
            yield record
        if run is not None:
            yield run

    def _forget(self, ack: StreamAck) -> _Kept | None:
        """Take the credit of an acknowledgement, and forget what is consumed; return the newest such record."""
        if ack.window > MAX_WINDOW or ack.consumed + ack.window < self._consumed + self._window:
            raise RemoteProtocolError("a window that is too large, or credit that is taken back")
        self._window = ack.window
        self._pace.most = 2 * ack.window  # the sender asks for more by `want`
        newest = None
        while self._sent and self._sent[0].behind <= ack.consumed:
            newest = self._sent.popleft()
        if self._sent and self._sent[0].position < ack.consumed:
            raise RemoteProtocolError("an acknowledgement within a record")
        self._consumed = ack.consumed
        if not self._sent:
            self._give_back()
        return newest
