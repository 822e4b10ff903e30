"""The driver for POSIX terminals."""

import contextlib
import functools
import logging
import os
import selectors
import sys
import termios
import time
from codecs import getincrementaldecoder
from collections.abc import Iterable
from typing import IO, Any

from rich.traceback import Traceback
from textual import constants
from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message

from natpass_tui.driver.ending import WATCHDOG
from natpass_tui.driver.parser import OuterParser
from natpass_tui.driver.writer import TerminalWriter

assert sys.platform != "win32"

log = logging.getLogger(__name__)

#: Seconds between checks whether the driver was stopped.
_IDLE = 0.1
#: Asks the kitty protocol for more than Textual does: the character that shift makes of a key, and the key on a US
#: keyboard. Without it a program cannot get alt+shift+1 as `\e!`, nor ctrl+с of a Russian keyboard as ctrl+c.
_ASK_FOR_ALTERNATES = "\x1b[=4;2u"


class PosixDriver(LinuxDriver):
    """Textual's driver with three changes.

    An Escape is reported as soon as its delay is over: Textual checks only every tenth of a second, even if the delay
    is shorter.

    A terminal that goes away always ends the application: Textual waits for ever for a thread that has ended. SIGCONT
    comes with the hangup of a terminal. Textual then starts a second pair of threads within the signal handler; here
    signal handlers only schedule work in the loop.

    The terminal's size comes from the system. Textual also believes in-band reports: a program that makes the terminal
    answer, or a garbled line, could give the screen any size, and turn the mouse's cells into pixels.
    """

    #: The control character of the console's prefix key, if it has one.
    prefix = ""

    _writer: TerminalWriter | None = None
    _suspended = False

    # The base class assigns its own writer here, starts what it then finds here, and writes to it.
    @property
    def _writer_thread(self) -> Any:
        return self._writer

    @_writer_thread.setter
    def _writer_thread(self, thread: Any) -> None:
        self._writer = None if thread is None else TerminalWriter(self._output(), self._terminal_gone)

    def _output(self) -> IO[str]:
        assert self._file is not None  # None only in a program without a terminal
        return self._file

    def write(self, data: str) -> None:
        """Queue text for the terminal, if there is one."""
        if self._writer is not None:
            self._writer.write(data)

    def start_application_mode(self) -> None:
        """Take the terminal."""
        super().start_application_mode()  # type: ignore[no-untyped-call]  # Textual's has no types
        self._suspended = False
        WATCHDOG.restore = self._restore
        if self._writer is None:  # the base class had an error, and gave up
            self._terminal_gone()
        elif not constants.DISABLE_KITTY_KEY:
            self.write(_ASK_FOR_ALTERNATES)

    def _query_in_band_window_resize(self) -> None:
        """Do not ask for in-band size reports."""

    def _get_terminal_size(self) -> tuple[int, int]:
        """Return columns and rows from the system; if it has none, from Textual."""
        with contextlib.suppress(OSError):
            cols, rows = os.get_terminal_size(self.fileno)
            if cols and rows:
                return cols, rows
        found: tuple[int, int] = super()._get_terminal_size()
        return found

    def suspend_application_mode(self) -> None:
        """Give the terminal back for a while."""
        super().suspend_application_mode()
        self._suspended = True

    def _run_input_thread(self) -> None:
        """Read the terminal. If that fails, end the application with the reason: it would have no keyboard."""
        try:
            self.run_input_thread()
        except Exception:  # whatever it is, the terminal has to be given back
            log.exception("the thread that reads the terminal has failed")
            # The base class calls the application from this thread, which does not wake a sleeping loop.
            self._in_loop(functools.partial(self._app.panic, Traceback()))
            WATCHDOG.start()

    def run_input_thread(self) -> None:
        """Read the terminal until the driver stops; wake up when an unfinished sequence is due."""
        parser = OuterParser(self._debug, prefix=self.prefix, size=self._size_now)
        decode = getincrementaldecoder("utf-8")("replace").decode
        with selectors.SelectSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                due = parser.due
                patience = _IDLE if due is None else min(_IDLE, max(0.0, due - time.perf_counter()) + 0.001)
                if selector.select(patience):
                    data = self._read()
                    if not data:
                        self._terminal_gone()
                        break
                    self._take(parser.feed(decode(data)))
                self._take(parser.tick())

    def _size_now(self) -> tuple[int, int]:
        return self._app.size.height, self._app.size.width

    def _take(self, messages: Iterable[Message]) -> None:
        for message in messages:
            try:
                self.process_message(message)
            except RuntimeError:
                if not self._loop.is_closed():  # otherwise the application has ended
                    raise

    def _read(self) -> bytes:
        """Return the input; empty if the terminal is gone."""
        try:
            return os.read(self.fileno, 1024 * 4)
        except OSError:
            return b""

    def _terminal_gone(self) -> None:
        """End the application, from any thread."""
        WATCHDOG.start()
        self._in_loop(self._leave)

    def _leave(self) -> None:
        if not self._app._exit:  # otherwise it is already ending, with its own status
            self._app.exit()

    def _restore(self) -> None:
        """Restore the terminal without writing to it: a write may block."""
        if self.attrs_before is not None:
            with contextlib.suppress(termios.error):
                termios.tcsetattr(self.fileno, termios.TCSANOW, self.attrs_before)

    def _sigtstp_application(self, *_: object) -> None:
        self._in_loop(super()._sigtstp_application)

    def _sigcont_application(self, *_: object) -> None:
        self._in_loop(self._continue)

    def _continue(self) -> None:
        """Take the terminal again: another program may have changed its modes."""
        if not self._auto_restart or self._app._exit or not os.isatty(self.fileno):
            return
        if not self._suspended:
            self.suspend_application_mode()
            self._must_signal_resume = True
        self.resume_application_mode()

    def _in_loop(self, call: Any) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: the application has ended
            self._loop.call_soon_threadsafe(call)


def driver_for(prefix: str) -> type[PosixDriver]:
    """Return the driver class for a console whose prefix key is this control character."""
    return type("ConsoleDriver", (PosixDriver,), {"prefix": prefix})
