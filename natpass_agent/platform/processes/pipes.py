"""Our ends of a process' pipes, without blocking and without reading ahead (POSIX).

The process' ends are separate open files, so they still block.
"""

import asyncio
import fcntl
import os
import sys
from contextlib import suppress
from typing import IO

assert sys.platform != "win32"

#: Bytes read after the program's end at most. A pipe holds no more by default, so later bytes are from other processes
#: that still have the pipe open, and they may never end.
_MOST_AFTER_EXIT = 1024 * 1024


#: Bytes that a pipe holds, if we can choose it: fewer switches between the program and us than with 64 KiB.
_PIPE_BYTES = 256 * 1024


class _End:
    """One end of a pipe."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._fd = file.fileno()
        self._loop = asyncio.get_running_loop()
        self._ready = asyncio.Event()
        self._closed = False
        os.set_blocking(self._fd, False)
        if sys.platform == "linux":
            with suppress(OSError):  # a user's pipes share a limit
                fcntl.fcntl(self._fd, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)

    def close(self) -> None:
        """Close it, and wake its waiter. No-op if repeated."""
        if not self._closed:
            self._closed = True
            self._loop.remove_reader(self._fd)
            self._loop.remove_writer(self._fd)
            self._file.close()
            self._ready.set()


class ReadingEnd(_End):
    """The end that we read."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__(file)
        self._until: float | None = None
        self._after_exit = 0

    def end_at(self, until: float) -> None:
        """Record the program's end: read what it wrote, and what others write until `until` (the loop's time)."""
        self._until = until
        self._ready.set()

    async def read(self, most: int) -> bytes:
        """Return the next 1 to `most` bytes; b"" at the end."""
        while not self._closed:
            # Check before reading: everything that an ended program has written can be read at once.
            until, after_exit = self._until, self._after_exit
            is_over = until is not None and self._loop.time() >= until
            try:
                data = os.read(self._fd, most)
            except BlockingIOError:
                if is_over:
                    break
                await self._wait(until)
                continue
            if not data or (is_over and after_exit >= _MOST_AFTER_EXIT):
                break
            self._after_exit += len(data) if until is not None else 0
            return data
        self.close()
        return b""

    async def _wait(self, until: float | None) -> None:
        self._ready.clear()
        self._loop.add_reader(self._fd, self._ready.set)
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(until):
                    await self._ready.wait()
        finally:
            if not self._closed:
                self._loop.remove_reader(self._fd)


class WritingEnd(_End):
    """The end that we write."""

    async def write(self, data: bytes) -> int:
        """Write; return how many bytes were taken: all of them, if no process will ever read them."""
        while not self._closed:
            try:
                taken = os.write(self._fd, data)
            except BlockingIOError:
                taken = 0
            except BrokenPipeError:
                self.close()
                break
            if taken:
                return taken
            await self._wait()
        return len(data)

    async def _wait(self) -> None:
        self._ready.clear()
        self._loop.add_writer(self._fd, self._ready.set)
        try:
            await self._ready.wait()
        finally:
            if not self._closed:
                self._loop.remove_writer(self._fd)
