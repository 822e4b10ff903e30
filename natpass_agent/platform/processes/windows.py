"""Processes on Windows, through asyncio's subprocesses (the proactor reads and writes their pipes).

There are no process groups to signal: taskkill ends a program and its descendants. Outputs are read to their end, even
while a background job keeps them open.
"""

import asyncio
import signal
import subprocess
from collections.abc import Awaitable, Callable
from contextlib import suppress

from natpass_agent.platform.processes import (
    GRACE_SECONDS,
    READ_BYTES,
    Output,
    ProcessCommand,
)
from natpass_agent.platform.programs import SpawnError
from natpass_wire.text import printable

#: Bytes of input that we queue for the program: as much as a pipe holds.
_INPUT_BYTES = READ_BYTES
#: An invisible console of its own, and a group that Ctrl+Break can be sent to. (0 on other platforms, for tests.)
_FLAGS = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0) | getattr(subprocess, "CREATE_NO_WINDOW", 0)
#: Seconds that a killed process may take to vanish; one that hangs does not hold the link.
_VANISH_SECONDS = 5.0
#: The signal that a program gets for INT and TERM.
_BREAK = getattr(signal, "CTRL_BREAK_EVENT", signal.SIGTERM)
#: POSIX numbers, as the opener sends them.
_INT, _KILL, _TERM = 2, 9, 15


async def kill_tree(pid: int) -> None:
    """End a process and its descendants."""
    with suppress(OSError):
        quiet = subprocess.DEVNULL
        killer = await asyncio.create_subprocess_exec(
            "taskkill", "/PID", str(pid), "/T", "/F", stdin=quiet, stdout=quiet, stderr=quiet
        )
        await killer.wait()


class WindowsProcesses:
    """Starts programs with asyncio.

    Args:
        grace_seconds: seconds between asking a program to end and killing it.
        kill_tree: ends a process and its descendants.
    """

    def __init__(
        self,
        *,
        grace_seconds: float = GRACE_SECONDS,
        kill_tree: Callable[[int], Awaitable[None]] = kill_tree,
    ) -> None:
        self._grace = grace_seconds
        self._kill_tree = kill_tree

    async def spawn(self, command: ProcessCommand) -> "WindowsProcess":
        """Start a program.

        Raises:
            SpawnError: it could not be started.
        """
        pipe = asyncio.subprocess.PIPE
        try:
            process = await asyncio.create_subprocess_exec(
                *command.argv,
                stdin=pipe,
                stdout=pipe,
                stderr=pipe,
                limit=READ_BYTES,
                env=command.env,
                cwd=command.cwd,
                creationflags=_FLAGS,
            )
        except ValueError as error:
            raise SpawnError("an argument or a variable holds a NUL character") from error
        except OSError as error:
            raise SpawnError(f"cannot start {printable(command.argv[0])}: {error.strerror}") from error
        return WindowsProcess(process, self._grace, self._kill_tree)


class WindowsProcess:
    """One program and its pipes."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        grace: float,
        kill_tree: Callable[[int], Awaitable[None]],
    ) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        self._process = process
        self._grace = grace
        self._kill_tree = kill_tree
        self._input = process.stdin
        with suppress(RuntimeError):  # uvloop, in tests: an ended program has no pipe
            self._input.transport.set_write_buffer_limits(high=_INPUT_BYTES)
        self._outputs = {Output.STDOUT: process.stdout, Output.STDERR: process.stderr}
        self._closed = False

    @property
    def pid(self) -> int:
        """The program's process id."""
        return self._process.pid

    @property
    def status(self) -> int | None:
        """The exit status; None while it runs."""
        return self._process.returncode

    async def read(self, output: Output, most: int = READ_BYTES) -> bytes:
        """Return what the program writes next; b"" at the end."""
        reading = self._outputs[output].read(min(most, READ_BYTES))
        if self._closed:
            reading.close()
            return b""
        return await reading

    async def write(self, data: bytes) -> int:
        """Give the program input; it counts as taken once it fits into the queue."""
        with suppress(BrokenPipeError, ConnectionResetError):
            await self._input.drain()
            self._input.write(data)
        return len(data)

    def close_input(self) -> None:
        """End the program's input."""
        self._input.close()

    def signal(self, number: int) -> None:
        """Send Ctrl+Break for INT and TERM, and end the program for KILL; ignore other signals."""
        with suppress(ProcessLookupError, ValueError, OSError):
            if number in {_INT, _TERM}:
                self._process.send_signal(_BREAK)
            elif number == _KILL:
                self._process.kill()

    async def exited(self) -> None:
        """Wait until the program has ended."""
        await self._process.wait()

    async def end(self) -> None:
        """Send Ctrl+Break, and kill the program and its descendants after the grace."""
        if self._process.returncode is not None:
            return
        self.signal(_TERM)
        try:
            async with asyncio.timeout(self._grace):
                await self._process.wait()
        except TimeoutError:
            await self._kill_tree(self.pid)
        finally:
            with suppress(ProcessLookupError):
                self._process.kill()
        with suppress(TimeoutError):
            async with asyncio.timeout(_VANISH_SECONDS):
                await self._process.wait()

    async def close(self) -> None:
        """End the program, and close the pipes."""
        if not self._closed:
            self._closed = True
            self._input.close()
            try:
                await self.end()
            finally:
                # asyncio does not close pipes with unread output when the process ends, and has no public way.
                self._process._transport.close()  # type: ignore[attr-defined]  # see above
            await asyncio.sleep(0)
