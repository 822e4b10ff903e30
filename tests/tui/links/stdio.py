"""Streams of a test: what it types, and what it sees."""

import asyncio


class Stdin:
    """What the test types; remembers how much was asked for."""

    def __init__(self) -> None:
        self.chunks: asyncio.Queue[bytes | OSError] = asyncio.Queue()
        self.asked: list[int] = []

    async def read(self, most: int) -> bytes:
        self.asked.append(most)
        chunk = await self.chunks.get()
        if isinstance(chunk, OSError):
            raise chunk
        return chunk


class Stdout:
    """Keeps what is written; waits while it is full."""

    def __init__(self) -> None:
        self.data = b""
        self.error: OSError | None = None
        self.room = asyncio.Event()
        self.room.set()

    async def write(self, data: bytes) -> None:
        await self.room.wait()
        if self.error is not None:
            raise self.error
        self.data += data

    async def flush(self) -> None:
        """All is written, or could not be."""
        if self.error is not None:
            raise self.error
