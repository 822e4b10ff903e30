"""Two ends of a stream back to back, over links that a test makes and cuts."""

from collections import deque
from dataclasses import dataclass, field

from natpass_wire.links import End
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.link_pb2 import ConnectRequest, LinkEnd
from natpass_wire.pb.shell_pb2 import ShellData
from natpass_wire.stream.core import (
    Event,
    Finished,
    StreamCore,
    StreamEnded,
    StreamOpened,
    StreamPhase,
    StreamReceived,
    Urgent,
)
from natpass_wire.stream.receiver import Room
from natpass_wire.stream.records import parse_hello

STREAM_ID = bytes(range(16))
REQUEST = ConnectRequest(name="test", kind=ConnectRequest.shell)


def message(data: bytes) -> bytes:
    return Msg(type=MsgType.shell_data, sdata=ShellData(data=data)).SerializeToString()


@dataclass
class Side:
    """One end, the program above it, and what is on its way to it."""

    core: StreamCore
    way: deque[bytes] = field(default_factory=deque)  # records on the present link, towards this side
    sent: list[bytes] = field(default_factory=list)
    newest: set[bytes] = field(default_factory=set)
    unread: deque[tuple[bytes, int]] = field(default_factory=deque)
    got: list[bytes] = field(default_factory=list)
    urgent_sent: list[bytes] = field(default_factory=list)
    urgent_got: list[bytes] = field(default_factory=list)
    end: End | None = None
    finished: bool = False
    opened: int = 0
    unconsumed: int = 0

    def take(self, events: list[Event]) -> None:
        for event in events:
            match event:
                case StreamReceived(msg, units):
                    assert self.end is None, "a message behind the end"
                    self.unread.append((msg.sdata.data, units))
                    self.unconsumed += units
                case Urgent(msg):
                    assert self.end is None, "an urgent message behind the end"
                    self.urgent_got.append(msg.sdata.data)
                case StreamEnded(end):
                    assert self.end is None, "two ends"
                    self.end = end
                case Finished():
                    self.finished = True
                case StreamOpened():
                    self.opened += 1

    def read(self, most: int = 1) -> bool:
        """Consume messages, at most so many, at once; whether there was one."""
        if not self.unread:
            return False
        consumed = 0
        for _ in range(min(most, len(self.unread))):
            data, units = self.unread.popleft()
            self.got.append(data)
            consumed += units
        self.unconsumed -= consumed
        self.core.consumed(consumed)
        return True

    def everything(self) -> list[bytes]:
        return self.got + [data for data, _ in self.unread]


class Pair:
    """An opener and a target."""

    def __init__(self, room: int | None = None) -> None:
        rooms = (Room(), Room()) if room is None else (Room(room), Room(room))
        self.opener = Side(StreamCore(STREAM_ID, REQUEST, rooms[0]))
        self.target = Side(StreamCore(STREAM_ID, room=rooms[1]))
        self.now = 0.0
        self.link = 0
        self._dead = 0  # the link that one of the ends has seen the end of: nothing gets through on it any more
        self._target_link = 0  # the link whose hello the target has seen last
        self._way_up: deque[tuple[int, bytes]] = deque()  # towards the target: (link, record)
        self._way_down: deque[tuple[int, bytes]] = deque()

    @property
    def sides(self) -> tuple[Side, Side]:
        return self.opener, self.target

    def other(self, side: Side) -> Side:
        return self.target if side is self.opener else self.opener

    # the network

    def connect(self) -> None:
        """Make a new link; what is on older ones towards the opener is lost, and what is towards the target as well."""
        if self.opener.core.state is StreamPhase.ENDED:
            return
        self.link += 1
        self._way_up.clear()
        self._way_down.clear()
        self.opener.core.attach()
        self.pump()

    def cut(self, *, opener_sees: bool = True, target_sees: bool = True) -> None:
        """Lose the link and what is on it; an end that does not see it goes on sending into nothing."""
        self._way_up.clear()
        self._way_down.clear()
        self._dead = self.link
        if opener_sees:
            self.opener.core.detach()
        if target_sees:
            self.target.core.detach()
            self._target_link = 0

    def pump(self) -> None:
        """Put on the link what both ends want to say."""
        while (record := self.opener.core.next(self.now)) is not None:
            self._way_up.append((self.link, record))
        if self._target_link == self.link:
            while (record := self.target.core.next(self.now)) is not None:
                self._way_down.append((self.link, record))
        else:
            while self.target.core.next(self.now) is not None:
                pass  # into a dead link

    def deliver(self, side: Side, seconds: float = 0.001) -> bool:
        """Deliver the next record to `side`; whether there was one. What is owed is acknowledged if nothing else is."""
        self.pump()
        self.now += seconds
        way = self._way_up if side is self.target else self._way_down
        if not way and self.other(side).core.is_ack_owed:
            self.other(side).core.acknowledge()
            self.pump()
        if not way:
            return False
        link, record = way.popleft()
        if link == self._dead:
            return True
        if side is self.target and link != self._target_link:
            hello = parse_hello(record).hello
            if self.target.core.state is StreamPhase.ENDED:
                return True  # the keeper would say that it is gone
            self._target_link = link
            self.target.take(self.target.core.attach_by(hello))
            assert hello.HasField("request") == (self.opener.core.state is StreamPhase.OPENING)
        else:
            side.take(side.core.receive(record, self.now))
        self.pump()
        return True

    # the programs

    def accept(self) -> None:
        self.target.core.accept()
        self.pump()

    def open(self) -> None:
        self.connect()
        self.run()
        self.accept()
        self.run()
        assert self.opener.core.state is StreamPhase.OPEN

    def send(self, side: Side, data: bytes, *, newest: bool = False) -> bool:
        """Send a message, if there is room; whether there was."""
        if not side.core.room():
            return False
        side.sent.append(data)
        if newest:
            side.newest.add(data)
        side.core.send(message(data), newest=newest)
        self.pump()
        return True

    def send_urgent(self, side: Side, data: bytes) -> bool:
        """Send a message that overtakes, if it is taken; whether it was."""
        if side.core.state is not StreamPhase.OPEN or not side.core.send_urgent(message(data)):
            return False
        side.urgent_sent.append(data)
        self.pump()
        return True

    def finish(self, side: Side, text: str = "done") -> None:
        side.core.finish(End(LinkEnd.EXITED, text, 3))
        self.pump()

    def run(self, *, read: bool = True) -> None:
        """Deliver, and consume, until nothing happens any more."""
        busy = True
        while busy:
            busy = self.deliver(self.target) | self.deliver(self.opener)
            if read:
                busy |= self.opener.read() | self.target.read()
                self.pump()
