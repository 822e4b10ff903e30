"""The thread that writes to the terminal, and survives the terminal's end."""

import threading
from collections.abc import Callable
from queue import Queue
from typing import IO

#: The most writes that wait, as in Textual: the next one blocks.
QUEUED_WRITES = 30


class TerminalWriter(threading.Thread):
    """Writes what is queued. Textual's own thread ends when a write fails, and the next writer blocks for ever.

    Args:
        file: the terminal.
        on_gone: called once, from this thread, when the terminal no longer takes output. Later writes are dropped.
    """

    def __init__(self, file: IO[str], on_gone: Callable[[], None]) -> None:
        super().__init__(daemon=True, name="natpass-output")
        self._file = file
        self._on_gone = on_gone
        self._queue: Queue[str | None] = Queue(QUEUED_WRITES)

    def write(self, text: str) -> None:
        """Queue a text; block while the queue is full."""
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
        """Write what is queued, and end the thread."""
        self._queue.put(None)
        self.join()
