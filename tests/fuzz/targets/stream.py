"""A stream's core, as either end: any records, in any state, with our own program's calls in between."""

from contextlib import suppress
from typing import Any

from natpass_wire.errors import LocalProtocolError, RemoteProtocolError
from natpass_wire.links import End
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.link_pb2 import ConnectRequest, ConnectResponse, LinkEnd
from natpass_wire.pb.shell_pb2 import ShellData
from natpass_wire.pb.stream_pb2 import StreamAck, StreamHello, StreamRecord, StreamReply, StreamUrgent
from natpass_wire.stream import records
from natpass_wire.stream.core import StreamCore, StreamEnded, StreamReceived
from natpass_wire.stream.receiver import Room
from tests.fuzz.targets.pieces import joined, pieces

_MESSAGE = Msg(type=MsgType.shell_data, sdata=ShellData(data=b"x" * 40)).SerializeToString()
_HELLO = StreamHello(stream_id=bytes(16), request=ConnectRequest(name="x"), ack=StreamAck(window=65536))


def _record(**fields: Any) -> bytes:
    return b"\0" + StreamRecord(**fields).SerializeToString()


_REPLY = _record(reply=StreamReply(ok=True, ack=StreamAck(window=65536)))
SEEDS = (
    b"\0" + joined(_REPLY, b"\1", _record(message=_MESSAGE), b"\2", _record(ack=StreamAck(consumed=200, window=70000))),
    b"\0" + joined(_REPLY, b"\3", _record(urgent=StreamUrgent(number=1, message=_MESSAGE)), b"\4", b"\5", _REPLY),
    b"\1"
    + joined(_record(hello=_HELLO), b"\6", _record(message=_MESSAGE), b"\1", b"\2", _record(skip=100, position=104)),
    b"\1" + joined(_record(hello=_HELLO), b"\7", _record(hello=_HELLO), _record(want=1 << 40)),
    b"\1" + joined(_record(hello=_HELLO), b"\6", b"\5", _record(hello=_HELLO), b"\4", _record(end={"text": "x"})),
)
#: Bytes that a core may keep for its peer, whatever that sends: its window.
_MOST_KEPT = 16 * 1024 * 1024


def target(data: bytes) -> None:
    """The first byte says which end this is. Pieces are records (after a zero byte), or calls of our program."""
    is_opener, now, unread = data[:1] != b"\1", 0.0, 0
    core = StreamCore(bytes(16), ConnectRequest(name="x") if is_opener else None, Room())
    if is_opener:
        core.attach()
    for piece in pieces(data[1:]):
        now += 0.01
        number = piece[0] if piece else 0
        try:
            if number:
                unread = _call(core, number, unread)
            elif not is_opener and (not core.is_attached or piece[1:2] == b"\n"):
                core.attach_by(records.parse_hello(piece[1:]).hello)
            else:
                for event in core.receive(piece[1:], now):
                    if isinstance(event, StreamReceived):
                        unread += event.units
                    if isinstance(event, StreamEnded):
                        assert event.end.text.isprintable()
        except RemoteProtocolError:
            return
        while core.has_output(now):
            assert core.next(now) is not None
        assert core.kept_units < _MOST_KEPT


def _call(core: StreamCore, number: int, unread: int) -> int:
    """Make a call of our own program's; return how much it has not consumed."""
    with suppress(LocalProtocolError):
        match number % 8:
            case 1:
                core.consumed(unread)
                return 0
            case 2 if core.room():
                core.send(_MESSAGE)
            case 3:
                core.send_urgent(_MESSAGE)
            case 4:
                core.finish(End(LinkEnd.CLOSED, "over"))
            case 5:
                core.detach()
                if core.is_opener:
                    core.attach()
            case 6:
                core.accept()
            case 7:
                core.refuse("no", ConnectResponse.REFUSED)
    return unread
