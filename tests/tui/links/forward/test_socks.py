"""What a proxy's clients ask for: the same however it is cut into pieces; what is no request is answered and ends."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from natpass_tui.links.forward.socks import BadProxyRequestError, ProxyRequest
from natpass_wire.channels.events import Endpoint
from natpass_wire.pb.forward_pb2 import ChannelRefused

names = st.from_regex(r"[a-z0-9][a-z0-9.-]{0,60}", fullmatch=True)
ports = st.integers(1, 0xFFFF)
v4, v6 = st.ip_addresses(v=4), st.ip_addresses(v=6)


def _socks5(kind: int, address: bytes, port: int) -> bytes:
    return b"\x05\x02\x00\x02" + bytes([5, 1, 0, kind]) + address + port.to_bytes(2, "big")


def _named(name: str) -> bytes:
    return bytes([len(name)]) + name.encode()


def _http(authority: str) -> bytes:
    return f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\nProxy-Connection: keep-alive\r\n\r\n".encode()


requests: st.SearchStrategy[tuple[bytes, Endpoint]] = st.one_of(
    st.builds(lambda name, port: (_socks5(3, _named(name), port), Endpoint(name, port)), names, ports),
    st.builds(lambda ip, port: (_socks5(1, ip.packed, port), Endpoint(str(ip), port)), v4, ports),
    st.builds(lambda ip, port: (_socks5(4, ip.packed, port), Endpoint(str(ip), port)), v6, ports),
    st.builds(
        lambda ip, port: (b"\x04\x01" + port.to_bytes(2, "big") + ip.packed + b"me\0", Endpoint(str(ip), port)),
        st.ip_addresses(v=4, network="10.0.0.0/8"),
        ports,
    ),
    st.builds(
        lambda name, port: (
            b"\x04\x01" + port.to_bytes(2, "big") + b"\0\0\0\x01me\0" + name.encode() + b"\0",
            Endpoint(name, port),
        ),
        names,
        ports,
    ),
    st.builds(lambda name, port: (_http(f"{name}:{port}"), Endpoint(name, port)), names, ports),
    st.builds(lambda ip, port: (_http(f"[{ip}]:{port}"), Endpoint(str(ip), port)), v6, ports),
)


@given(requests, st.binary(max_size=50), st.data())
def test_a_request_is_the_same_in_any_pieces(asked: tuple[bytes, Endpoint], rest: bytes, data: st.DataObject) -> None:
    sent, target = asked
    cuts = sorted(data.draw(st.lists(st.integers(0, len(sent)), max_size=6)))
    request = ProxyRequest()
    answers = b""
    for start, end in zip([0, *cuts], [*cuts, len(sent)], strict=True):
        if start == end:
            continue
        assert request.target is None
        answers += request.receive(sent[start:end] + (rest if end == len(sent) else b""))
    assert (request.target, request.rest) == (target, rest)
    assert answers == (b"\x05\x00" if sent[0] == 5 else b"")


@given(st.binary(min_size=1, max_size=300))
def test_any_bytes_are_a_request_or_are_refused(data: bytes) -> None:
    request = ProxyRequest()
    try:
        for at in range(len(data)):
            request.receive(data[at : at + 1])
            if request.target is not None:
                return
    except BadProxyRequestError as error:
        assert str(error).isprintable()  # noqa: PT017 - it need not be raised


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        (b"\x05\x01\x02", b"\x05\xff"),
        (b"\x05\x01\x00\x05\x02\x00\x01\x7f\0\0\1\0\x50", b"\x05\x00\x05\x07\x00\x01" + bytes(6)),
        (b"\x05\x01\x00\x05\x01\x00\x09\x7f\0\0\1\0\x50", b"\x05\x00\x05\x08\x00\x01" + bytes(6)),
        (b"\x05\x01\x00\x05\x01\x00\x03\x03a b\0\x50", b"\x05\x00\x05\x01\x00\x01" + bytes(6)),
        (b"\x05\x01\x00\x05\x01\x00\x01\x7f\0\0\1\0\0", b"\x05\x00\x05\x01\x00\x01" + bytes(6)),
        (b"\x05\x01\x00\x04\x01\x00\x01\x7f\0\0\1\0\0", b"\x05\x00"),
        (b"\x04\x02\x00\x50\x7f\0\0\1\0", b"\0\x5b" + bytes(6)),
        (b"\x04\x01\x00\x50\0\0\0\1me\0\0", b"\0\x5b" + bytes(6)),
        (b"\x04\x01\x00\x50\x7f\0\0\1" + b"a" * 2000, b"\0\x5b" + bytes(6)),
    ],
)
def test_a_bad_socks_request_is_answered(sent: bytes, answer: bytes) -> None:
    with pytest.raises(BadProxyRequestError) as refused:
        ProxyRequest().receive(sent)
    assert refused.value.answer == answer


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET http://web/ HTTP/1.1\r\nHost: web\r\n\r\n", b"405"),
        (b"CONNECT web HTTP/1.1\r\nHost: web\r\n\r\n", b"400"),
        (b"CONNECT /run/docker.sock HTTP/1.1\r\nHost: web\r\n\r\n", b"400"),
        (b"CONNECT web:80 HTTP/1.1\r\n\r\n", b"400"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b"400"),
        (b"CONNECT web:80 HTTP/1.1\r\nHost: " + b"a" * 20_000, b"400"),
    ],
)
def test_a_bad_http_request_is_answered(sent: bytes, status: bytes) -> None:
    with pytest.raises(BadProxyRequestError) as refused:
        ProxyRequest().receive(sent)
    assert refused.value.answer.startswith(b"HTTP/1.1 " + status + b" ")
    assert refused.value.answer.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    ("sent", "opened", "refused"),
    [
        (_socks5(3, _named("web"), 80), b"\x05\x00\x00\x01", b"\x05\x02\x00\x01"),
        (b"\x04\x01\x00\x50\x7f\0\0\1\0", b"\x00\x5a", b"\x00\x5b"),
        (_http("web:80"), b"HTTP/1.1 200 ", b"HTTP/1.1 403 "),
    ],
)
def test_the_client_hears_how_it_went(sent: bytes, opened: bytes, refused: bytes) -> None:
    for told, expected in (
        (ProxyRequest.opened, opened),
        (lambda request: request.refused(ChannelRefused.NOT_ALLOWED), refused),
    ):
        request = ProxyRequest()
        request.receive(sent)
        answer: Callable[[ProxyRequest], bytes] = told
        assert answer(request).startswith(expected)


def test_every_reason_has_an_answer() -> None:
    reasons = (ChannelRefused.UNSET, ChannelRefused.NO_HOST, ChannelRefused.TIMED_OUT, ChannelRefused.TOO_MANY)
    for sent in (_socks5(3, _named("web"), 80), b"\x04\x01\x00\x50\x7f\0\0\1\0", _http("web:80")):
        for reason in reasons:
            request = ProxyRequest()
            request.receive(sent)
            assert request.refused(reason)


@pytest.mark.parametrize("header", ["Transfer-Encoding: chunked", "Content-Length: 5", "Expect: 100-continue"])
def test_what_follows_connect_is_for_the_target_whatever_its_headers_say(header: str) -> None:
    """It has no body (RFC 9110 §9.3.6). A parser of one raised an error of its own here, or kept the bytes."""
    asked = ProxyRequest()
    assert asked.receive(f"CONNECT web:80 HTTP/1.1\r\nHost: web\r\n{header}\r\n\r\nzzz\r\n".encode()) == b""
    assert (asked.target, asked.rest) == (Endpoint("web", 80), b"zzz\r\n")
