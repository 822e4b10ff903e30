"""Processes on POSIX: subprocess starts them, and the event loop reads and writes their pipes here.

asyncio's and uvloop's own subprocesses read ahead, and copy twice what they read. Here nothing is read before it can be
sent, so that a program blocks while no one takes its output, and bytes go from the pipe straight into the message.
"""

import asyncio
import signal
import subprocess
import sys
import warnings

from natpass_agent.platform.processes import (
    GRACE_SECONDS,
    LINGER_SECONDS,
    READ_BYTES,
    Output,
    ProcessCommand,
)
from natpass_agent.platform.programs import SpawnError
from natpass_wire.text import printable

assert sys.platform != "win32"

from natpass_agent.platform.children import (  # noqa: E402 - exists only where the line above holds
    ExitWatch,
    end_groups,
    reset_child,
    signal_group,
    start_fault,
)
from natpass_agent.platform.processes.pipes import ReadingEnd, WritingEnd  # noqa: E402 - as above


class PosixProcesses:
    """Starts programs with subprocess.

    Args:
        grace_seconds: seconds between asking a program to end and killing it.
        linger_seconds: seconds for which outputs are read after a program's end.
    """

    def __init__(self, *, grace_seconds: float = GRACE_SECONDS, linger_seconds: float = LINGER_SECONDS) -> None:
        self._grace = grace_seconds
        self._linger = linger_seconds

    async def spawn(self, command: ProcessCommand) -> "PosixProcess":
        """Start a program in a session of its own, so without a terminal; it gets no descriptor of ours.

        Raises:
            SpawnError: it could not be started.
        """
        name = printable(command.argv[0])
        try:
            with warnings.catch_warnings():
                # Python warns of forking beside threads (of resolvers), but the child takes no lock before exec.
                warnings.simplefilter("ignore", DeprecationWarning)
                process = subprocess.Popen(  # noqa: ASYNC220 - it takes milliseconds, in a thread it would not be less
                    command.argv,
                    bufsize=0,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    cwd=command.cwd,
                    env=command.env,
                    start_new_session=True,
                    preexec_fn=reset_child,  # noqa: PLW1509 - see above
                )
        except UnicodeEncodeError as error:
            raise SpawnError(f"cannot start {name}: this system can't encode {printable(str(error.object))}") from error
        except ValueError as error:
            raise SpawnError("an argument or a variable holds a NUL character") from error
        except OSError as error:
            why = start_fault(error.errno or 0, command.argv, command.env)
            raise SpawnError(f"cannot start {name}: {why}") from error
        return PosixProcess(process, self._grace, self._linger)


class PosixProcess:
    """One program and our ends of its pipes."""

    def __init__(self, process: subprocess.Popen[bytes], grace: float, linger: float) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        self._process = process
        self._grace = grace
        self._linger = linger
        self._loop = asyncio.get_running_loop()
        self._input = WritingEnd(process.stdin)
        self._outputs = {Output.STDOUT: ReadingEnd(process.stdout), Output.STDERR: ReadingEnd(process.stderr)}
        self._has_exited = asyncio.Event()
        self._closed = False
        self._watch = ExitWatch(process.pid, self._exited)

    @property
    def pid(self) -> int:
        """The program's process id; its session and process group have the same."""
        return self._watch.pid

    @property
    def status(self) -> int | None:
        """The exit status, or -n for signal n; None before `exited`."""
        return self._watch.status

    async def read(self, output: Output, most: int = READ_BYTES) -> bytes:
        """Return what the program writes next; b"" at the end."""
        await asyncio.sleep(0)  # a program that never stops writing must not starve the loop
        return await self._outputs[output].read(min(most, READ_BYTES))

    async def write(self, data: bytes) -> int:
        """Give the program input; return how many bytes it took, at least one."""
        return await self._input.write(data)

    def close_input(self) -> None:
        """End the program's input."""
        self._input.close()

    def signal(self, number: int) -> None:
        """Send a signal to the program's process group."""
        if not self._watch.is_reaped and number in signal.valid_signals():
            signal_group(self.pid, number)

    async def exited(self) -> None:
        """Wait until the program has ended."""
        await self._has_exited.wait()
        self._reap()

    async def end(self) -> None:
        """Ask the whole process group to end, and kill it after the grace; no-op if the program has ended by itself."""
        if not self._has_exited.is_set():
            await end_groups(self._watch, {self.pid}, signal.SIGTERM, self._grace)
        self._reap()

    async def close(self) -> None:
        """End the program, and close the pipes."""
        if self._closed:
            return
        self._closed = True
        for pipe in (self._input, *self._outputs.values()):
            pipe.close()
        await self.end()

    def _exited(self) -> None:
        self._has_exited.set()
        for pipe in self._outputs.values():
            pipe.end_at(self._loop.time() + self._linger)
        if self._closed:  # killed and not waited for, or its closing was cancelled
            self._reap()

    def _reap(self) -> None:
        if self._watch.reap():
            self._process.returncode = self._watch.status or 0  # else it warns that the process still runs
