"""The header of TCP proxies, whole, in pieces, and as anybody might write it."""

import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from natpass_relay.proxy_protocol import MAX_V1_BYTES, MAX_V2_BYTES, ProxyHeader, looks_like_header
from natpass_wire.errors import RemoteProtocolError

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"


def v2(family: int, addresses: bytes, command: int = 0x21, tlvs: bytes = b"") -> bytes:
    body = addresses + tlvs
    return SIGNATURE + bytes((command, family)) + struct.pack(">H", len(body)) + body


def v2_of(source: str, port: int, tlvs: bytes = b"") -> bytes:
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    ip = socket.inet_pton(family, source)
    return v2(0x21 if ":" in source else 0x11, ip + ip + struct.pack(">HH", port, 6154), tlvs=tlvs)


def v1_of(source: str, port: int) -> bytes:
    return f"PROXY TCP{6 if ':' in source else 4} {source} {source} {port} 6154\r\n".encode()


@pytest.mark.parametrize("make", [v1_of, v2_of])
@pytest.mark.parametrize("source", ["198.51.100.7", "2001:db8::7"])
def test_who_it_is(make: object, source: str) -> None:
    header = ProxyHeader()
    assert header.feed(make(source, 4711) + b"rest") == b"rest"  # type: ignore[operator]
    assert (header.host, header.port) == (source, 4711)


@pytest.mark.parametrize(
    "data",
    [
        b"PROXY UNKNOWN\r\n",
        b"PROXY UNKNOWN whatever is here\r\n",
        v2(0x00, b"", command=0x20),
        v2(0x11, bytes(12), command=0x20, tlvs=b"\x04\x00\x01x"),
        v2(0x00, b""),
        v2(0x31, bytes(216)),
    ],
)
def test_a_proxy_that_speaks_for_itself(data: bytes) -> None:
    header = ProxyHeader()
    assert header.feed(data + b"\x16") == b"\x16"
    assert header.host is None


def test_what_follows_the_addresses_is_skipped() -> None:
    header = ProxyHeader()
    assert header.feed(v2_of("198.51.100.7", 1, b"\x02\x00\x05relay") + b"rest") == b"rest"
    assert header.host == "198.51.100.7"


def test_an_ipv4_address_in_ipv6_is_one() -> None:
    header = ProxyHeader()
    header.feed(v2_of("::ffff:198.51.100.7", 1))
    assert header.host == "198.51.100.7"


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01",
        b"GET / HTTP/1.1\r\n\r\n",
        b"PROXZ",
        b"PROXY TCP4 198.51.100.7 198.51.100.8 1\r\n",
        b"PROXY TCP4 2001:db8::7 2001:db8::7 1 2\r\n",
        b"PROXY TCP4 198.51.100.07 198.51.100.8 1 2\r\n",
        b"PROXY TCP4 198.51.100.7 198.51.100.8 65536 2\r\n",
        b"PROXY TCP4 198.51.100.7 198.51.100.8 -1 2\r\n",
        b"PROXY TCP4  198.51.100.7 198.51.100.8 1 2\r\n",
        b"PROXY UDP4 198.51.100.7 198.51.100.8 1 2\r\n",
        b"PROXY TCP4 \xff.51.100.7 198.51.100.8 1 2\r\n",
        b"PROXY " + b"x" * MAX_V1_BYTES,
        v2(0x11, bytes(11)),
        v2(0x11, bytes(12), command=0x22),
        v2(0x11, bytes(12), command=0x31),
        SIGNATURE + b"\x21\x11" + struct.pack(">H", MAX_V2_BYTES),
    ],
)
def test_what_is_no_header(data: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        ProxyHeader().feed(data)


@given(
    st.binary(max_size=300), st.sampled_from([b"", b"PROXY ", SIGNATURE, SIGNATURE + b"\x21\x11\x00\x0c"]), st.data()
)
def test_it_is_the_same_however_it_is_cut_and_never_long(tail: bytes, head: bytes, data: st.DataObject) -> None:
    whole = head + tail

    def outcome(pieces: list[bytes]) -> object:
        header, rest = ProxyHeader(), b""
        for number, piece in enumerate(pieces):
            try:
                found = header.feed(piece)
            except RemoteProtocolError:
                return "refused"
            assert len(header._data) <= MAX_V2_BYTES
            if found is not None:
                rest = found + b"".join(pieces[number + 1 :])
                return header.host, header.port, rest
        return "waits"

    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=6)))
    pieces = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    assert outcome([whole]) == outcome([piece for piece in pieces if piece] or [b""])


def test_it_is_told_from_what_clients_send() -> None:
    assert looks_like_header(v1_of("198.51.100.7", 1))
    assert looks_like_header(v2_of("198.51.100.7", 1))
    assert not looks_like_header(b"\x16\x03\x01PROXY ")
