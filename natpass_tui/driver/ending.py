"""How the console ends when it is told to: in order if that is possible, and if not, without."""

import _thread
import asyncio
import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType

PATIENCE = 5.0
"""Seconds to end in order: links are closed and the terminal is put back in far less, if they answer at all."""
TERMINATED = 143
"""Exit status after a signal to end, as of a shell: 128 + SIGTERM."""
_RESTORE_SECONDS = 0.5


class Watchdog:
    """Ends the process some time after `start`, whatever holds it up.

    Args:
        seconds: how long to wait.
        end: what ends the process, given its exit status.

    Attributes:
        restore: puts the terminal in order; is called before the end, and may hang.
    """

    def __init__(self, seconds: float = PATIENCE, end: Callable[[int], object] = os._exit) -> None:
        self._seconds = seconds
        self._end = end
        self._started = False
        self.restore: Callable[[], None] | None = None

    def start(self) -> None:
        """Begin to count; does nothing the second time. From any thread, and from a signal handler."""
        if not self._started:
            self._started = True
            # Not threading.Thread: it takes locks that the code which a signal interrupted may hold.
            _thread.start_new_thread(self._watch, ())

    def _watch(self) -> None:
        time.sleep(self._seconds)
        if self.restore is not None:
            restoring = threading.Thread(target=self.restore, name="natpass-restore", daemon=True)
            restoring.start()
            restoring.join(_RESTORE_SECONDS)
        self._end(TERMINATED)


WATCHDOG = Watchdog()
"""The one of this process."""


@contextlib.contextmanager
def ended_by_signals(stop: Callable[[], None], watchdog: Watchdog = WATCHDOG) -> Iterator[None]:
    """Call `stop` in the running loop on SIGTERM and SIGHUP, and see to it that the end comes.

    The handlers are Python's and not the loop's: those would not run while the loop waits for a terminal that takes
    nothing any more.
    """
    loop = asyncio.get_running_loop()

    def told(_number: int, _frame: FrameType | None) -> None:
        watchdog.start()
        with contextlib.suppress(RuntimeError):  # the loop is closed: the end is near
            loop.call_soon_threadsafe(stop)

    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {number: signal.signal(number, told) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
