"""A link's channels, as either end: any frames of the other end, with calls of our own program in between."""

from contextlib import suppress

from google.protobuf.message import DecodeError

from natpass_wire.channels.channel import FIRST_WINDOW, SEND_BYTES, ChannelKind
from natpass_wire.channels.events import ChannelAsked, ChannelOpened, ChannelReceived, Endpoint, ListenAsked
from natpass_wire.channels.mux import MAX_CHANNELS, MAX_DATAGRAM, ChannelMux
from natpass_wire.errors import LocalProtocolError, RemoteProtocolError
from natpass_wire.pb.forward_pb2 import ChannelFrame, ChannelOpen, ChannelRefused, Channels, ForwardAddress
from natpass_wire.stream.receiver import Room
from tests.fuzz.targets.pieces import joined, pieces

#: Bytes that all windows of this process may have beyond their first.
_BUDGET = 1024 * 1024
_TCP = ForwardAddress(host="localhost", port=80)
_UDP = ForwardAddress(host="localhost", port=53, datagrams=True)


def _frames(*frames: ChannelFrame) -> bytes:
    return b"\0" + Channels(frames=frames).SerializeToString()


def _data(channel: int) -> ChannelFrame:
    return ChannelFrame(id=channel, data=b"x" * 40)


_ASKED = ChannelFrame(id=2, open=ChannelOpen(address=_TCP))
SEEDS = (
    b"\0"
    + joined(_frames(_ASKED, _data(2)), b"\1\2", b"\4\2", b"\3\2", _frames(ChannelFrame(id=2, end=True)), b"\5\2"),
    b"\0" + joined(_frames(ChannelFrame(id=2, listen=_TCP), ChannelFrame(id=4, open=ChannelOpen(address=_UDP)))),
    b"\0" + joined(_frames(ChannelFrame(id=2, open=ChannelOpen(address=_UDP))), b"\1\2", b"\7\2", b"\7\2", b"\7\2"),
    b"\0" + joined(_frames(_ASKED), b"\2\2", _frames(_data(2)), _frames(ChannelFrame(id=2, reset="x")), b"\6\2"),
    b"\1"
    + joined(
        b"\10\0",
        b"\3\2",
        _frames(ChannelFrame(id=2, opened={"host": "::1", "port": 1}), ChannelFrame(id=2, limit=1 << 20), _data(2)),
        b"\3\2",
        b"\6\2",
        _frames(_data(2)),
    ),
    b"\1"
    + joined(b"\11\0", _frames(ChannelFrame(id=2, opened={}), ChannelFrame(id=1, open={"listener": 2}), _data(1))),
    b"\1" + joined(b"\10\0", _frames(ChannelFrame(id=2, refused={"reason": 3, "text": "no"}), _data(2)), b"\10\0"),
)


class _End:
    """Our end, and what its caller knows."""

    def __init__(self, *, is_console: bool) -> None:
        self.room = Room(_BUDGET)
        self.mux = ChannelMux(is_console=is_console, room=self.room)
        self.unread: dict[int, int] = {}

    def receive(self, message: Channels) -> None:
        for event in self.mux.receive(message):
            match event:
                case ChannelReceived(channel, data):
                    self.unread[channel] = self.unread.get(channel, 0) + len(data)
                case ChannelAsked(_, address) | ListenAsked(_, address):
                    assert len(address.host) <= 256
                    assert 0 <= address.port <= 0xFFFF
                case ChannelOpened(_, host, _):
                    assert host.isprintable() or not host

    def call(self, number: int, channel: int) -> None:
        """Make a call of our own program's."""
        mux, kind = self.mux, self.mux._channels[channel].kind if channel in self.mux else None
        match number % 10:
            case 1:
                mux.accept(channel, "::1", 1)
            case 2:
                mux.refuse(channel, ChannelRefused.FAILED, "no\x1b")
            case 3 if kind is ChannelKind.CONNECTION:
                mux.write(channel, bytes(min(mux.space(channel), 20_000)))
            case 4 if kind is ChannelKind.CONNECTION:
                mux.consumed(channel, self.unread.pop(channel, 0))
            case 5 if kind is ChannelKind.CONNECTION:
                mux.end(channel)
            case 6:
                mux.reset(channel, "over")
            case 7 if kind is ChannelKind.DATAGRAMS:
                assert mux.write_datagram(channel, bytes(MAX_DATAGRAM - channel % 3))
            case 8:
                mux.ask(Endpoint("localhost", 80, datagrams=bool(channel % 2)))
            case 9 if mux._is_console:
                mux.listen(Endpoint(port=0))

    def check(self) -> None:
        """Check what the other end can make us keep."""
        assert len(self.mux) <= MAX_CHANNELS
        given = sum(found.incoming.window - FIRST_WINDOW for found in self.mux._channels.values())
        assert given <= _BUDGET
        for found in self.mux._channels.values():
            assert found.outgoing.queued <= SEND_BYTES


def target(data: bytes) -> None:
    """The first byte says which end this is. Pieces are messages (after a zero byte), or calls of our program."""
    end = _End(is_console=data[:1] == b"\1")
    for piece in pieces(data[1:]):
        number, channel = (piece[0], piece[1]) if len(piece) > 1 else (1, 0)
        if number:
            with suppress(LocalProtocolError):
                end.call(number, channel)
        else:
            try:
                end.receive(Channels.FromString(piece[1:]))
            except (DecodeError, RemoteProtocolError):
                break
        end.check()
        if number % 2:
            continue  # so that some waits
        for _ in range(4 * MAX_CHANNELS):
            if (sent := end.mux.next_message(16_000)) is None:
                break
            assert sent[0].ByteSize() < 65_000
        end.mux.writable()
        end.mux.over()
    end.mux.close()
    assert end.room.units == _BUDGET, "a window was not given back"
    assert not len(end.mux)
