"""Traffic for the picture of forwards: a server at a machine's port, and clients that read from it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from natpass_wire.aio.tasks import Tasks
from natpass_wire.errors import UserError

_CHUNK, _PAUSE_SECONDS = bytes(48 * 1024), 0.06
_HOST = "127.0.0.1"


async def _stream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send until the client has gone."""
    try:
        while not writer.is_closing():
            writer.write(_CHUNK)
            await writer.drain()
            await asyncio.sleep(_PAUSE_SECONDS)
    except ConnectionError:
        pass
    finally:
        writer.close()


@asynccontextmanager
async def served(port: int) -> AsyncIterator[None]:
    """Serve a stream of bytes to all who connect.

    Raises:
        UserError: the port is taken.
    """
    try:
        server = await asyncio.start_server(_stream, _HOST, port)
    except OSError as error:
        raise UserError(f"the picture of forwards needs port {port}: {error}") from error
    async with server:
        yield


@asynccontextmanager
async def clients(ports: Sequence[int]) -> AsyncIterator[None]:
    """Read from these ports, by a connection each."""
    tasks = Tasks()
    for number, port in enumerate(ports):
        tasks.start(_read(port), f"client {number}")
    try:
        yield
    finally:
        await tasks.close()


async def _read(port: int) -> None:
    reader, writer = await asyncio.open_connection(_HOST, port)
    try:
        writer.write(b"GET /releases/app-2.4.1.tar.zst HTTP/1.1\r\nHost: localhost\r\n\r\n")
        while await reader.read(len(_CHUNK)):
            pass
    finally:
        writer.close()
