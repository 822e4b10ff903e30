"""The header by which a TCP proxy says who a connection is from: the PROXY protocol, versions 1 and 2, without I/O.

    v1:  PROXY TCP4 198.51.100.7 203.0.113.1 56324 6154\\r\\n           at most 107 bytes
    v2:  signature (12) | 0x20 LOCAL, 0x21 PROXY | family | length u16 | addresses, then TLVs, which we skip

The specification is HAProxy's, doc/proxy-protocol.txt, sections 2.1 and 2.2.
"""

# Why: docs/decisions/069-own-proxy-protocol.md

from ipaddress import IPv4Address, IPv6Address, ip_address
from struct import Struct

from natpass_relay.addresses import plain
from natpass_wire.errors import RemoteProtocolError

#: Bytes of a header at most: version 1 says 107. Version 2 has 16 and 36 for IPv6; TLVs with a TLS name add some 100.
MAX_V1_BYTES, MAX_V2_BYTES = 107, 4 * 1024

_V1 = b"PROXY "
_V2 = b"\r\n\r\n\x00\r\nQUIT\n"
_V2_START = 16
_LOCAL, _PROXY = 0x20, 0x21
_TCP4, _TCP6 = 0x11, 0x21
_PORTS = Struct(">HH")


def looks_like_header(data: bytes) -> bool:
    """Tell whether a connection begins with such a header."""
    return data.startswith((_V1, _V2))


class ProxyHeader:
    """The header of one connection. Call `feed` until it returns the bytes that follow the header."""

    def __init__(self) -> None:
        self._data = b""
        #: The client's address and port; None if the proxy speaks for itself (a health check) or does not know.
        self.host: str | None = None
        self.port = 0

    def feed(self, data: bytes) -> bytes | None:
        """Take the next bytes; return those that follow the header, None while it is not complete.

        Raises:
            RemoteProtocolError: this is no header.
        """
        self._data += data
        start = self._data
        if start.startswith(_V2):
            end = self._v2(start)
        elif start.startswith(_V1):
            end = self._v1(start)
        elif _V1.startswith(start) or _V2.startswith(start):
            end = None
        else:
            raise RemoteProtocolError("a --trusted-proxy sent no PROXY header")
        if end is None:
            return None
        self._data = b""
        return start[end:]

    def _v1(self, data: bytes) -> int | None:
        end = data.find(b"\r\n", 0, MAX_V1_BYTES)
        if end < 0:
            if len(data) >= MAX_V1_BYTES:
                raise RemoteProtocolError("a PROXY header without an end")
            return None
        _, family, *words = data[:end].split(b" ")
        if family != b"UNKNOWN":  # what follows that is to be ignored
            self._set_v1(family, words)
        return end + 2

    def _set_v1(self, family: bytes, words: list[bytes]) -> None:
        kinds: dict[bytes, type[IPv4Address] | type[IPv6Address]] = {b"TCP4": IPv4Address, b"TCP6": IPv6Address}
        kind = kinds.get(family)
        if kind is None or len(words) != 4 or not all(word.isdigit() and len(word) <= 5 for word in words[2:]):
            raise RemoteProtocolError("an invalid PROXY header")
        try:
            source, _ = (kind(word.decode("ascii")) for word in words[:2])
        except ValueError as error:
            raise RemoteProtocolError("an invalid address in a PROXY header") from error
        port = int(words[2])
        if port > 0xFFFF:
            raise RemoteProtocolError("an invalid port in a PROXY header")
        self._found(source, port)

    def _v2(self, data: bytes) -> int | None:
        if len(data) < _V2_START:
            return None
        command, family = data[12], data[13]
        end = _V2_START + int.from_bytes(data[14:16], "big")
        if command not in {_LOCAL, _PROXY}:
            raise RemoteProtocolError("an unknown version of the PROXY protocol")
        if end > MAX_V2_BYTES:
            raise RemoteProtocolError("a long PROXY header")
        if len(data) < end:
            return None
        size = {_TCP4: 4, _TCP6: 16}.get(family)
        if command == _PROXY and size is not None:  # other families: the proxy does not know, so we do not either
            if end < _V2_START + 2 * size + _PORTS.size:
                raise RemoteProtocolError("a short PROXY header")
            port, _ = _PORTS.unpack_from(data, _V2_START + 2 * size)
            self._found(ip_address(data[_V2_START : _V2_START + size]), port)
        return end

    def _found(self, ip: IPv4Address | IPv6Address, port: int) -> None:
        self.host, self.port = str(plain(ip)), port
