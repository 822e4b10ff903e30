"""Noticing that a child process has ended, without taking its status away (POSIX)."""

import asyncio
import os
import sys
from collections.abc import Callable
from contextlib import suppress

assert sys.platform != "win32"

#: Where the kernel has no pidfd (before Linux 5.3, other systems), the child is asked after so often.
POLL_SECONDS = 0.05


class ExitWatch:
    """Watches one child of ours.

    With a pidfd the ended child stays a zombie until `reap`, so that no other process gets its id meanwhile.

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
        #: Its exit status, or -n for signal n; None before `reap`, or if somebody else has taken it.
        self.status: int | None = None
        if self._pidfd >= 0:
            self._loop.add_reader(self._pidfd, self._exited)
        else:
            self._timer = self._loop.call_later(POLL_SECONDS, self._poll)

    def reap(self) -> bool:
        """Take the status if the child has ended; return whether it is gone."""
        if self._reaped:
            return True
        try:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
        except ChildProcessError:  # it was reaped by somebody else
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
