"""Our ends of a process' pipes, without blocking and without reading ahead (POSIX).

They are ours alone: that they do not block changes nothing for the process, whose ends are open files of their own.
"""

import asyncio
import fcntl
import os
import sys
from contextlib import suppress
from typing import IO

assert sys.platform != "win32"

#: A pipe holds no more than this unless somebody has asked for it. What comes after the program's end, and after so
#: much, is not the program's but that of others who still have its pipe open, and there may be no end to it.
_MOST_AFTER_EXIT = 1024 * 1024


#: What a pipe holds, where that can be chosen: so the program and we need not take turns for each 64 KiB.
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
            with suppress(OSError):  # users have a limit for all their pipes together
                fcntl.fcntl(self._fd, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)

    def close(self) -> None:
        """Close it; whoever waits for it is woken. Again: nothing happens."""
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
        """The program has ended: take what it wrote, and what others write up to then (the loop's time)."""
        self._until = until
        self._ready.set()

    async def read(self, most: int) -> bytes:
        """Return the next 1 to `most` bytes; b"" when there will be none."""
        while not self._closed:
            # In this order: what an ended program has written is there to be read at once.
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
        """Write; return how many bytes were taken. All of them, if nobody will ever read them."""
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
