"""The thread that writes to the terminal, and outlives it."""

import threading
from collections.abc import Callable
from queue import Queue
from typing import IO

QUEUED_WRITES = 30
"""Writes that may wait, as with Textual: whoever writes more waits for the terminal."""


class TerminalWriter(threading.Thread):
    """Writes what is queued. Textual's own thread ends when a write fails, and who writes next waits for ever.

    Args:
        file: the terminal.
        on_gone: called from this thread, once, when the terminal takes nothing any more. What is written after that
            is dropped.
    """

    def __init__(self, file: IO[str], on_gone: Callable[[], None]) -> None:
        super().__init__(daemon=True, name="natpass-output")
        self._file = file
        self._on_gone = on_gone
        self._queue: Queue[str | None] = Queue(QUEUED_WRITES)

    def write(self, text: str) -> None:
        """Queue a text; waits while too many do already."""
        self._queue.put(text)

    def run(self) -> None:
        """Write until `stop`."""
        gone = False
        while (text := self._queue.get()) is not None:
            if gone:
                continue
            try:
                self._file.write(text)
                if not self._queue.qsize():
                    self._file.flush()
            except (OSError, ValueError):  # ValueError: the file was closed
                gone = True
                self._on_gone()
        if not gone:
            try:
                self._file.flush()
            except (OSError, ValueError):
                self._on_gone()

    def stop(self) -> None:
        """Write what waits, and end."""
        self._queue.put(None)
        self.join()
