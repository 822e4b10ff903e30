"""What a proxy's client asks for: SOCKS5 (RFC 1928), SOCKS4 and 4a, or HTTP's CONNECT, told by the first byte. Sans-IO.

Names are resolved at the agent. There is no authentication: who reaches the listener may use it.
"""

import ipaddress
from collections.abc import Mapping
from typing import Protocol

import h11

from natpass_tui.links.forward.rules import checked_host, parse_target
from natpass_wire.channels.events import Endpoint
from natpass_wire.errors import UserError
from natpass_wire.pb.forward_pb2 import ChannelRefused

#: The longest requests: SOCKS5's has 262 bytes, and 257 for its methods; SOCKS4's user and name may be of any length.
_MOST_SOCKS, _MOST_HTTP = 1024, 16 * 1024
#: Seconds within which a client has to say where it wants to go.
SECONDS = 10.0

_CONNECT = 1
_NO_METHOD = 0xFF
_SOCKS5_FAILED, _SOCKS5_NO_COMMAND, _SOCKS5_NO_ADDRESS = 1, 7, 8
_SOCKS5: Mapping[ChannelRefused.Reason, int] = {
    ChannelRefused.NOT_ALLOWED: 2,
    ChannelRefused.UNREACHABLE: 3,
    ChannelRefused.NO_HOST: 4,
    ChannelRefused.TIMED_OUT: 4,
    ChannelRefused.NOT_LISTENING: 5,
}
_SOCKS4_GRANTED, _SOCKS4_REJECTED = 90, 91
_HTTP: Mapping[ChannelRefused.Reason, int] = {
    ChannelRefused.NOT_ALLOWED: 403,
    ChannelRefused.TIMED_OUT: 504,
    ChannelRefused.TOO_MANY: 503,
}
_HTTP_REASONS = {
    200: b"Connection established",
    400: b"Bad request",
    403: b"Forbidden",
    405: b"Only CONNECT is possible",
    502: b"Bad gateway",
    503: b"Too many connections",
    504: b"Gateway timeout",
}


class BadProxyRequestError(Exception):
    """The client's request is invalid. `answer` is to be sent before the end; the text is safe to print."""

    def __init__(self, text: str, answer: bytes = b"") -> None:
        super().__init__(text)
        self.answer = answer


class _Dialect(Protocol):
    """One way to ask. `receive` raises BadProxyRequestError."""

    def receive(self, data: bytes) -> bytes:
        """Take bytes; return what to answer."""
        ...

    target: Endpoint | None
    rest: bytes

    def opened(self) -> bytes:
        """Return the answer of a connection that is open."""
        ...

    def refused(self, reason: ChannelRefused.Reason) -> bytes:
        """Return the answer of one that is refused."""
        ...


class ProxyRequest:
    """One client's request, as it comes."""

    def __init__(self) -> None:
        self._dialect: _Dialect | None = None

    @property
    def target(self) -> Endpoint | None:
        """Where it wants to go to, None while it has not said so."""
        return self._dialect.target if self._dialect is not None else None

    @property
    def rest(self) -> bytes:
        """The bytes behind the request: they are for the target."""
        return self._dialect.rest if self._dialect is not None else b""

    def receive(self, data: bytes) -> bytes:
        """Take bytes, until `target` is set; return what to answer.

        Raises:
            BadProxyRequestError: this is no request of a proxy's client.
        """
        if self._dialect is None:
            self._dialect = _Socks5() if data[0] == 5 else _Socks4() if data[0] == 4 else _Http()
        return self._dialect.receive(data)

    def opened(self) -> bytes:
        """Return the answer once the target is connected."""
        return self._dialect.opened() if self._dialect is not None else b""

    def refused(self, reason: ChannelRefused.Reason) -> bytes:
        """Return the answer if it can't be."""
        return self._dialect.refused(reason) if self._dialect is not None else b""


class _Socks5:
    def __init__(self) -> None:
        self.target: Endpoint | None = None
        self.rest = b""
        self._has_method = False

    def receive(self, data: bytes) -> bytes:
        self.rest += data
        answer = b""
        if not self._has_method:
            if len(self.rest) < 2 or len(self.rest) < 2 + self.rest[1]:
                return b""
            methods, self.rest = self.rest[2 : 2 + self.rest[1]], self.rest[2 + self.rest[1] :]
            if 0 not in methods:
                raise BadProxyRequestError("the proxy's client wants to authenticate", bytes([5, _NO_METHOD]))
            self._has_method = True
            answer = bytes([5, 0])
        try:
            self._read()
        except BadProxyRequestError as error:
            raise BadProxyRequestError(str(error), answer + error.answer) from None
        return answer

    def _read(self) -> None:
        data = self.rest
        if len(data) < 5:
            return
        if data[0] != 5:
            raise BadProxyRequestError("invalid SOCKS5 request")
        if data[1] != _CONNECT:
            raise BadProxyRequestError(
                "the proxy's client asks for more than CONNECT", self._answer(_SOCKS5_NO_COMMAND)
            )
        size = {1: 4, 3: 1 + data[4], 4: 16}.get(data[3])
        if size is None:
            raise BadProxyRequestError("invalid address in a SOCKS5 request", self._answer(_SOCKS5_NO_ADDRESS))
        if len(data) < 4 + size + 2:
            return
        address, port = data[4 : 4 + size], int.from_bytes(data[4 + size : 6 + size], "big")
        host = _name(address[1:]) if data[3] == 3 else str(ipaddress.ip_address(address))
        if not host or not port:
            raise BadProxyRequestError("invalid address in a SOCKS5 request", self._answer(_SOCKS5_FAILED))
        self.rest = data[6 + size :]
        self.target = Endpoint(host, port)

    def opened(self) -> bytes:
        return self._answer(0)

    def refused(self, reason: ChannelRefused.Reason) -> bytes:
        return self._answer(_SOCKS5.get(reason, _SOCKS5_FAILED))

    @staticmethod
    def _answer(code: int) -> bytes:
        return bytes([5, code, 0, 1, 0, 0, 0, 0, 0, 0])  # the address that was bound is nobody's business


class _Socks4:
    def __init__(self) -> None:
        self.target: Endpoint | None = None
        self.rest = b""

    def receive(self, data: bytes) -> bytes:
        self.rest += data
        found = self.rest
        if len(found) < 8:
            return b""
        if found[1] != _CONNECT:
            raise self._fault("the proxy's client asks for more than CONNECT")
        is_name = found[4:7] == bytes(3) and found[7] != 0  # SOCKS4a
        ends = []
        at = 8
        for _ in range(2 if is_name else 1):
            end = found.find(b"\0", at)
            if end < 0 or end > _MOST_SOCKS:
                if len(found) > _MOST_SOCKS:
                    raise self._fault("a SOCKS4 request that is too long")
                return b""
            ends.append((at, end))
            at = end + 1
        host = _name(found[slice(*ends[-1])]) if is_name else str(ipaddress.IPv4Address(found[4:8]))
        port = int.from_bytes(found[2:4], "big")
        if not host or not port:
            raise self._fault("invalid address in a SOCKS4 request")
        self.rest = found[at:]
        self.target = Endpoint(host, port)
        return b""

    def opened(self) -> bytes:
        return bytes([0, _SOCKS4_GRANTED, 0, 0, 0, 0, 0, 0])

    def refused(self, reason: ChannelRefused.Reason) -> bytes:
        return bytes([0, _SOCKS4_REJECTED, 0, 0, 0, 0, 0, 0])

    def _fault(self, text: str) -> BadProxyRequestError:
        return BadProxyRequestError(text, self.refused(ChannelRefused.FAILED))


class _Http:
    def __init__(self) -> None:
        self.target: Endpoint | None = None
        self.rest = b""
        self._connection = h11.Connection(h11.SERVER, max_incomplete_event_size=_MOST_HTTP)

    def receive(self, data: bytes) -> bytes:
        try:
            self._connection.receive_data(data)
            event = self._connection.next_event()
        except h11.RemoteProtocolError as error:
            raise BadProxyRequestError("neither SOCKS nor HTTP: this port is a proxy", self._answer(400)) from error
        if not isinstance(event, h11.Request):
            return b""
        if event.method != b"CONNECT":
            raise BadProxyRequestError("an HTTP request other than CONNECT", self._answer(405))
        try:
            target = parse_target(event.target.decode("ascii"))
        except (UserError, UnicodeDecodeError) as error:
            raise BadProxyRequestError("invalid address in CONNECT", self._answer(400)) from error
        if target.path:
            raise BadProxyRequestError("invalid address in CONNECT", self._answer(400))
        self.rest = self._connection.trailing_data[0]  # CONNECT has no body, whatever its headers say
        self.target = target
        return b""

    def opened(self) -> bytes:
        return self._answer(200)

    def refused(self, reason: ChannelRefused.Reason) -> bytes:
        return self._answer(_HTTP.get(reason, 502))

    @staticmethod
    def _answer(status: int) -> bytes:
        line = b"HTTP/1.1 %d %s\r\n" % (status, _HTTP_REASONS[status])
        return line + (b"\r\n" if status == 200 else b"Content-Length: 0\r\nConnection: close\r\n\r\n")


def _name(data: bytes) -> str:
    """Return a host's name, empty if it can't be one."""
    try:
        return checked_host(data.decode())
    except ValueError:  # also of decoding
        return ""
