"""The driver for POSIX terminals."""

import os
import selectors
import time
from codecs import getincrementaldecoder

from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver

_IDLE = 0.1
"""Seconds between looks at whether the driver was stopped."""


class PosixDriver(LinuxDriver):
    """Textual's driver, but an Escape is reported as soon as it is known to be one.

    Textual looks only every tenth of a second whether the delay for that is over, however short it was set.
    """

    def run_input_thread(self) -> None:
        """Read the terminal until the driver stops; wake when an unfinished sequence is due."""
        parser = XTermParser(self._debug)
        decode = getincrementaldecoder("utf-8")("replace").decode
        with selectors.SelectSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                due = parser._timeout_time
                patience = _IDLE if due is None else min(_IDLE, max(0.0, due - time.perf_counter()) + 0.001)
                if selector.select(patience):
                    text = decode(os.read(self.fileno, 1024 * 4))
                    if not text:
                        break
                    for message in parser.feed(text):
                        self.process_message(message)
                for message in parser.tick():
                    self.process_message(message)
