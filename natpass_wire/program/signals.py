"""Signals to a long-running program."""

# Why: docs/decisions/040-hang-up.md

import asyncio
import logging
import signal
from collections.abc import Callable
from contextlib import suppress

from natpass_wire.program.platform import has_terminal

log = logging.getLogger(__name__)


def handle(stop: Callable[[int], None], reload: Callable[[], None]) -> None:
    """Have the running loop handle signals, until it is closed.

    HUP asks a service to reload. But HUP also means that a terminal was closed. Then a program that a user started
    there ends, as others do, rather than serve a remote shell that nobody sees any more. `nohup` keeps it running.

    Args:
        stop: called with the signal's number on TERM, INT (unless it was ignored when we started), and HUP when the
            terminal that we were started from is gone.
            reload: called on any other HUP.
    """
    loop = asyncio.get_running_loop()

    def told_to_stop(number: int, why: str) -> None:
        log.info("stopping: %s", why)
        stop(number)

    def hung_up() -> None:
        if ends_with_terminal and not has_terminal():
            told_to_stop(getattr(signal, "SIGHUP"), "the terminal that this was started from is closed")  # noqa: B009 - not on Windows
        else:
            reload()

    with suppress(NotImplementedError):  # Windows: an interrupt is a KeyboardInterrupt there
        for name in ("SIGTERM", "SIGINT"):
            number = getattr(signal, name)
            if signal.getsignal(number) is not signal.SIG_IGN:  # a shell's background job
                loop.add_signal_handler(number, told_to_stop, number, name)
        number = getattr(signal, "SIGHUP")  # noqa: B009 - not on Windows
        ends_with_terminal = signal.getsignal(number) is not signal.SIG_IGN and has_terminal()  # else nohup's
        loop.add_signal_handler(number, hung_up)
