"""This process' own stdin, stdout and stderr, without holding up the event loop.

They are shared with whoever started us, often the user's shell: making them non-blocking would do so for all. Hence a
thread for each, which blocks in its place. The threads end with the process, whatever they wait for.
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

#: Seconds that the last words to a terminal may take: somebody may have stopped it with Ctrl+S.
_LAST_SECONDS = 1.0

T = TypeVar("T")
_Job = tuple[asyncio.AbstractEventLoop, "asyncio.Future[T]", Callable[[], T]]


class ByteSource(Protocol):
    """Where a command's input comes from."""

    async def read(self, most: int) -> bytes:
        """Return the next 1 to `most` bytes, b"" at the end. Raises OSError."""
        ...


class Sink(Protocol):
    """Where a command's output goes."""

    async def write(self, data: bytes) -> None:
        """Begin to write this once what was given before is written. Raises OSError (BrokenPipeError: nobody reads)."""

    async def flush(self) -> None:
        """Wait until everything is written, as long as that takes. Raises as `write` does."""


class _Thread(Generic[T]):
    """Runs blocking calls, one after another. Who waits for each hands over no more than one at a time."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._jobs: queue.SimpleQueue[_Job[T]] = queue.SimpleQueue()
        self._started = False

    def begin(self, function: Callable[[], T]) -> "asyncio.Future[T]":
        """Have `function` called there; the future has what it returns, or raises."""
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
            with suppress(RuntimeError):  # the loop is closed: nobody waits for it any more
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
            except BlockingIOError:  # somebody else has made it non-blocking
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
        """Wait until what was given before is written, and begin to write this. Raises OSError, of either."""
        await self.flush()
        self._writing = self._thread.begin(lambda: self._write(data))

    async def flush(self) -> None:
        """Wait until everything is written, as long as that takes. Raises OSError."""
        writing, self._writing = self._writing, None
        if writing is not None:
            await writing

    def _write(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[os.write(self._fd, rest) :]
            except BlockingIOError:  # somebody else has made it non-blocking
                select.select([], [self._fd], [])


class Filtered:
    """Writes to the user's terminal what may go there, see `natpass_tui.terminal.output_filter`.

    Args:
        sink: the terminal.
        modes: what was set of it, where several write to it.
    """

    def __init__(self, sink: Sink, modes: OuterModes | None = None) -> None:
        self._sink = sink
        self._filter = OutputFilter(modes)

    @property
    def has_talked(self) -> bool:
        """Whether the terminal was told to report the mouse or the focus."""
        return self._filter.has_talked

    async def write(self, data: bytes) -> None:
        """Begin to write what may pass. Raises OSError."""
        if passed := self._filter.feed(data):
            await self._sink.write(passed)

    async def flush(self) -> None:
        """Wait until everything is written. Raises OSError."""
        await self._sink.flush()

    async def finish(self) -> None:
        """Put the terminal back in order; gives up on one that takes nothing, or is gone."""
        await self._last(self._filter.finish())

    async def suspend(self) -> None:
        """Put the terminal back in order for a while; gives up as `finish` does."""
        await self._last(self._filter.undone())

    async def resume(self) -> None:
        """Set again what `suspend` has put in order; gives up as `finish` does."""
        await self._last(self._filter.redone())

    async def _last(self, data: bytes) -> None:
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(_LAST_SECONDS):
                if data:
                    await self._sink.write(data)
                await self._sink.flush()


def own_terminal(descriptor: int, *, raw: bool = False) -> "tuple[Writer, Writer | Filtered]":
    """Return a writer for us, and one for a program that has the keyboard, which filters as in `outputs`."""
    writer = Writer(descriptor)
    return writer, Filtered(writer) if os.isatty(descriptor) and not raw else writer


def outputs(out: int = 1, err: int = 2, *, raw: bool = False) -> "tuple[Writer | Filtered, Writer | Filtered]":
    """Return where the outputs of a command go that has no keyboard.

    What goes to a terminal is filtered, unless `raw`; pipes and files are exact. To one terminal one thread writes, so
    that nothing comes between the bytes of a sequence, and what one of the two has set is undone once.
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
    """Put /dev/null where stdin, stdout or stderr is closed: the next thing opened would take its place.

    To be called before anything is opened.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest that is free, so this one
