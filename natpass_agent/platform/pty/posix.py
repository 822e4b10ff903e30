"""Pseudo-terminals on POSIX, through ptyprocess.

ptyprocess starts the program and reports why it could not. Its reading, writing and closing block (closing sleeps), so
the event loop reads and writes the pty's descriptor directly here.
"""

import asyncio
import errno
import fcntl
import os
import signal
import sys
import termios
import threading
import warnings
from array import array
from contextlib import suppress
from pathlib import Path

from ptyprocess import PtyProcess

from natpass_agent.platform.programs import SpawnError
from natpass_agent.platform.pty import GRACE_SECONDS, READ_BYTES, InputMode, PtyCommand, Size
from natpass_wire.text import printable

assert sys.platform != "win32"

from natpass_agent.platform.children import (  # noqa: E402 - exists only where the line above holds
    ExitWatch,
    end_groups,
    reset_child,
    start_fault,
)

#: Bytes read after the program's end at most. A terminal holds less, so later bytes are from other processes that still
#: have it open, and they may never end.
_MOST_AFTER_EXIT = 1024 * 1024
#: Seconds between two checks of a terminal that no process has open while the program runs: one may open it again.
_REOPEN_SECONDS = 0.1


class _Process(PtyProcess):  # type: ignore[misc]  # ptyprocess has no types
    """A process that we can clean up when its start fails: ptyprocess' `spawn` would leave it half made."""

    _started = threading.local()

    def __init__(self, pid: int, fd: int) -> None:
        super().__init__(pid, fd)
        self._started.process = self

    @classmethod
    def clean_up(cls, *, failed: bool) -> None:
        """Forget the process that this thread has just started; if it has failed, free all that it holds."""
        process: _Process | None = cls._started.__dict__.pop("process", None)
        if process is not None and failed:
            process.release()
            with suppress(ChildProcessError):
                os.waitpid(process.pid, 0)  # it is about to exit: it has reported its error

    def release(self) -> None:
        """Close the descriptor only: ptyprocess' own `close` sleeps, and ends the process in its own way."""
        self.fileobj.close()
        self.closed = True


class PosixPtys:
    """Starts programs with ptyprocess.

    Args:
        grace_seconds: seconds between hanging up and killing.
    """

    def __init__(self, *, grace_seconds: float = GRACE_SECONDS) -> None:
        self._grace = grace_seconds

    def spawn(self, command: PtyCommand) -> "PosixPty":
        """Start a program in a session of its own; it gets no descriptor of ours.

        Raises:
            SpawnError: it could not be started.
        """
        name = printable(command.argv[0])
        cwd = command.cwd
        failed = True
        try:
            # Bytes, because encoding must not fail in the child, which would go on as a second agent.
            argv = [os.fsencode(word) for word in command.argv]
            env = {os.fsencode(key): os.fsencode(value) for key, value in command.env.items()}
            if any(b"\0" in word for word in (*argv, *env, *env.values())):
                raise SpawnError("an argument or a variable holds a NUL character")
            with warnings.catch_warnings():
                # Python warns of forking beside threads (of resolvers), but the child takes no lock before exec.
                warnings.simplefilter("ignore", DeprecationWarning)
                process = _Process.spawn(
                    argv,
                    env=env,
                    dimensions=(command.size.rows, command.size.cols),
                    preexec_fn=lambda: _prepare_child(cwd),
                )
            failed = False
        except UnicodeEncodeError as error:
            raise SpawnError(f"cannot start {name}: this system can't encode {printable(str(error.object))}") from error
        except OSError as error:
            why = start_fault(error.errno, command.argv, command.env) if error.errno else printable(str(error))
            raise SpawnError(f"cannot start {name}: {why}") from error
        finally:
            _Process.clean_up(failed=failed)
        return PosixPty(process, self._grace)


def _prepare_child(cwd: str) -> None:
    """Set the child's signals and directory as in a fresh session; runs between fork and exec."""
    reset_child()
    os.chdir(cwd)


class PosixPty:
    """One program on its pseudo-terminal."""

    def __init__(self, process: _Process, grace: float) -> None:
        self._process = process
        self._grace = grace
        self._fd: int = process.fd
        self._closed = False
        self._after_exit = 0
        self._loop = asyncio.get_running_loop()
        self._readable = asyncio.Event()
        self._writable = asyncio.Event()
        os.set_blocking(self._fd, False)
        os.set_inheritable(self._fd, False)
        self._watch = ExitWatch(process.pid, self._exited)

    @property
    def pid(self) -> int:
        """The program's process id; its session and first process group have the same."""
        return self._watch.pid

    @property
    def status(self) -> int | None:
        """The exit status, or -n for signal n; None while it runs."""
        return self._watch.status

    async def read(self, most: int = READ_BYTES) -> bytes:
        """Return the next output; b"" once the program has ended and everything was returned."""
        await asyncio.sleep(0)  # a program that never stops writing must not starve the loop
        while not self._closed:
            # Check before reading: everything that an ended program has written can be read at once.
            has_exited = self._watch.has_exited
            data, is_hung_up = self._read_now(min(most, READ_BYTES))
            if data and self._after_exit < _MOST_AFTER_EXIT:
                self._after_exit += len(data) if has_exited else 0
                return data
            if has_exited:
                self._watch.reap()
                return b""
            await self._wait_readable(is_hung_up)
        return b""

    async def write(self, data: bytes) -> int:
        """Give the program input; return how many bytes it took, at least one."""
        while not self._closed:
            try:
                taken = os.write(self._fd, data)
            except BlockingIOError:
                taken = 0
            except OSError as error:
                if error.errno != errno.EIO:
                    raise
                return len(data)  # no process has the terminal open, none will ever read it
            if taken:
                return taken
            await self._wait_writable()
        return len(data)

    @property
    def foreground_group(self) -> int | None:
        """The foreground process group; None once the terminal is closed, or while no process has it open."""
        if self._closed:
            return None
        with suppress(OSError):
            group = os.tcgetpgrp(self._fd)
            return group if group > 1 else None
        return None

    def collected(self, group: int) -> int | None:
        """Return the minor page faults of the children that a group's first process has waited for.

        Linux counts them (proc_pid_stat(5), field 11), and no program runs without some.
        """
        try:
            status = Path(f"/proc/{group}/stat").read_bytes()
        except OSError:
            return None
        return int(status.rpartition(b")")[2].split()[8])  # the name in parentheses may hold anything

    def is_alone(self, group: int) -> bool | None:
        """Tell whether a group's first process has no child in the group (Linux' proc_pid_children(5))."""
        try:
            children = Path(f"/proc/{group}/task/{group}/children").read_bytes().split()
        except OSError:
            return None
        for child in children:
            with suppress(ProcessLookupError):
                if os.getpgid(int(child)) == group:
                    return False
        return True

    @property
    def input_mode(self) -> InputMode:
        """How the terminal hands input on, UNKNOWN while no process has it open."""
        if self._closed:
            return InputMode.UNKNOWN
        try:
            input_flags, output_flags, _, local_flags, _, _, characters = termios.tcgetattr(self._fd)
        except termios.error:
            return InputMode.UNKNOWN
        if local_flags & termios.ICANON:
            return InputMode.CANONICAL
        if not output_flags & termios.OPOST:  # line editors keep it
            return InputMode.TRANSPARENT
        # zle keeps these flags, and readline all but one; but both disable the quoting character (lnext).
        is_cooked = input_flags & termios.ICRNL and local_flags & termios.ISIG and characters[termios.VLNEXT] != b"\0"
        return InputMode.CBREAK if is_cooked else InputMode.RAW

    @property
    def unread(self) -> int | None:
        """Bytes of output in the terminal: those on the reader's side, up to 4 KiB on Linux."""
        if self._closed:
            return 0
        with suppress(OSError):
            count = array("i", [0])
            fcntl.ioctl(self._fd, termios.FIONREAD, count, True)
            return count[0]
        return None

    def interrupts(self, data: bytes) -> bool:
        """Tell whether this input holds a character that the terminal turns into a signal."""
        if self._closed or not data:
            return False
        try:
            settings = termios.tcgetattr(self._fd)
        except termios.error:  # no process has the terminal open
            return False
        if not settings[3] & termios.ISIG:
            return False
        characters = (settings[6][index] for index in (termios.VINTR, termios.VQUIT, termios.VSUSP))
        return any(character in data for character in characters if isinstance(character, bytes) and character != b"\0")

    def resize(self, size: Size) -> None:
        """Change the terminal's size; the kernel sends WINCH to the foreground process group."""
        if not self._closed:
            self._process.setwinsize(size.rows, size.cols)

    async def close(self) -> None:
        """Hang up, and after 2 s kill the rest of the program's process group and of the foreground group.

        Background jobs that ignore HUP (nohup) and have a process group of their own live on, as they do under sshd:
        they were started to outlive their terminal.
        """
        if self._closed:
            return
        groups = {self.pid, self.foreground_group or self.pid}
        self._closed = True
        self._release()
        await end_groups(self._watch, groups, signal.SIGHUP, self._grace)

    def _release(self) -> None:
        """Close the descriptor; the kernel hangs up on the session."""
        self._loop.remove_reader(self._fd)
        self._loop.remove_writer(self._fd)
        self._process.release()
        self._readable.set()
        self._writable.set()

    def _read_now(self, room: int) -> tuple[bytes, bool]:
        """Return what can be read at once, up to `room` bytes, and whether no process has the terminal open.

        The kernel returns at most 4 KiB at a time; reading on fills a frame better.
        """
        chunks: list[bytes] = []
        try:
            while room and (chunk := os.read(self._fd, room)):
                chunks.append(chunk)
                room -= len(chunk)
        except BlockingIOError:
            return b"".join(chunks), False
        except OSError as error:
            if error.errno != errno.EIO:  # Linux' end of file
                raise
        return b"".join(chunks), room > 0

    async def _wait_readable(self, is_hung_up: bool) -> None:
        self._readable.clear()
        if is_hung_up:  # the descriptor would be ready all the time
            with suppress(TimeoutError):
                async with asyncio.timeout(_REOPEN_SECONDS):
                    await self._readable.wait()
            return
        self._loop.add_reader(self._fd, self._readable.set)
        try:
            await self._readable.wait()
        finally:
            if not self._closed:
                self._loop.remove_reader(self._fd)

    async def _wait_writable(self) -> None:
        self._writable.clear()
        self._loop.add_writer(self._fd, self._writable.set)
        try:
            await self._writable.wait()
        finally:
            if not self._closed:
                self._loop.remove_writer(self._fd)

    def _exited(self) -> None:
        self._readable.set()
        if self._closed:  # killed and not waited for, or its closing was cancelled
            self._watch.reap()
