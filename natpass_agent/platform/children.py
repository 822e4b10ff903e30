"""Our child processes on POSIX: watching for their end, and ending them with their process groups."""

# Why: docs/decisions/031-ending-a-links-programs.md

import asyncio
import errno
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress

from natpass_wire.program.platform_files import restore_open_files

assert sys.platform != "win32"

log = logging.getLogger(__name__)

#: Seconds between two looks at process groups that are being ended.
_LOOK_SECONDS = 0.02
#: Seconds that a killed process may take to vanish; one that hangs in the kernel does not hold the link.
_VANISH_SECONDS = 5.0

#: The longest argument or variable on Linux, its NUL included (MAX_ARG_STRLEN: 32 pages).
_MOST_WORD_BYTES = 32 * 4096

#: Seconds between two polls of a child, if the kernel has no pidfd (before Linux 5.3, other systems).
POLL_SECONDS = 0.05


class ExitWatch:
    """Watches one child of ours.

    With a pidfd the ended child stays a zombie until `reap`, so that no other process can get its id.

    Args:
        pid: the child's process id.
        on_exit: called once, by the event loop, when the child has ended.
    """

    def __init__(self, pid: int, on_exit: Callable[[], None]) -> None:
        self.pid = pid
        self._on_exit = on_exit
        self._loop = asyncio.get_running_loop()
        self._pidfd = _open_pidfd(pid)
        self._timer: asyncio.TimerHandle | None = None
        self._reaped = False
        #: Whether the child has ended.
        self.has_exited = False
        #: Its exit status, or -n for signal n; None before `reap`, or if other code has reaped it.
        self.status: int | None = None
        if self._pidfd >= 0:
            self._loop.add_reader(self._pidfd, self._exited)
        else:
            self._timer = self._loop.call_later(POLL_SECONDS, self._poll)

    @property
    def is_reaped(self) -> bool:
        """Whether it was reaped, so that another process may get its id."""
        return self._reaped

    def reap(self) -> bool:
        """Take the status if the child has ended; return whether it is gone."""
        if self._reaped:
            return True
        try:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
        except ChildProcessError:  # other code has reaped it
            pid, status = self.pid, -1
        if pid == 0:
            return False
        self._reaped = True
        if status != -1:
            self.status = os.waitstatus_to_exitcode(status)
        if not self.has_exited:
            self._exited()
        return True

    def _exited(self) -> None:
        self.has_exited = True
        if self._pidfd >= 0:
            self._loop.remove_reader(self._pidfd)
            os.close(self._pidfd)
            self._pidfd = -1
        if self._timer is not None:
            self._timer.cancel()
        self._on_exit()

    def _poll(self) -> None:
        if not self.reap():
            self._timer = self._loop.call_later(POLL_SECONDS, self._poll)


def _open_pidfd(pid: int) -> int:
    pidfd = -1
    if sys.platform == "linux":
        with suppress(OSError):  # an old kernel
            pidfd = os.pidfd_open(pid)
    return pidfd


def reset_child() -> None:
    """Reset a child's signals to those of a fresh session, and its limit on open files; runs between fork and exec.

    Ignored signals stay ignored through exec: Python ignores PIPE, nohup ignores HUP, a shell's background jobs INT.
    """
    for number in signal.valid_signals():
        with suppress(OSError, ValueError):  # KILL and STOP
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    restore_open_files()


def start_fault(number: int, argv: Sequence[str], env: Mapping[str, str]) -> str:
    """Return why a program could not be started, for a person.

    Args:
        number: the system's error.
        argv: the program and its arguments.
        env: its variables.
    """
    if number != errno.E2BIG:
        return os.strerror(number)
    words = [len(os.fsencode(word)) + 1 for word in argv]
    words += [len(os.fsencode(f"{name}={value}")) + 1 for name, value in env.items()]
    if (longest := max(words)) > _MOST_WORD_BYTES:
        return f"an argument or variable of {longest - 1} bytes is longer than this system takes"
    return f"its arguments and variables have {sum(words)} bytes, which is more than this system takes"


def signal_group(group: int, number: int) -> bool:
    """Send a signal (0 only checks) to a process group; return whether it exists and we may signal it."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


async def end_groups(watch: ExitWatch, groups: set[int], number: int, grace_seconds: float) -> None:
    """End a child of ours, and process groups. If cancelled, kill them at once.

    Args:
        watch: the child's watch.
        groups: the process groups' ids.
        number: the signal that asks them to end.
        grace_seconds: seconds until the rest is killed.
    """
    try:
        for each in (number, signal.SIGCONT):  # CONT: a stopped process has to see the other signal
            groups = {group for group in groups if signal_group(group, each)}
        if not await _vanish(watch, groups, grace_seconds):
            _kill(groups)
            if not await _vanish(watch, (), _VANISH_SECONDS):
                log.warning("process %d was killed and is still there", watch.pid)
    except asyncio.CancelledError:
        _kill(groups)
        await _vanish(watch, (), _VANISH_SECONDS)  # a killed child takes a moment, and would stay a zombie
        raise
    except BaseException:
        _kill(groups)
        watch.reap()
        raise


async def _vanish(watch: ExitWatch, groups: Iterable[int], seconds: float) -> bool:
    """Wait until the child and these process groups are gone; return whether they are."""
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while not watch.reap() or any(signal_group(group, 0) for group in groups):
        if loop.time() >= until:
            return False
        await asyncio.sleep(_LOOK_SECONDS)
    return True


def _kill(groups: Iterable[int]) -> None:
    for group in groups:
        signal_group(group, signal.SIGKILL)
