"""The socket of a client's connection: what may come before its login, and whether it speaks TLS."""

# Why: docs/decisions/018-legacy-and-tls-at-one-port.md

import asyncio
import ssl

from natpass_relay.connection import HIGH_WATER_BYTES, MAX_LOGIN_BYTES, Connection, ConnectionHub
from natpass_wire.aio.runtime import ReadBuffers
from natpass_wire.aio.sockets import FrameSocket, plain_host
from natpass_wire.errors import RemoteProtocolError
from natpass_wire.frame import HEADER_BYTES

#: Bytes before login at most, TLS and all: a hello with a long TLS handshake is a fourth of it.
MAX_BYTES_BEFORE_LOGIN = 16 * 1024
#: The first byte of a connection with TLS: a handshake TLS record (RFC 8446 §5.1). As the first byte of a frame it
#: would mean a length of 5632 to 5887 bytes, and every login is shorter.
TLS_FIRST_BYTE = 0x16


class ClientSocket(FrameSocket):
    """The relay's end of a client's connection; it limits what a client may send before login.

    On a relay with TLS, the first byte tells whether the client speaks it: existing natpass programs may not.
    """

    def __init__(
        self, connection: Connection, hub: ConnectionHub, buffers: ReadBuffers, tls: ssl.SSLContext | None
    ) -> None:
        super().__init__(
            connection,
            buffers,
            tls=tls,
            server_side=True,
            high_water=HIGH_WATER_BYTES,
            allowance=MAX_BYTES_BEFORE_LOGIN,
        )
        self._connection = connection
        self._hub = hub
        self._has_begun = False
        connection.socket = connection.outbox.socket = self

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        name = transport.get_extra_info("peername")
        super().connection_made(transport)
        self._connection.address = self.peer_address
        self._connection.host = plain_host(name[0]) if isinstance(name, tuple) else ""
        self._hub.connected(self._connection, self._connection.host)

    def buffer_updated(self, nbytes: int) -> None:
        """Take what was read."""
        if not self._has_begun:
            self._has_begun = True
            if self._tls is not None and self._buffers.raw[0] != TLS_FIRST_BYTE:
                self._connection.is_plain = True
                self._leave_out_tls()
                self._hub.came_plain(self._connection)
                if self._buffers.raw[0] > MAX_LOGIN_BYTES >> 8:  # such as a browser's GET
                    self.abort(RemoteProtocolError("neither TLS nor a login"))
        super().buffer_updated(nbytes)
        if self._connection.client is None and self._decoder.waiting_bytes > MAX_LOGIN_BYTES + HEADER_BYTES:
            self.abort(RemoteProtocolError("a long frame before the login"))
