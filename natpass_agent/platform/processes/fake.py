"""Processes for tests: their programs are coroutines."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from itertools import count
from pathlib import PurePath

from natpass_agent.platform.processes import GRACE_SECONDS, READ_BYTES, Output, ProcessCommand
from natpass_agent.platform.programs import SpawnError
from natpass_wire.aio.tasks import Tasks
from natpass_wire.text import printable

#: Bytes that a pipe holds, as a real one.
_ROOM = 64 * 1024
_TERM, _KILL = 15, 9


class SignalledError(Exception):
    """A signal came; it ends a program that does not catch it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class FakeStdio:
    """The program's ends of its pipes, and the signals that it gets."""

    def __init__(self, command: ProcessCommand) -> None:
        self.command = command
        self.input = bytearray()
        self.outputs = {output: bytearray() for output in Output}
        self.is_input_closed = False
        self.signals: list[int] = []
        self.changed = asyncio.Condition()

    async def read(self) -> bytes:
        """Wait for input, and return all there is; b"" at its end.

        Raises:
            SignalledError: a signal came.
        """
        await self.wait(lambda: bool(self.input) or self.is_input_closed)
        data = bytes(self.input)
        self.input.clear()
        await self.tell()
        return data

    async def write(self, data: bytes, output: Output = Output.STDOUT) -> None:
        """Write; wait while the pipe is full.

        Raises:
            SignalledError: a signal came.
        """
        pipe = self.outputs[output]
        rest = memoryview(data)
        while rest:
            await self.wait(lambda: len(pipe) < _ROOM)
            room = _ROOM - len(pipe)
            pipe.extend(rest[:room])
            rest = rest[room:]
            await self.tell()

    async def wait(self, condition: Callable[[], bool] = lambda: False) -> None:
        """Wait for a condition or a signal; by default for a signal only."""
        async with self.changed:
            await self.changed.wait_for(lambda: condition() or self.signals)
        if self.signals:
            raise SignalledError(self.signals.pop(0))

    async def tell(self) -> None:
        """Wake all waiters, to check their conditions again."""
        async with self.changed:
            self.changed.notify_all()


#: A program: it gets its pipes and returns its exit status. One that catches `SignalledError` catches signals.
FakeProgram = Callable[[FakeStdio], Awaitable[int]]


class FakeProcesses:
    """Starts fake programs, by the last part of their path.

    Args:
        programs: the programs by name.
        grace_seconds: seconds between asking and killing.
    """

    def __init__(self, programs: Mapping[str, FakeProgram], *, grace_seconds: float = GRACE_SECONDS) -> None:
        self._programs = programs
        self._grace = grace_seconds
        #: All programs that were started.
        self.spawned: list[FakeProcess] = []

    async def spawn(self, command: ProcessCommand) -> "FakeProcess":
        """Start a program.

        Raises:
            SpawnError: the test has no program of this name.
        """
        program = self._programs.get(PurePath(command.argv[0]).name)
        if program is None:
            raise SpawnError(f"cannot start {printable(command.argv[0])}: it is not in this test")
        process = FakeProcess(program, command, self._grace)
        self.spawned.append(process)
        return process


class FakeProcess:
    """One fake program and its fake pipes."""

    _pids = count(2_000_000)

    def __init__(self, program: FakeProgram, command: ProcessCommand, grace: float) -> None:
        self.stdio = FakeStdio(command)
        self.pid = next(self._pids)
        self.status: int | None = None
        self.is_closed = False
        self._grace = grace
        self._tasks = Tasks()
        self._ended = asyncio.Event()
        self._tasks.start(self._run(program), f"fake program {self.pid}")

    async def read(self, output: Output, most: int = READ_BYTES) -> bytes:
        """Return what the program writes next; b"" once it has ended and everything was returned."""
        stdio, pipe = self.stdio, self.stdio.outputs[output]
        async with stdio.changed:
            await stdio.changed.wait_for(lambda: pipe or self._ended.is_set() or self.is_closed)
        data = bytes(pipe[: min(most, READ_BYTES)]) if not self.is_closed else b""
        del pipe[: len(data)]
        await stdio.tell()
        return data

    async def write(self, data: bytes) -> int:
        """Give the program input; return how many bytes it took."""
        stdio = self.stdio
        async with stdio.changed:
            await stdio.changed.wait_for(lambda: len(stdio.input) < _ROOM or self._takes_nothing)
        if self._takes_nothing:
            return len(data)
        taken = data[: _ROOM - len(stdio.input)]
        stdio.input += taken
        await stdio.tell()
        return len(taken)

    def close_input(self) -> None:
        """End the program's input."""
        self.stdio.is_input_closed = True
        self._tell()

    def signal(self, number: int) -> None:
        """Send a signal to the program."""
        self.stdio.signals.append(number)
        self._tell()

    async def exited(self) -> None:
        """Wait until the program has ended."""
        await self._ended.wait()

    async def end(self) -> None:
        """Send TERM; kill after the grace."""
        if self._ended.is_set():
            return
        self.signal(_TERM)
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._grace):
                    await self._ended.wait()
        finally:
            await self._tasks.close()

    async def close(self) -> None:
        """End the program."""
        self.is_closed = True
        await self.end()
        await self._tasks.close()

    @property
    def _takes_nothing(self) -> bool:
        return self._ended.is_set() or self.is_closed or self.stdio.is_input_closed

    def _tell(self) -> None:
        if not self._ended.is_set():
            self._tasks.start(self.stdio.tell(), "fake signal")

    async def _run(self, program: FakeProgram) -> None:
        status = -_KILL  # cancelled
        try:
            status = await program(self.stdio)
        except SignalledError as error:
            status = -error.number
        finally:
            self.status = status
            self._ended.set()
            await self.stdio.tell()
