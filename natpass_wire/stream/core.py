"""One end of a stream, without I/O: records in, events out; messages in, records out.

    opener:  OPENING --reply ok--> OPEN     --finish--> CLOSING --acknowledged, or their end--> ENDED
             OPENING --reply no--> ENDED, --finish--> CLOSING
    target:  ASKED --accept--> OPEN         ASKED --refuse--> ENDED
             OPEN, CLOSING --their end--> ENDED

Each state may be attached to a link or detached; `attach` and `detach` change nothing else. docs/streams.md describes
the states and transitions.
"""

# Why: docs/decisions/024-acknowledged-when-consumed.md

from collections.abc import Hashable
from dataclasses import dataclass
from enum import Enum, auto

from natpass_wire import envelope
from natpass_wire.errors import LocalProtocolError, RemoteProtocolError
from natpass_wire.links import End
from natpass_wire.pb.envelope_pb2 import Msg
from natpass_wire.pb.link_pb2 import ConnectRequest, ConnectResponse, LinkEnd
from natpass_wire.pb.stream_pb2 import StreamHello, StreamRecord, StreamReply
from natpass_wire.stream import records
from natpass_wire.stream.receiver import Receiver, Room
from natpass_wire.stream.sender import Sender
from natpass_wire.stream.urgent import UrgentSender
from natpass_wire.text import printable

#: How long an acknowledgement may wait for a record to go with (TCP's delayed ACK waits up to 500 ms, RFC 1122 section
#: 4.2.3.2). Alone, it costs each of three programs as much as the record that it acknowledges.
ACK_SECONDS = 0.002


class StreamPhase(Enum):
    """The state of a stream in its life."""

    OPENING = auto()  # opener: no answer yet
    ASKED = auto()  # target: not answered yet
    OPEN = auto()
    CLOSING = auto()  # our end is on its way
    ENDED = auto()


@dataclass(frozen=True, slots=True)
class StreamOpened:
    """The target has accepted."""


@dataclass(frozen=True, slots=True)
class Resumed:
    """The stream goes on over another link; messages that need not be sent again may have been lost."""


@dataclass(frozen=True, slots=True)
class StreamReceived:
    """A message; call `StreamCore.consumed` when done with it.

    Attributes:
        message: the message.
        units: what it counts.
        data: the message's bytes, as they came.
    """

    message: Msg
    units: int
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class Urgent:
    """A message that overtook others. It is not acknowledged when consumed."""

    message: Msg


@dataclass(frozen=True, slots=True)
class StreamEnded:
    """The stream is over: refused, gone, or ended by the other side (after everything before was received)."""

    end: End


@dataclass(frozen=True, slots=True)
class Finished:
    """The other side has consumed everything, including our end: this stream is done."""


Event = StreamOpened | Resumed | StreamReceived | Urgent | StreamEnded | Finished


class StreamCore:
    """One end of a stream.

    Args:
        stream_id: 16 random bytes.
        request: opener: the request. None: this is the target.
        room: the budget for the windows of all streams of this process.
        owner: to whom its window, and what it keeps, is counted.
        kept: the budget for what all streams of this process keep to send again.
    """

    def __init__(
        self,
        stream_id: bytes,
        request: ConnectRequest | None = None,
        room: Room | None = None,
        owner: Hashable = None,
        kept: Room | None = None,
    ) -> None:
        self.stream_id = stream_id
        self._request = request
        #: What this side sends.
        self.sender = Sender(kept, owner)
        self._receiver = Receiver(room if room is not None else Room(), owner)
        self._urgent_sender = UrgentSender()
        self._control: StreamRecord | None = None  # a hello or a reply that goes before everything else
        self._answered = False  # opener: the reply came on this link; target: it was sent on it
        self._refusal: StreamReply | None = None
        self._attached = False
        self._acknowledges = False
        self.state = StreamPhase.ASKED if request is None else StreamPhase.OPENING
        #: Why it ended or is about to, None until then.
        self.end: End | None = None
        #: How many times it has gone on over another link.
        self.resumes = 0

    @property
    def is_opener(self) -> bool:
        """Whether this end opened the stream."""
        return self._request is not None

    @property
    def is_attached(self) -> bool:
        """Whether a link carries it."""
        return self._attached

    @property
    def is_through(self) -> bool:
        """Whether a link carries it, and both ends have exchanged their positions."""
        return self._answered

    def room(self) -> int:
        """Return how many bytes the next message should have at most; 0 while none may be made."""
        return self.sender.room() if self._answered and self.state is StreamPhase.OPEN else 0

    @property
    def is_ack_owed(self) -> bool:
        """Whether to call `acknowledge` within `ACK_SECONDS`, unless a record goes before and takes the news along."""
        return self._receiver.is_ack_owed

    @property
    def _is_ack_due(self) -> bool:
        if self._receiver.is_ack_due:
            return True
        return self._receiver.is_ack_owed and (self._acknowledges or self.state is not StreamPhase.OPEN)

    @property
    def unconsumed(self) -> int:
        """Bytes of messages that the other side has not consumed, as far as we know."""
        return self.sender.unconsumed

    @property
    def kept_units(self) -> int:
        """Units that this side keeps: to send again, and received but not consumed."""
        return self.sender.kept_units + self._receiver.received - self._receiver.consumed

    # the link below

    def attach(self) -> None:
        """Opener: attach a link. Its first record is our hello."""
        if self._request is None:
            raise LocalProtocolError("a target is attached by a hello")
        self._attached, self._answered = True, False
        hello = StreamHello(stream_id=self.stream_id, received=self._receiver.received, ack=self._receiver.ack())
        if self.state is StreamPhase.OPENING:
            hello.request.CopyFrom(self._request)
        self._control = StreamRecord(hello=hello)

    def attach_by(self, hello: StreamHello) -> list[Event]:
        """Target: attach a link, with its hello.

        Raises:
            RemoteProtocolError: the two ends do not agree on their positions.
        """
        if self._request is not None:
            raise LocalProtocolError("an opener is not attached by a hello")
        goes_on = self.state is not StreamPhase.ASKED
        self.sender.attach(hello.received, hello.ack)
        self._urgent_sender.attach(hello.ack.urgent)
        self._attached, self._answered = True, False
        if not goes_on:
            return []
        self._answer()
        self.resumes += 1
        return [Resumed()]

    def detach(self) -> None:
        """Detach: the link is gone."""
        self._attached = self._answered = False
        self._control = None

    def receive(self, data: bytes, now: float) -> list[Event]:
        """Take a record from the link, in plain form after the transport.

        Raises:
            RemoteProtocolError: it breaks the protocol: the stream can't go on.
        """
        record = records.parse(data)
        content = record.WhichOneof("content")
        if content == "hello" or (content == "reply") != (self._request is not None and not self._answered):
            raise RemoteProtocolError(f"a {content or 'bare'} record out of turn")
        if content == "reply":
            return self._replied(record.reply)
        is_urgent = record.HasField("urgent")
        if self.state in {StreamPhase.ASKED, StreamPhase.ENDED} and (content is not None or is_urgent):
            if self.state is StreamPhase.ENDED:
                return []  # it was on its way when this side ended
            raise RemoteProtocolError("a record before the answer")
        if record.HasField("ack"):
            self.sender.acknowledged(record.ack, now)
            if record.ack.urgent != self._urgent_sender.acknowledged:
                self._urgent_sender.acknowledge(record.ack.urgent)
        if record.want and self.state is not StreamPhase.ENDED:  # an ended stream never gives it back
            self._receiver.wants(record.want)  # before the record is counted, which would make the reader look slow
        events: list[Event] = []
        if is_urgent:
            self._receiver.take_urgent(record.urgent)
            events.append(Urgent(envelope.parse(record.urgent.message)))
        if content is not None:
            size = self._receiver.take(record)
            match content:
                case "message":
                    events.append(StreamReceived(envelope.parse(record.message), size, record.message))
                case "skip":
                    self._receiver.skip(size)
                case "end":
                    self._receiver.consume_all()
                    events.append(self._over(End.from_end(record.end)))
        if self.state is StreamPhase.CLOSING and self.sender.is_end_acknowledged:
            self.state = StreamPhase.ENDED
            self._receiver.close()
            events.append(Finished())
        return events

    def has_output(self, now: float) -> bool:
        """Tell whether `next` would return a record."""
        if not self._attached:
            return False
        if self._control is not None:
            return True
        if not self._answered:
            return False
        return bool(self._urgent_sender.waiting) or self._is_ack_due or self.sender.may_send(now)

    def next(self, now: float) -> bytes | None:
        """Return the next record for the link, None if nothing is left or may be sent now."""
        if not self._attached:
            return None
        if self._control is not None:
            control, self._control = self._control, None
            return control.SerializeToString()
        if not self._answered:
            return None
        if self._urgent_sender.waiting:
            record: StreamRecord | None = StreamRecord(urgent=self._urgent_sender.next())
        else:
            record = self.sender.next(now)
        if self._is_ack_due or (record is not None and self._receiver.has_news):
            record = record or StreamRecord()
            record.ack.CopyFrom(self._receiver.ack())
            self._acknowledges = False
        return None if record is None else record.SerializeToString()

    # the program above

    def send(self, message: bytes, *, newest: bool = False) -> None:
        """Send a message: a serialised `Msg` without addresses.

        Args:
            message: its bytes.
            newest: a newer message will replace this one: do not send it again if it is lost.

        Raises:
            LocalProtocolError: the stream is not open.
        """
        if self.state is not StreamPhase.OPEN:
            raise LocalProtocolError(f"a stream that is {self.state.name} sends nothing")
        self.sender.put(message, newest=newest)

    def send_urgent(self, message: bytes) -> bool:
        """Send a message that overtakes all others; return whether it was accepted: False if there are too many.

        Raises:
            LocalProtocolError: the stream is not open, or the message too large.
        """
        if self.state is not StreamPhase.OPEN:
            raise LocalProtocolError(f"a stream that is {self.state.name} sends nothing")
        has_room = self._urgent_sender.has_room
        if has_room:
            self._urgent_sender.put(message)
        return has_room

    def consumed(self, units: int) -> None:
        """Record that the program has consumed what it received: its sender gets credit."""
        if self.state is not StreamPhase.ENDED:
            self._receiver.consume(units)

    def acknowledge(self) -> None:
        """Acknowledge what is owed with the next record, and make one if there is none."""
        self._acknowledges = True

    def accept(self) -> None:
        """Target: accept."""
        self._expect_asked()
        self.state = StreamPhase.OPEN
        self._answer()

    def refuse(self, text: str, reason: ConnectResponse.Reason) -> None:
        """Target: refuse, with the reason in one line."""
        self._expect_asked()
        text = printable(text)
        self._refusal = StreamReply(text=text, reason=reason)
        self.end = End(LinkEnd.FAILED, text, reason=reason)
        self.state = StreamPhase.ENDED
        self._answer()
        self._receiver.close()

    def finish(self, end: End, *, gives_up: bool = False) -> None:
        """End the stream from this side. No-op if it has ended.

        A target's messages are sent before its end, unless it `gives_up` what was not sent yet. An opener always does,
        since its target may have stopped reading.
        """
        match self.state:
            case StreamPhase.OPEN | StreamPhase.OPENING:  # if it is opened after all, it ends at once
                self.state = StreamPhase.CLOSING
                self.end = end
                self.sender.finish(end.to_message(), gives_up=gives_up or self.is_opener)
            case StreamPhase.ASKED:
                self.fail(end)

    def fail(self, end: End) -> None:
        """End the stream at once, because it can't go on."""
        if self.state is not StreamPhase.ENDED:
            self._over(end)

    def _over(self, end: End) -> StreamEnded:
        self.end = self.end or end
        self.state = StreamPhase.ENDED
        self.sender.abandon()
        self._urgent_sender.abandon()
        self._receiver.close()
        return StreamEnded(end)

    def _answer(self) -> None:
        if not self._attached:
            return
        self._answered = True
        if self._refusal is not None:
            self._control = StreamRecord(reply=self._refusal)
            return
        reply = StreamReply(ok=True, received=self._receiver.received, ack=self._receiver.ack())
        self._control = StreamRecord(reply=reply)

    def _replied(self, reply: StreamReply) -> list[Event]:
        if not reply.ok:
            gone = reply.reason == ConnectResponse.GONE
            text = printable(reply.text) or "refused without a reason"
            return [self._over(End(LinkEnd.PEER_GONE if gone else LinkEnd.FAILED, text, reason=reply.reason))]
        self._answered = True
        self.sender.attach(reply.received, reply.ack)
        self._urgent_sender.attach(reply.ack.urgent)
        if self.state is StreamPhase.OPENING:
            self.state = StreamPhase.OPEN
            return [StreamOpened()]
        self.resumes += 1
        return [Resumed()]

    def _expect_asked(self) -> None:
        if self.state is not StreamPhase.ASKED:
            raise LocalProtocolError(f"a stream that is {self.state.name} was answered")
