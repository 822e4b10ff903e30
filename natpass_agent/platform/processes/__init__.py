"""Processes without a terminal: programs with three pipes, on every platform.

`service()` is the factory; the fake is in `fake`. All implementations pass the same contract tests.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

#: Bytes that one read returns at most: what a pipe holds.
READ_BYTES = 64 * 1024
#: Seconds between asking a program to end (TERM) and killing it (KILL).
GRACE_SECONDS = 2.0
#: Seconds after a program's end until its outputs count as finished, once everything is read that the program itself
#: can have written. A background job may keep them open for ever.
LINGER_SECONDS = 1.0


class Output(Enum):
    """A program's outputs."""

    STDOUT = 1
    STDERR = 2


@dataclass(frozen=True, slots=True)
class ProcessCommand:
    """A program to start.

    Attributes:
        argv: the program's path, and its arguments; bytes that are not text as `os.fsdecode` returns them.
        env: its whole environment, decoded like `argv`.
        cwd: the directory it starts in.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: str


class Process(Protocol):
    """A program with three pipes. One task reads each output, one writes."""

    @property
    def pid(self) -> int:
        """The program's process id."""

    @property
    def status(self) -> int | None:
        """The exit status, or -n if signal n ended the program; None before `exited`, or if it can't be known."""

    async def read(self, output: Output, most: int = READ_BYTES) -> bytes:
        """Return what the program writes next, unchanged: 1 to `most` bytes, never more than 64 KiB.

        Returns b"" when no process can write to it any more, or `LINGER_SECONDS` after the program's end.
        """

    async def write(self, data: bytes) -> int:
        """Give the program input; return how many bytes it took, at least one.

        Waits while the program takes nothing. If no process will ever read it, everything counts as taken. If
        cancelled, nothing was taken.
        """

    def close_input(self) -> None:
        """End the program's input after what was written. No-op if repeated."""

    def signal(self, number: int) -> None:
        """Send a signal to the program's process group; no-op if it can't be sent."""

    async def exited(self) -> None:
        """Wait until the program has ended; `status` is set then."""

    async def end(self) -> None:
        """End the program and its process group: TERM, and KILL after the grace; its output can still be read.

        If the program has ended by itself, its background jobs go on: that is how daemons are started. If cancelled,
        all are killed at once.
        """

    async def close(self) -> None:
        """End what `end` ends, and close the pipes. No-op if repeated."""


class ProcessService(Protocol):
    """Starts programs."""

    async def spawn(self, command: ProcessCommand) -> Process:
        """Start a program in a process group of its own; the running event loop carries its bytes.

        Raises:
            SpawnError: it could not be started.
        """


def service(*, grace_seconds: float = GRACE_SECONDS, linger_seconds: float = LINGER_SECONDS) -> ProcessService:
    """Return this platform's processes.

    Args:
        grace_seconds: seconds between asking a program to end and killing it.
        linger_seconds: seconds for which outputs are read after a program's end.
    """
    found: ProcessService
    if sys.platform == "win32":
        from natpass_agent.platform.processes.windows import WindowsProcesses  # noqa: PLC0415 - Windows only

        found = WindowsProcesses(grace_seconds=grace_seconds)
    else:
        from natpass_agent.platform.processes.posix import PosixProcesses  # noqa: PLC0415 - not on Windows

        found = PosixProcesses(grace_seconds=grace_seconds, linger_seconds=linger_seconds)
    return found
