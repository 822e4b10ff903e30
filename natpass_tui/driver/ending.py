"""How the console ends on a signal: in order, or by force after a time limit."""

import _thread
import asyncio
import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType

#: Seconds to end in order: closing links and restoring the terminal takes far less if they respond.
PATIENCE = 5.0
#: Exit status after a signal to end, as of a shell: 128 + SIGTERM.
TERMINATED = 143
_RESTORE_SECONDS = 0.5


class Watchdog:
    """A timer that ends the process some time after `start`, even if it hangs.

    Args:
        seconds: how long to wait.
        end: ends the process with an exit status.

    Attributes:
        restore: restores the terminal; called before the end, and may hang.
    """

    def __init__(self, seconds: float = PATIENCE, end: Callable[[int], object] = os._exit) -> None:
        self._seconds = seconds
        self._end = end
        self._started = False
        self.restore: Callable[[], None] | None = None

    def start(self) -> None:
        """Start the timer; no-op the second time. Callable from any thread, and from a signal handler."""
        if not self._started:
            self._started = True
            # Not threading.Thread: it takes locks, which the interrupted code may hold.
            _thread.start_new_thread(self._watch, ())

    def _watch(self) -> None:
        time.sleep(self._seconds)
        if self.restore is not None:
            restoring = threading.Thread(target=self.restore, name="natpass-restore", daemon=True)
            restoring.start()
            restoring.join(_RESTORE_SECONDS)
        self._end(TERMINATED)


#: This process's watchdog.
WATCHDOG = Watchdog()


@contextlib.contextmanager
def ended_by_signals(stop: Callable[[], None], watchdog: Watchdog = WATCHDOG) -> Iterator[None]:
    """Call `stop` in the running loop on SIGTERM and SIGHUP, and start the watchdog.

    The handlers are Python's, not the loop's: those would not run while the loop waits for a terminal that no longer
    takes output.
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
