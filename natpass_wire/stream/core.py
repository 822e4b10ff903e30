"""One end of a stream, without I/O: records in, events out; messages in, records out.

    opener:  OPENING --reply ok--> OPEN     --finish--> CLOSING --acknowledged, or their end--> ENDED
             OPENING --reply no--> ENDED, --finish--> CLOSING
    target:  ASKED --accept--> OPEN         ASKED --refuse--> ENDED
             OPEN, CLOSING --their end--> ENDED

Each state may be attached to a link or detached from all; `attach` and `detach` change nothing else. The states and
what leads from one to the next are those of docs/streams.md.
"""

# Why: docs/decisions/024-acknowledged-when-consumed.md

from dataclasses import dataclass
from enum import Enum, auto

from natpass_wire import envelope
from natpass_wire.errors import LocalProtocolError, RemoteProtocolError
from natpass_wire.links import End
from natpass_wire.pb.envelope_pb2 import Msg
from natpass_wire.pb.link_pb2 import ConnectRequest, ConnectResponse, LinkEnd
from natpass_wire.pb.stream_pb2 import StreamAck, StreamHello, StreamRecord, StreamReply, StreamUrgent
from natpass_wire.stream import records
from natpass_wire.stream.receiver import Receiver, Room
from natpass_wire.stream.sender import Sender
from natpass_wire.stream.urgent import UrgentReceiver, UrgentSender
from natpass_wire.text import printable


class StreamPhase(Enum):
    """Where a stream is in its life."""

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
    """The stream goes on over another link; what need not be sent again may have been lost on the way."""


@dataclass(frozen=True, slots=True)
class StreamReceived:
    """A message; `StreamCore.consumed` it when done with it."""

    message: Msg
    units: int


@dataclass(frozen=True, slots=True)
class Urgent:
    """A message that overtook others. Nobody is told when the program is done with it."""

    message: Msg


@dataclass(frozen=True, slots=True)
class StreamEnded:
    """The stream is over: refused, gone, or ended by the other side (everything before that was received)."""

    end: End


@dataclass(frozen=True, slots=True)
class Finished:
    """The other side has consumed everything, our end included: there is nothing more to do for this stream."""


Event = StreamOpened | Resumed | StreamReceived | Urgent | StreamEnded | Finished


class StreamCore:
    """One end of a stream.

    Args:
        stream_id: 16 random bytes.
        request: opener: what is asked for. None: this is the target.
        room: what the windows of all streams of this process share.
    """

    def __init__(self, stream_id: bytes, request: ConnectRequest | None = None, room: Room | None = None) -> None:
        self.stream_id = stream_id
        self._request = request
        #: What this side sends.
        self.sender = Sender()
        self._receiver = Receiver(room if room is not None else Room())
        self._urgent_sender = UrgentSender()
        self._urgent_receiver = UrgentReceiver()
        self._control: StreamRecord | None = None  # a hello or a reply that goes before everything else
        self._answered = False  # opener: the reply came on this link; target: it was sent on it
        self._refusal: StreamReply | None = None
        self._attached = False
        self.state = StreamPhase.ASKED if request is None else StreamPhase.OPENING
        #: Why it ended, once it did, or is about to.
        self.end: End | None = None
        #: How many times it went on over another link.
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
        """Whether a link carries it, and both ends have said where they are."""
        return self._answered

    @property
    def has_room(self) -> bool:
        """Whether another message may be made: none waits to be put on a link."""
        return self.state is StreamPhase.OPEN and self._answered and not self.sender.is_waiting

    @property
    def unconsumed(self) -> int:
        """Bytes of messages that the other side is not done with, as far as we know."""
        return self.sender.unconsumed

    @property
    def kept_units(self) -> int:
        """What this side keeps to send again, and what it has received and not consumed, in units."""
        return self.sender.kept_units + self._receiver.received - self._receiver.consumed

    # the link below

    def attach(self) -> None:
        """Opener: a link is there. Its first record is our hello."""
        if self._request is None:
            raise LocalProtocolError("a target is attached by a hello")
        self._attached, self._answered = True, False
        hello = StreamHello(stream_id=self.stream_id, received=self._receiver.received, ack=self._ack())
        if self.state is StreamPhase.OPENING:
            hello.request.CopyFrom(self._request)
        self._control = StreamRecord(hello=hello)

    def attach_by(self, hello: StreamHello) -> list[Event]:
        """Target: a link is there, and this is its hello.

        Raises:
            RemoteProtocolError: the two ends do not agree on where they were.
        """
        if self._request is not None:
            raise LocalProtocolError("an opener is attached by itself")
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
        """The link is gone."""
        self._attached = self._answered = False
        self._control = None

    def receive(self, data: bytes, now: float) -> list[Event]:
        """Take a record from the link, the transport's work on it done.

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
            self._urgent_sender.acknowledged(record.ack.urgent)
        if record.want and self.state is not StreamPhase.ENDED:  # nobody would give it back
            self._receiver.wants(record.want)  # before the record is counted: it is no sign of a slow reader
        events: list[Event] = []
        if is_urgent:
            self._urgent_receiver.take(record.urgent.number, record.urgent.message)
            events.append(Urgent(envelope.parse(record.urgent.message)))
        if content is not None:
            size = self._receiver.take(record)
            match content:
                case "message":
                    events.append(StreamReceived(envelope.parse(record.message), size))
                case "skip":
                    self._receiver.skip(size)
                case "end":
                    self._receiver.consume_all()
                    events.append(self._over(End.from_end(record.end)))
        if self.state is StreamPhase.CLOSING and self.sender.is_end_acknowledged:
            self.state = StreamPhase.ENDED
            events.append(Finished())
        return events

    def has_output(self, now: float) -> bool:
        """Tell whether `next` would return a record."""
        if not self._attached:
            return False
        if self._control is not None:
            return True
        return self._answered and (self._urgent_sender.may_send or self._is_ack_due or self.sender.may_send(now))

    def next(self, now: float) -> bytes | None:
        """Return the next record for the link, None if there is nothing to say or it may not be said yet."""
        if not self._attached:
            return None
        if self._control is not None:
            control, self._control = self._control, None
            return control.SerializeToString()
        if not self._answered:
            return None
        if self._urgent_sender.may_send:
            number, message = self._urgent_sender.next()
            record: StreamRecord | None = StreamRecord(urgent=StreamUrgent(number=number, message=message))
        else:
            record = self.sender.next(now)
        ends = record is not None and record.HasField("end")  # the last chance to say what was consumed
        if self._is_ack_due or ends:
            record = record or StreamRecord()
            record.ack.CopyFrom(self._ack())
        return None if record is None else record.SerializeToString()

    # the program above

    def send(self, message: bytes, *, newest: bool = False) -> None:
        """Send a message: a serialised `Msg` without addresses.

        Args:
            message: its bytes.
            newest: something newer will follow: if it is lost, it is not sent again.

        Raises:
            LocalProtocolError: the stream is not open.
        """
        if self.state is not StreamPhase.OPEN:
            raise LocalProtocolError(f"a stream that is {self.state.name} sends nothing")
        self.sender.put(message, newest=newest)

    def send_urgent(self, message: bytes) -> bool:
        """Send a message that overtakes all others; return whether it was taken, since there may be too many.

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
        """Take note that the program is done with what it received: its sender gets credit."""
        if self.state is not StreamPhase.ENDED:
            self._receiver.consume(units)

    def accept(self) -> None:
        """Target: say yes."""
        self._expect_asked()
        self.state = StreamPhase.OPEN
        self._answer()

    def refuse(self, text: str, reason: ConnectResponse.Reason) -> None:
        """Target: say no, with the reason in one line."""
        self._expect_asked()
        text = printable(text)
        self._refusal = StreamReply(text=text, reason=reason)
        self.end = End(LinkEnd.FAILED, text, reason=reason)
        self.state = StreamPhase.ENDED
        self._answer()
        self._receiver.close()

    def finish(self, end: End) -> None:
        """End the stream from this side. Nothing happens if it has ended.

        What a target has sent comes before its end. An opener that ends a stream gives up what it asked for: what it
        has not sent yet goes with it, since its target may take nothing any more.
        """
        match self.state:
            case StreamPhase.OPEN | StreamPhase.OPENING:  # one that is opened after all ends at once
                self.state = StreamPhase.CLOSING
                self.end = end
                self.sender.finish(end.to_message(), gives_up=self.is_opener)
            case StreamPhase.ASKED:
                self.fail(end)

    def fail(self, end: End) -> None:
        """End the stream at once, because it can't go on."""
        if self.state is not StreamPhase.ENDED:
            self._over(end)

    @property
    def _is_ack_due(self) -> bool:
        return self._receiver.is_ack_due or self._urgent_receiver.is_ack_due

    def _ack(self) -> StreamAck:
        ack = self._receiver.ack()
        ack.urgent = self._urgent_receiver.tell()
        return ack

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
        reply = StreamReply(ok=True, received=self._receiver.received, ack=self._ack())
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
