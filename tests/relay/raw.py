"""A client of the relay that sends what it likes."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

from natpass_wire import envelope
from natpass_wire.aio.dial import RelayAddress
from natpass_wire.frame import FrameDecoder
from natpass_wire.login import v2
from natpass_wire.login.keys import LoginKey
from natpass_wire.pb.envelope_pb2 import Msg
from tests.support.relay import CONSOLE, KEY, TestRelay
from tests.support.waiting import patience


class Raw:
    """A connection without TLS that sends what it likes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._decoder = FrameDecoder()
        self._messages: list[Msg] = []

    @classmethod
    @contextlib.asynccontextmanager
    async def connect(cls, relay: TestRelay | RelayAddress, *, room: int = 0) -> AsyncIterator["Raw"]:
        """Connect; with `room`, the system takes so few bytes until they are read, and the connection reads none."""
        address = relay if isinstance(relay, RelayAddress) else relay.address
        connection = socket.socket(socket.AF_INET6 if ":" in address.host else socket.AF_INET)
        if room:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        connection.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connection, (address.host, address.port))
        reader, writer = await asyncio.open_connection(sock=connection, limit=room or 64 * 1024)
        try:
            yield cls(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    def send(self, data: bytes) -> None:
        self._writer.write(data)

    async def takes(self, data: bytes) -> bool:
        """Send; return whether the relay takes it within a moment.

        Raises:
            ConnectionError: the connection is gone.
        """
        self._writer.transport.set_write_buffer_limits(high=0)
        self._writer.write(data)
        try:
            async with asyncio.timeout(0.5):
                await self._writer.drain()
        except TimeoutError:
            return False
        return True

    async def receive(self) -> Msg:
        async with asyncio.timeout(patience(10)):
            while not self._messages:
                got = await self._reader.read(65536)
                assert got, "closed"
                for batch in self._decoder.feed(got):
                    self._messages += [envelope.parse(payload) for payload in batch.payloads()]
        return self._messages.pop(0)

    async def closed(self) -> None:
        """Wait until the relay has closed it."""
        async with asyncio.timeout(patience(10)):
            with contextlib.suppress(ConnectionError):
                while await self._reader.read(65536):
                    pass

    async def log_in(self, client_id: str, role: int = CONSOLE, key: LoginKey = KEY) -> tuple[bytes, bytes]:
        """Log in; return the two frames that did it."""
        claims = v2.Claims(client_id, role, (), "raw", b"r" * 16)  # type: ignore[arg-type]
        client = v2.ClientLogin(key, claims, v2.NO_TLS, b"c" * 32)
        hello = envelope.to_frame(client.hello())
        self.send(hello)
        proof = client.receive(await self.receive())
        assert proof is not None
        self.send(envelope.to_frame(proof))
        client.receive(await self.receive())
        assert client.accepted is not None
        return hello, envelope.to_frame(proof)
