"""This process' own stdin, stdout and stderr, without blocking the event loop.

They are shared with the parent process, often the user's shell: making them non-blocking would affect all. So each has
a thread that blocks instead. The threads end with the process, whatever they wait for.
"""

# Why: docs/decisions/039-threads-for-stdio.md

import asyncio
import os
import queue
import select
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, Protocol, TypeVar

from natpass_tui.terminal.outer_modes import OuterModes
from natpass_tui.terminal.output_filter import OutputFilter

#: Seconds for the last write to a terminal: the user may have stopped it with Ctrl+S.
_LAST_SECONDS = 1.0

T = TypeVar("T")
_Job = tuple[asyncio.AbstractEventLoop, "asyncio.Future[T]", Callable[[], T]]


class ByteSource(Protocol):
    """The source of a command's input."""

    async def read(self, most: int) -> bytes:
        """Return the next 1 to `most` bytes, b"" at the end. Raises OSError."""
        ...


class Sink(Protocol):
    """The sink of a command's output."""

    async def write(self, data: bytes) -> None:
        """Wait for the previous write, and begin this one. Raises OSError (BrokenPipeError: the reader is gone)."""

    async def flush(self) -> None:
        """Wait until everything is written, without a timeout. Raises as `write` does."""


class _Thread(Generic[T]):
    """Runs blocking calls, one after another. Callers wait for each, so only one is handed over at a time."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._jobs: queue.SimpleQueue[_Job[T]] = queue.SimpleQueue()
        self._started = False

    def begin(self, function: Callable[[], T]) -> "asyncio.Future[T]":
        """Call `function` in the thread; the future has its result or its OSError."""
        if not self._started:
            self._started = True
            threading.Thread(target=self._run, name=self._name, daemon=True).start()
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._jobs.put((loop, future, function))
        return future

    def _run(self) -> None:
        while True:
            loop, future, function = self._jobs.get()
            with suppress(RuntimeError):  # the loop is closed: nothing waits for it any more
                try:
                    result = function()
                except OSError as error:
                    loop.call_soon_threadsafe(_fail, future, error)
                else:
                    loop.call_soon_threadsafe(_finish, future, result)


def _finish(future: "asyncio.Future[T]", result: T) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: "asyncio.Future[T]", error: OSError) -> None:
    if not future.done():
        future.set_exception(error)


class Reader:
    """Reads a descriptor: a terminal, a pipe, a file.

    Args:
        descriptor: its number; it is neither closed nor changed.
    """

    def __init__(self, descriptor: int) -> None:
        self._fd = descriptor
        self._thread: _Thread[bytes] = _Thread(f"natpass-read-{descriptor}")

    async def read(self, most: int) -> bytes:
        """Return the next 1 to `most` bytes, b"" at the end. Raises OSError."""
        return await self._thread.begin(lambda: self._read(most))

    def _read(self, most: int) -> bytes:
        while True:
            try:
                return os.read(self._fd, most)
            except BlockingIOError:  # another process has made it non-blocking
                select.select([self._fd], [], [])


class Writer:
    """Writes to a descriptor: a terminal, a pipe, a file.

    Args:
        descriptor: its number; it is neither closed nor changed.
    """

    def __init__(self, descriptor: int) -> None:
        self._fd = descriptor
        self._thread: _Thread[None] = _Thread(f"natpass-write-{descriptor}")
        self._writing: asyncio.Future[None] | None = None

    async def write(self, data: bytes) -> None:
        """Wait for the previous write, and begin this one. Raises OSError of either."""
        await self.flush()
        self._writing = self._thread.begin(lambda: self._write(data))

    async def flush(self) -> None:
        """Wait until everything is written, without a timeout. Raises OSError."""
        writing, self._writing = self._writing, None
        if writing is not None:
            await writing

    def _write(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[os.write(self._fd, rest) :]
            except BlockingIOError:  # another process has made it non-blocking
                select.select([], [self._fd], [])


class Filtered:
    """Writes filtered output to the user's terminal, see `natpass_tui.terminal.output_filter`.

    Args:
        sink: the terminal.
        modes: the modes that were set, if several writers share it.
    """

    def __init__(self, sink: Sink, modes: OuterModes | None = None) -> None:
        self._sink = sink
        self._filter = OutputFilter(modes)

    @property
    def has_talked(self) -> bool:
        """Whether the output has made the terminal report the mouse or the focus."""
        return self._filter.has_talked

    async def write(self, data: bytes) -> None:
        """Begin to write the allowed output. Raises OSError."""
        if passed := self._filter.feed(data):
            await self._sink.write(passed)

    async def flush(self) -> None:
        """Wait until everything is written. Raises OSError."""
        await self._sink.flush()

    async def finish(self) -> None:
        """Restore the terminal; give up if it is stopped or gone."""
        await self._last(self._filter.finish())

    async def suspend(self) -> None:
        """Restore the terminal for a while; give up as `finish` does."""
        await self._last(self._filter.undone())

    async def resume(self) -> None:
        """Set the modes again that `suspend` has restored; give up as `finish` does."""
        await self._last(self._filter.redone())

    async def _last(self, data: bytes) -> None:
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(_LAST_SECONDS):
                if data:
                    await self._sink.write(data)
                await self._sink.flush()


def own_terminal(descriptor: int, *, raw: bool = False) -> "tuple[Writer, Writer | Filtered]":
    """Return a writer for us, and one, filtered unless `raw`, for a program that has the keyboard."""
    writer = Writer(descriptor)
    return writer, Filtered(writer) if os.isatty(descriptor) and not raw else writer


def outputs(out: int = 1, err: int = 2, *, raw: bool = False) -> "tuple[Writer | Filtered, Writer | Filtered]":
    """Return the writers for the two outputs of a command without the keyboard.

    Output to a terminal is filtered, unless `raw`; pipes and files are exact. One terminal has only one writing thread,
    so nothing comes between the bytes of a sequence, and its modes are restored once.
    """
    first = Writer(out)
    second = first if _is_one_terminal(out, err) else Writer(err)
    modes = OuterModes(has_keyboard=False)
    its_modes = modes if second is first else OuterModes(has_keyboard=False)
    return (
        Filtered(first, modes) if os.isatty(out) and not raw else first,
        Filtered(second, its_modes) if os.isatty(err) and not raw else second,
    )


def _is_one_terminal(one: int, other: int) -> bool:
    """Tell whether two descriptors are the same terminal."""
    return os.isatty(one) and os.path.sameopenfile(one, other)


def fill_closed() -> None:
    """Open /dev/null in place of a closed stdin, stdout or stderr: the next opened file would take its number.

    Call this before opening anything.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number: this one
