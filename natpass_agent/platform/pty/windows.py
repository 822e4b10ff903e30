"""Pseudo-terminals on Windows, through pywinpty.

pywinpty blocks, so each terminal has a thread that reads and one that writes. There is no queue between them and the
loop: a read starts when its caller asks for it. Windows' terminals use text: output is encoded as UTF-8, and input is
decoded; an incomplete character waits for its other bytes.
"""

import asyncio
import codecs
import os
import signal
import subprocess
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from natpass_agent.platform.programs import SpawnError
from natpass_agent.platform.pty import GRACE_SECONDS, READ_BYTES, InputMode, PtyCommand, Size
from natpass_wire.text import printable

#: Seconds between two looks at a program that is being ended.
_LOOK_SECONDS = 0.05


class WinptyTerminal(Protocol):
    """The part of `winpty.PTY` that we use."""

    @property
    def pid(self) -> int | None:
        """The program's process id."""

    def spawn(self, appname: str, cmdline: str | None = None, cwd: str | None = None, env: str | None = None) -> bool:
        """Start a program."""

    def set_size(self, cols: int, rows: int) -> None:
        """Change the size."""

    def read(self, blocking: bool = False) -> str:
        """Return output; raises `WinptyApi.error` at its end."""

    def write(self, to_write: str) -> int:
        """Write input."""

    def isalive(self) -> bool:
        """Tell whether the program runs."""

    def get_exitstatus(self) -> int | None:
        """Return its exit status."""

    def cancel_io(self) -> bool:
        """End a read that waits."""


@dataclass(frozen=True, slots=True)
class WinptyApi:
    """The parts of pywinpty that we use, or a test's fakes of them.

    Attributes:
        terminal: makes a terminal, with columns and rows in pywinpty's order.
        error: the exception of all its calls.
        terminate: ends a process and its descendants at once.
    """

    terminal: Callable[[int, int], WinptyTerminal]
    error: type[Exception]
    terminate: Callable[[int], None]


def _real_api() -> WinptyApi:
    try:
        import winpty  # noqa: PLC0415 - the one place that needs pywinpty, which exists on Windows only
    except ImportError as error:
        raise SpawnError("shells on Windows need pywinpty: pip install 'natpass[windows]'") from error
    return WinptyApi(winpty.PTY, winpty.WinptyError, _terminate_tree)


def _terminate_tree(pid: int) -> None:
    """End a process and its descendants."""
    killed = subprocess.run(["taskkill", "/T", "/F", "/PID", str(pid)], capture_output=True, check=False)
    if killed.returncode:
        with suppress(OSError):
            os.kill(pid, signal.SIGTERM)  # TerminateProcess


class WindowsPtys:
    """Starts programs with pywinpty.

    Args:
        api: pywinpty by default; tests pass fakes.
        grace_seconds: seconds between closing a terminal and killing its program.
    """

    def __init__(self, api: WinptyApi | None = None, *, grace_seconds: float = GRACE_SECONDS) -> None:
        self._api = api
        self._grace = grace_seconds

    def spawn(self, command: PtyCommand) -> "WindowsPty":
        """Start a program.

        Raises:
            SpawnError: it could not be started, or pywinpty is missing.
        """
        api = self._api = self._api or _real_api()
        env = "".join(f"{key}={value}\0" for key, value in command.env.items()) + "\0"
        arguments = subprocess.list2cmdline(command.argv[1:])
        try:
            terminal = api.terminal(command.size.cols, command.size.rows)
            terminal.spawn(command.argv[0], cmdline=f" {arguments}" if arguments else None, cwd=command.cwd, env=env)
        except api.error as error:
            raise SpawnError(f"cannot start {printable(command.argv[0])}: {printable(str(error))}") from error
        return WindowsPty(terminal, api, self._grace)


class WindowsPty:
    """One program on its pseudo-terminal."""

    def __init__(self, terminal: WinptyTerminal, api: WinptyApi, grace: float) -> None:
        self._terminal = terminal
        self._api = api
        self._grace = grace
        self._pid = terminal.pid or 0
        self._loop = asyncio.get_running_loop()
        self._reader = ThreadPoolExecutor(1, thread_name_prefix=f"pty {self._pid} output")
        self._writer = ThreadPoolExecutor(1, thread_name_prefix=f"pty {self._pid} input")
        self._pieces: deque[bytes] = deque()  # the rest of a read that returned more than asked for
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._writing: asyncio.Future[int] | None = None
        self._written = b""  # what is being written
        self._closed = False
        self._status: int | None = None

    @property
    def pid(self) -> int:
        """The program's process id."""
        return self._pid

    @property
    def status(self) -> int | None:
        """The exit status, None while it runs."""
        return self._status

    async def read(self, most: int = READ_BYTES) -> bytes:
        """Return the next output; b"" once the program has ended and everything was returned."""
        while not self._pieces:
            if self._closed:
                return b""
            try:
                text = await self._loop.run_in_executor(self._reader, self._terminal.read, True)
            except (self._api.error, EOFError):
                self._status = self._terminal.get_exitstatus()
                return b""
            data = text.encode("utf-8", "replace")
            self._pieces.extend(data[at : at + READ_BYTES] for at in range(0, len(data), READ_BYTES))
        piece = self._pieces.popleft()
        if len(piece) > most:
            self._pieces.appendleft(piece[most:])
        return piece[:most]

    async def write(self, data: bytes) -> int:
        """Give the program input; return how many bytes it took."""
        if self._closed:
            return len(data)
        if self._writing is not None and data != self._written:  # another write was cancelled and is still running
            await asyncio.wait([self._writing])
            self._writing = None
        if self._writing is None:  # else a cancelled caller repeats the same data
            self._written = data
            self._writing = self._loop.run_in_executor(self._writer, self._terminal.write, self._decoder.decode(data))
        await asyncio.wait([self._writing])
        writing, self._writing = self._writing, None
        # Input that an ended program does not take is lost.
        with suppress(self._api.error, EOFError):
            writing.result()
        return len(data)

    @property
    def foreground_group(self) -> None:
        """None: Windows' terminals have no process groups."""

    def collected(self, group: int) -> None:
        """Return None: unknown."""

    def is_alone(self, group: int) -> None:
        """Return None: unknown."""

    @property
    def input_mode(self) -> InputMode:
        """Unknown."""
        return InputMode.UNKNOWN

    @property
    def unread(self) -> None:
        """Unknown."""

    def interrupts(self, data: bytes) -> bool:
        """Tell whether this input holds Ctrl+C; a program that reads it as a key can't be recognised."""
        return b"\x03" in data

    def resize(self, size: Size) -> None:
        """Change the terminal's size."""
        if not self._closed:
            with suppress(self._api.error):  # the program has just ended
                self._terminal.set_size(size.cols, size.rows)

    async def close(self) -> None:
        """Close the terminal, which asks its programs to end, and kill the rest after 2 s."""
        if self._closed:
            return
        self._closed = True
        with suppress(self._api.error):
            self._terminal.cancel_io()
        try:
            until = self._loop.time() + (self._grace if self._status is None else 0)
            while self._terminal.isalive() and self._loop.time() < until:  # noqa: ASYNC110 - nothing tells when
                await asyncio.sleep(_LOOK_SECONDS)
        finally:
            if self._terminal.isalive():
                self._api.terminate(self._pid)
            self._reader.shutdown(wait=False)
            self._writer.shutdown(wait=False)
