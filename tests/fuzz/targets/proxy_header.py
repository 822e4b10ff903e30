"""The PROXY protocol's header, in the pieces in which it arrives."""

from contextlib import suppress

from natpass_relay.proxy_protocol import ProxyHeader
from natpass_wire.errors import RemoteProtocolError
from tests.fuzz.targets.pieces import joined, pieces

_V1 = b"PROXY TCP4 198.51.100.7 203.0.113.1 56324 6154\r\n"
_V2 = b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\xc6\x33\x64\x07\xcb\x00\x71\x01\xdc\x04\x18\x0a"
SEEDS = (joined(_V1), joined(_V2), joined(_V1[:9], _V1[9:]), joined(_V2[:13], _V2[13:]), joined(b"PROXY UNKNOWN\r\n"))


def target(data: bytes) -> None:
    """Each piece is what is read at once."""
    header = ProxyHeader()
    with suppress(RemoteProtocolError):
        for piece in pieces(data):
            if header.feed(piece) is not None:
                break
