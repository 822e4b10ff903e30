"""What the clients of our own proxy ask for (SOCKS5, SOCKS4, CONNECT), and what a proxy answers to us, in pieces."""

from contextlib import suppress

from natpass_tui.links.forward.rules import checked_host
from natpass_tui.links.forward.socks import BadProxyRequestError, ProxyRequest
from natpass_wire.errors import RemoteProtocolError
from natpass_wire.http_connect import ProxyResponse
from natpass_wire.pb.forward_pb2 import ChannelRefused
from tests.fuzz.targets.pieces import joined, pieces

_TAIL = b"\x16\x03\x01behind"
SEEDS = (
    joined(b"\5\1\0", b"\5\1\0\3\7example\0\x50" + _TAIL),
    joined(b"\5\2\0\2\5\1\0\1\x7f\0\0\1\0\x50", _TAIL),
    joined(b"\5\1\0\5\1\0\4" + bytes(15) + b"\1\0\x50"),
    joined(b"\4\1\0\x50\0\0\0\1user\0example.org\0" + _TAIL),
    joined(b"\4\1\0\x50\x0a\0\0\1\0"),
    joined(b"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n" + _TAIL),
    joined(b"CONNECT [::1]:443 HTTP/1.1\r\n", b"Host: x\r\nContent-Length: 3\r\n\r\n", b"abc" + _TAIL),
    joined(b"CONNECT x:443 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"),
    joined(b"GET http://example.org/ HTTP/1.1\r\nHost: example.org\r\n\r\n"),
    joined(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n\r\n"),
    joined(b"HTTP/1.0 407 \xff\x1b[2J\r\n\r\n"),
)


def target(data: bytes) -> None:
    """Each piece is what is read at once."""
    parts = [piece for piece in pieces(data) if piece]
    _request(parts)
    answer = ProxyResponse()
    with suppress(RemoteProtocolError):
        for piece in parts:
            said = answer.receive(piece)
            if said is not None:
                assert said.isprintable()
                break


def _request(parts: list[bytes]) -> None:
    request = ProxyRequest()
    came, fault = b"", BadProxyRequestError("")
    try:
        for piece in parts:
            came += piece
            assert len(request.receive(piece)) < 200
            if request.target is not None:
                break
    except BadProxyRequestError as error:
        fault = error
    if str(fault):
        assert str(fault).isprintable()
        assert len(fault.answer) < 200
        return
    if (end := request.target) is None:
        assert len(came) < 64 * 1024, "a request without an end"
        return
    assert checked_host(end.host) == end.host
    assert 0 < end.port <= 0xFFFF
    assert not end.path
    assert came.endswith(request.rest), "bytes for the target are not those that came last"
    for reason in (ChannelRefused.FAILED, ChannelRefused.NOT_ALLOWED, ChannelRefused.TIMED_OUT, ChannelRefused.NO_HOST):
        assert request.refused(reason)
    assert request.opened()
