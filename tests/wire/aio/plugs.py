"""Two ends of a real connection, and what may sit between them."""

import asyncio
import contextlib
import random
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from natpass_relay.certificate import Certificate, make_self_signed
from natpass_wire.aio.runtime import ReadBuffers
from natpass_wire.aio.sockets import FrameSocket
from natpass_wire.aio.tasks import Tasks
from natpass_wire.aio.tls import client_context, server_context
from natpass_wire.frame import Batch
from tests.support.waiting import wait_for

HOST = "127.0.0.1"


@dataclass
class Recorder:
    """A handler that remembers everything, and may answer."""

    on_payload: Callable[[bytes], None] | None = None
    ready: bool = False
    payloads: list[bytes] = field(default_factory=list)
    writable: list[bool] = field(default_factory=list)
    lost: list[Exception | None] = field(default_factory=list)

    def socket_ready(self) -> None:
        assert not self.ready
        self.ready = True

    def batch_received(self, batch: Batch) -> int | None:
        assert self.ready
        assert not self.lost
        for payload in batch.payloads():
            self.payloads.append(payload)
            if self.on_payload is not None:
                self.on_payload(payload)
        return None

    def writable_changed(self, writable: bool) -> None:
        self.writable.append(writable)

    def socket_lost(self, error: Exception | None) -> None:
        assert not self.lost
        self.lost.append(error)

    async def until_lost(self) -> Exception | None:
        """Wait for the end; return its error."""
        await wait_for(lambda: self.lost, "the end of the connection")
        return self.lost[0]


@dataclass
class Pair:
    """A connection of two frame sockets."""

    client: FrameSocket
    server: FrameSocket
    at_client: Recorder
    at_server: Recorder


@dataclass(frozen=True)
class Tls:
    """TLS contexts of both sides, and the certificate between them."""

    server: ssl.SSLContext
    client: ssl.SSLContext
    certificate: Certificate


def make_tls() -> Tls:
    """Return contexts with a new certificate."""
    with TemporaryDirectory() as folder:
        certificate, key = Path(folder, "cert.pem"), Path(folder, "key.pem")
        for path, content in zip((certificate, key), make_self_signed(), strict=True):
            path.write_bytes(content)
        shown = Certificate.from_pem_file(certificate)
        return Tls(server_context(certificate, key), client_context(verify=False), shown)


@contextlib.asynccontextmanager
async def listening(factory: Callable[[], asyncio.BaseProtocol]) -> AsyncIterator[int]:
    """Listen on a free port; give its number."""
    server = await asyncio.get_running_loop().create_server(factory, HOST, 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


@contextlib.asynccontextmanager
async def connected(
    tls: Tls | None = None, *, through: "ChunkingProxy | None" = None, high_water: int = 64 * 1024
) -> AsyncIterator[Pair]:
    """Give two connected sockets that are ready; close both afterwards."""
    loop, buffers = asyncio.get_running_loop(), ReadBuffers()
    servers: list[FrameSocket] = []
    at_client, at_server = Recorder(), Recorder()

    def serve() -> FrameSocket:
        context = tls.server if tls else None
        servers.append(FrameSocket(at_server, buffers, tls=context, server_side=True, high_water=high_water))
        return servers[0]

    client = FrameSocket(
        at_client,
        buffers,
        tls=tls.client if tls else None,
        server_name="natpass-relay" if tls else None,
        high_water=high_water,
    )
    async with contextlib.AsyncExitStack() as stack:
        port = await stack.enter_async_context(listening(serve))
        if through is not None:
            port = await stack.enter_async_context(through.towards(port))
        await loop.create_connection(lambda: client, HOST, port)
        await wait_for(lambda: at_client.ready and at_server.ready, "both ends")
        pair = Pair(client, servers[0], at_client, at_server)
        try:
            yield pair
        finally:
            client.abort()
            servers[0].abort()
            await pair.at_client.until_lost()
            await pair.at_server.until_lost()


class ChunkingProxy:
    """Passes bytes on in pieces of any size; may be cut, or stopped without a word.

    Args:
        seed: of the pieces' sizes.
        largest: the largest piece, in bytes.
    """

    def __init__(self, seed: int = 0, largest: int = 50_000) -> None:
        self._random = random.Random(seed)
        self._largest = largest
        self._tasks = Tasks()
        self._writers: list[asyncio.StreamWriter] = []
        self._flows = asyncio.Event()
        self._flows.set()
        self.connections = 0

    def freeze(self) -> None:
        """Pass nothing on, as a network that lost its cable."""
        self._flows.clear()

    def cut(self) -> None:
        """Break all connections."""
        for writer in self._writers:
            writer.transport.abort()

    @contextlib.asynccontextmanager
    async def towards(self, port: int) -> AsyncIterator[int]:
        """Listen for connections to `port`; give the proxy's own."""

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.connections += 1
            try:
                there = await asyncio.open_connection(HOST, port)
            except OSError:
                writer.close()
                return
            self._writers += [writer, there[1]]
            self._tasks.start(self._pump(reader, there[1]), "proxy")
            self._tasks.start(self._pump(there[0], writer), "proxy")

        server = await asyncio.start_server(accept, HOST, 0)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            await self._tasks.close()
            self.cut()
            await server.wait_closed()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while piece := await reader.read(self._random.randint(1, self._largest)):
                await self._flows.wait()
                writer.write(piece)
                await writer.drain()
            if writer.can_write_eof():
                writer.write_eof()
