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

_IDLE = 0.1
"""Seconds between looks at whether the driver was stopped."""
_ASK_FOR_ALTERNATES = "\x1b[=4;2u"
"""Adds to what Textual asks of the kitty protocol: which character shift makes of a key, and which key it is on a US
keyboard. Without it alt+shift+1 cannot be told to a program as `\\e!`, nor ctrl+с of a Russian keyboard as ctrl+c."""


class PosixDriver(LinuxDriver):
    """Textual's driver, with other manners in three respects.

    An Escape is reported as soon as it is known to be one: Textual looks only every tenth of a second whether the
    delay for that is over, however short it was set.

    A terminal that goes away ends the application, whatever it is doing: Textual waits for ever for a thread that
    has ended. SIGCONT comes with the hangup of a terminal, and Textual starts a second pair of threads then, within
    the signal handler; here signals only ask the loop to do what they want done.

    The terminal's size is what the system says. Textual believes what comes in band, too: a program that has the
    terminal answer, or a line that garbles, could give the screen any size, and turn cells of the mouse into pixels.
    """

    #: The control character of the console's own key, if it has one.
    prefix = ""

    _writer: TerminalWriter | None = None
    _suspended = False

    # The base class makes its own writer, starts what it then finds here, and writes to it.
    @property
    def _writer_thread(self) -> Any:
        return self._writer

    @_writer_thread.setter
    def _writer_thread(self, thread: Any) -> None:
        self._writer = None if thread is None else TerminalWriter(self._output(), self._terminal_gone)

    def _output(self) -> IO[str]:
        assert self._file is not None  # there is none in a program without a terminal, which we are not
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
        if self._writer is None:  # the base class has met an error, and given up
            self._terminal_gone()
        elif not constants.DISABLE_KITTY_KEY:
            self.write(_ASK_FOR_ALTERNATES)

    def _query_in_band_window_resize(self) -> None:
        """Ask for no sizes in band."""

    def _get_terminal_size(self) -> tuple[int, int]:
        """Return columns and rows as the system has them; where it has none, as Textual would."""
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
        """Read the terminal. If that fails, the application ends and says why: one without a keyboard is of no use."""
        try:
            self.run_input_thread()
        except Exception:
            log.exception("the thread that reads the terminal has failed")
            # The base class calls the application from this thread, which a loop that sleeps does not hear.
            self._in_loop(functools.partial(self._app.panic, Traceback()))
            WATCHDOG.start()

    def run_input_thread(self) -> None:
        """Read the terminal until the driver stops; wake when an unfinished sequence is due."""
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
        """Return what was typed; nothing if the terminal is gone."""
        try:
            return os.read(self.fileno, 1024 * 4)
        except OSError:
            return b""

    def _terminal_gone(self) -> None:
        """End the application, from any thread."""
        WATCHDOG.start()
        self._in_loop(self._leave)

    def _leave(self) -> None:
        if not self._app._exit:  # otherwise it is about to end already, with a status of its own
            self._app.exit()

    def _restore(self) -> None:
        """Put the terminal in order without writing to it, which may be what everything waits for."""
        if self.attrs_before is not None:
            with contextlib.suppress(termios.error):
                termios.tcsetattr(self.fileno, termios.TCSANOW, self.attrs_before)

    def _sigtstp_application(self, *_: object) -> None:
        self._in_loop(super()._sigtstp_application)

    def _sigcont_application(self, *_: object) -> None:
        self._in_loop(self._continue)

    def _continue(self) -> None:
        """Take the terminal again: whoever had it in the meantime has changed its modes."""
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
    """Return the driver of a console whose own key is this control character."""
    return type("ConsoleDriver", (PosixDriver,), {"prefix": prefix})
