"""The socket of a client's connection: what may come before its login, and whether it speaks TLS."""

# Why: docs/decisions/018-legacy-and-tls-at-one-port.md

import asyncio
import ssl
from collections.abc import Callable

from natpass_relay.connection import MAX_LOGIN_BYTES, Connection, ConnectionHub
from natpass_relay.outbox import HIGH_WATER_BYTES
from natpass_relay.proxy_protocol import ProxyHeader, looks_like_header
from natpass_wire.aio.runtime import ReadBuffers
from natpass_wire.aio.sockets import FrameSocket, plain_host
from natpass_wire.aio.tls_layer import TlsLayer
from natpass_wire.errors import RemoteProtocolError
from natpass_wire.frame import HEADER_BYTES, Batch

#: Bytes before login at most, TLS and all: a hello with a long TLS handshake is a fourth of it.
MAX_BYTES_BEFORE_LOGIN = 16 * 1024
#: The first byte of a connection with TLS: a handshake TLS record (RFC 8446 §5.1). As the first byte of a frame it
#: would mean a length of 5632 to 5887 bytes, and every login is shorter.
TLS_FIRST_BYTE = 0x16


class _Nobody:
    """The handler of a socket that is gone."""

    def socket_ready(self) -> None:
        """No-op."""

    def batch_received(self, batch: Batch) -> int | None:
        """Drop it."""

    def writable_changed(self, writable: bool) -> None:
        """No-op."""

    def socket_lost(self, error: Exception | None) -> None:
        """No-op."""


class ClientSocket(FrameSocket):
    """The relay's end of a client's connection; it limits what a client may send, and costs us, before login.

    On a relay with TLS, the first byte tells whether the client speaks it: existing natpass programs may not. Nothing
    is made for a connection before its first bytes have come and the hub says that it is its turn.

    Args:
        connection: what the connection means.
        hub: the relay.
        buffers: the loop's read buffers.
        tls: the relay's certificate, None for bare TCP.
        is_proxied: tells whether an address is that of a proxy which says first who a connection is from.
    """

    def __init__(
        self,
        connection: Connection,
        hub: ConnectionHub,
        buffers: ReadBuffers,
        tls: ssl.SSLContext | None,
        is_proxied: Callable[[str], bool] = lambda _: False,
    ) -> None:
        super().__init__(
            connection,
            buffers,
            server_side=True,
            high_water=HIGH_WATER_BYTES,
            allowance=MAX_BYTES_BEFORE_LOGIN,
        )
        self._connection = connection
        self._hub = hub
        self._context = tls
        self._is_proxied = is_proxied
        self._header: ProxyHeader | None = None
        self._first_bytes = b""
        self._has_begun = False
        connection.socket = connection.outbox.socket = self

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        name = transport.get_extra_info("peername")
        super().connection_made(transport)
        self._connection.address = self.peer_address
        host = self._connection.host = plain_host(name[0]) if isinstance(name, tuple) else ""
        if self._is_proxied(host):
            self._header = ProxyHeader()
        self._hub.connected(self._connection, is_proxied=self._header is not None)

    def buffer_updated(self, nbytes: int) -> None:
        """Take what was read."""
        if self._closing or self._has_begun:
            super().buffer_updated(nbytes)
            if self._connection.client is None and self._decoder.waiting_bytes > MAX_LOGIN_BYTES + HEADER_BYTES:
                self.abort(RemoteProtocolError("a long frame before the login"))
            return
        try:
            data = bytes(self._buffers.raw[: min(nbytes, MAX_BYTES_BEFORE_LOGIN + 1)])
            if self._header is not None:
                data = self._take_header(self._header, data)
            if data:
                self._speak(data)
        except RemoteProtocolError as error:
            self.abort(error)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._first_bytes = b""
        super().connection_lost(exc)
        # The connection has us. With all that it has, the two would wait for the garbage collector: hundreds of them,
        # until there are a fourth as many objects as in the whole relay.
        self.handler = _Nobody()
        del self._connection

    def _take_header(self, header: ProxyHeader, data: bytes) -> bytes:
        """Take bytes of a proxy's header; return those that follow it."""
        rest = header.feed(data)
        if rest is None:
            return b""
        self._header = None
        if header.host is not None:
            self._connection.host = header.host
            shown = f"[{header.host}]" if ":" in header.host else header.host
            self._connection.address = f"{shown}:{header.port} (through {self._connection.address})"
            self._hub.relayed(self._connection)
        return b"" if self._closing else rest

    def _speak(self, data: bytes) -> None:
        """Keep the client's first bytes until it is its turn. Reading goes on, to see whether it gives up."""
        has_spoken = bool(self._first_bytes)
        self._first_bytes += data
        if len(self._first_bytes) > MAX_BYTES_BEFORE_LOGIN:
            raise RemoteProtocolError("too many bytes at once before the login")
        if looks_like_header(self._first_bytes):
            self._hub.came_with_header(self._connection)
            raise RemoteProtocolError("a PROXY header from an address that is not a --trusted-proxy")
        if not has_spoken:
            self._hub.spoke(self._connection, self._begin)

    def _begin(self) -> None:
        """Go on: it is this connection's turn."""
        data, self._first_bytes = self._first_bytes, b""
        if self._closing or not data:
            return
        self._has_begun = True
        if self._context is not None:
            if data[0] == TLS_FIRST_BYTE:
                self._tls = TlsLayer(self._context, server_side=True)
            else:
                self._connection.is_plain = True
                self._hub.came_plain(self._connection)
                if data[0] > MAX_LOGIN_BYTES >> 8:  # such as a browser's GET
                    self.abort(RemoteProtocolError("neither TLS nor a login"))
                    return
        self._buffers.raw[: len(data)] = data
        self.buffer_updated(len(data))
