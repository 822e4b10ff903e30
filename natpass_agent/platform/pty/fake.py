"""Pseudo-terminals for tests: their programs are coroutines."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from itertools import count
from pathlib import PurePath

from natpass_agent.platform.programs import SpawnError
from natpass_agent.platform.pty import GRACE_SECONDS, READ_BYTES, InputMode, PtyCommand, Size
from natpass_wire.aio.tasks import Tasks
from natpass_wire.text import printable

#: Bytes that a terminal holds in each direction, as a real one.
_ROOM = 4096


class HungUpError(Exception):
    """The terminal is gone; raised in programs that do not ignore HUP."""


class FakeTerminal:
    """The program's end of a fake pty."""

    def __init__(self, command: PtyCommand) -> None:
        self.command = command
        self.size = command.size
        self.input = bytearray()
        self.output = bytearray()
        self.is_hung_up = False
        #: The foreground process group, and the bytes that are signals to it; a program may change both.
        self.foreground_group: int | None = None
        self.signals = b"\x03\x1c\x1a"
        #: How many children the foreground program has collected, and how it gets input.
        self.collected = 0
        self.is_alone = True
        self.input_mode = InputMode.RAW
        self.changed = asyncio.Condition()

    async def read(self) -> bytes:
        """Wait for input, and return all there is.

        Raises:
            HungUpError: the terminal is gone.
        """
        await self._wait(lambda: bool(self.input))
        data = bytes(self.input)
        self.input.clear()
        await self.tell()
        return data

    async def write(self, data: bytes) -> None:
        """Write output; wait while the terminal holds too much.

        Raises:
            HungUpError: the terminal is gone.
        """
        for start in range(0, len(data), _ROOM):
            await self._wait(lambda: len(self.output) < _ROOM)
            self.output += data[start : start + _ROOM]
            await self.tell()

    async def until_hung_up(self) -> None:
        """Wait, and read nothing.

        Raises:
            HungUpError: the terminal is gone.
        """
        await self._wait(lambda: False)

    async def sleep_for_ever(self) -> None:
        """Wait until killed."""
        await asyncio.Event().wait()

    async def tell(self) -> None:
        """Wake all waiters, to check their conditions again."""
        async with self.changed:
            self.changed.notify_all()

    async def _wait(self, condition: Callable[[], bool]) -> None:
        async with self.changed:
            await self.changed.wait_for(lambda: self.is_hung_up or condition())
        if self.is_hung_up:
            raise HungUpError


#: A program: it gets its terminal and returns its exit status. One that catches `HungUpError` ignores HUP.
FakeProgram = Callable[[FakeTerminal], Awaitable[int]]


class FakePtys:
    """Starts fake programs, by the last part of their path.

    Args:
        programs: the programs by name.
        grace_seconds: seconds between hanging up and killing.
    """

    def __init__(self, programs: Mapping[str, FakeProgram], *, grace_seconds: float = GRACE_SECONDS) -> None:
        self._programs = programs
        self._grace = grace_seconds
        #: All programs that were started.
        self.spawned: list[FakePty] = []

    def spawn(self, command: PtyCommand) -> "FakePty":
        """Start a program.

        Raises:
            SpawnError: the test has no program of this name.
        """
        program = self._programs.get(PurePath(command.argv[0]).name)
        if program is None:
            raise SpawnError(f"cannot start {printable(command.argv[0])}: it is not in this test")
        pty = FakePty(program, command, self._grace)
        self.spawned.append(pty)
        return pty


class FakePty:
    """One fake program on its fake terminal."""

    _pids = count(1_000_000)

    def __init__(self, program: FakeProgram, command: PtyCommand, grace: float) -> None:
        self.terminal = FakeTerminal(command)
        self.pid = next(self._pids)
        self.status: int | None = None
        self._grace = grace
        self._tasks = Tasks()
        self._ended = asyncio.Event()
        self._tasks.start(self._run(program), f"fake program {self.pid}")

    async def read(self, most: int = READ_BYTES) -> bytes:
        """Return the next output; b"" once the program has ended and everything was returned."""
        terminal = self.terminal
        async with terminal.changed:
            await terminal.changed.wait_for(lambda: terminal.output or self.status is not None or terminal.is_hung_up)
        size = min(most, READ_BYTES)
        data = bytes(terminal.output[:size]) if not terminal.is_hung_up else b""
        del terminal.output[:size]
        await terminal.tell()
        return data

    async def write(self, data: bytes) -> int:
        """Give the program input; return how many bytes it took."""
        terminal = self.terminal
        async with terminal.changed:
            await terminal.changed.wait_for(
                lambda: len(terminal.input) < _ROOM or self.status is not None or terminal.is_hung_up
            )
        if self.status is not None or terminal.is_hung_up:
            return len(data)
        taken = data[: _ROOM - len(terminal.input)]
        terminal.input += taken
        await terminal.tell()
        return len(taken)

    @property
    def foreground_group(self) -> int | None:
        """The test's foreground process group."""
        return self.terminal.foreground_group or self.pid

    def collected(self, group: int) -> int | None:
        """Return the test's count for the foreground group."""
        return self.terminal.collected if group == self.foreground_group else None

    def is_alone(self, group: int) -> bool | None:
        """Tell what the test says of the foreground group."""
        return self.terminal.is_alone if group == self.foreground_group else None

    @property
    def input_mode(self) -> InputMode:
        """The test's input mode."""
        return self.terminal.input_mode

    @property
    def unread(self) -> int:
        """Bytes of output that wait."""
        return len(self.terminal.output)

    def interrupts(self, data: bytes) -> bool:
        """Tell whether a byte is a signal."""
        return any(byte in self.terminal.signals for byte in data)

    def resize(self, size: Size) -> None:
        """Change the terminal's size."""
        self.terminal.size = size
        if self.status is None and not self.terminal.is_hung_up:
            self._tasks.start(self.terminal.tell(), "fake resize")

    async def close(self) -> None:
        """Hang up; kill after the grace."""
        self.terminal.is_hung_up = True
        await self.terminal.tell()
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._grace):
                    await self._ended.wait()
        finally:
            await self._tasks.close()

    async def _run(self, program: FakeProgram) -> None:
        status = -9  # cancelled
        try:
            status = await program(self.terminal)
        except HungUpError:
            status = -1
        finally:
            self.status = status
            self._ended.set()
            await self.terminal.tell()
