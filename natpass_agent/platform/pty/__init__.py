"""Pseudo-terminals: programs that run on one, on every platform.

`service()` is the factory; the fake is in `fake`. All implementations pass the same contract tests.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol

#: Bytes that one read returns at most (docs/wire.md §4: "pty reads of up to 16 KiB").
READ_BYTES = 16 * 1024
#: Seconds between asking a program to end (HUP) and killing it (KILL).
GRACE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Size:
    """A terminal's size in cells, each 1 to 65 535."""

    rows: int
    cols: int


@dataclass(frozen=True, slots=True)
class PtyCommand:
    """A program to start.

    Attributes:
        argv: the program's path, and its arguments.
        env: its whole environment.
        cwd: the directory it starts in.
        size: its terminal's size.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: str
    size: Size


class InputMode(Enum):
    """How a terminal hands input on, by its settings (termios(3), stty(1))."""

    UNKNOWN = auto()
    #: By line, edited by the terminal.
    CANONICAL = auto()
    #: By character, otherwise as for lines: set by a script's `read -s`.
    CBREAK = auto()
    #: By character, with less processing: set by line editors and full-screen programs.
    RAW = auto()
    #: By character, without any processing, not even of output: set by `stty raw`, and by ssh.
    TRANSPARENT = auto()


class Pty(Protocol):
    """A program on its pseudo-terminal. One task reads, one writes."""

    @property
    def pid(self) -> int:
        """The program's process id."""

    @property
    def status(self) -> int | None:
        """The exit status, or -n if signal n ended the program; None while it runs, or if it can't be known."""

    async def read(self, most: int = READ_BYTES) -> bytes:
        """Return the next output, unchanged: 1 to `most` bytes of it, and never more than 16 KiB.

        Returns b"" once the program has ended and all its output was returned; `status` is set then.
        """

    async def write(self, data: bytes) -> int:
        """Give the program input; return how many bytes it took, at least one.

        Waits while the program takes nothing. If cancelled, nothing was taken.
        """

    @property
    def foreground_group(self) -> int | None:
        """The terminal's foreground process group now, None if it can't be known."""

    def collected(self, group: int) -> int | None:
        """Return a count that grows whenever a group's first process has collected an ended child.

        Args:
            group: the process group, as `foreground_group` returns it.

        Returns:
            The count, None if it can't be known.
        """

    def is_alone(self, group: int) -> bool | None:
        """Tell whether a process group's first process has no child in the group.

        Args:
            group: the process group, as `foreground_group` returns it.

        Returns:
            None if it can't be known.
        """

    @property
    def input_mode(self) -> InputMode:
        """How the terminal hands input on now."""
        ...

    @property
    def unread(self) -> int | None:
        """Bytes of output that `read` would return at once; None if the system does not tell."""

    def interrupts(self, data: bytes) -> bool:
        """Tell whether this input would interrupt, end or stop the program, with the terminal's present settings."""
        ...

    def resize(self, size: Size) -> None:
        """Change the terminal's size, and tell the program."""

    async def close(self) -> None:
        """End the program and its process group: hang up, and kill the rest after the grace.

        Returns when they are gone. No-op if repeated. If cancelled, they are killed at once.
        """


class PtyService(Protocol):
    """Starts programs on pseudo-terminals."""

    def spawn(self, command: PtyCommand) -> Pty:
        """Start a program; the running event loop carries its bytes.

        Raises:
            SpawnError: it could not be started.
        """


def service(*, grace_seconds: float = GRACE_SECONDS) -> PtyService:
    """Return this platform's pseudo-terminals.

    Args:
        grace_seconds: seconds between asking a program to end and killing it.
    """
    found: PtyService
    if sys.platform == "win32":
        from natpass_agent.platform.pty.windows import WindowsPtys  # noqa: PLC0415 - exists on Windows only

        found = WindowsPtys(grace_seconds=grace_seconds)
    else:
        from natpass_agent.platform.pty.posix import PosixPtys  # noqa: PLC0415 - does not exist on Windows

        found = PosixPtys(grace_seconds=grace_seconds)
    return found
