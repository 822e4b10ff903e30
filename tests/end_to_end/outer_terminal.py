"""The user's terminal: a program in a pseudo-terminal, and what an emulator makes of all that it wrote."""

import os
import re
import select
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray
from ptyprocess import PtyProcess

from natpass_tui.terminal.ghostty import GhosttyEngine
from tests.support.waiting import wait_until
from tests.tui.pixels.emulator import picture_of

_SGR = re.compile("\x1b\\[[0-9;:]*m")


class OuterTerminal:
    """A terminal of `rows, cols` that one program writes to."""

    def __init__(self, rows: int, cols: int, command: Sequence[str], env: dict[str, str]) -> None:
        self.rows, self.cols = rows, cols
        self._engine = GhosttyEngine(rows, cols)
        self._lock = threading.Lock()
        self._lines: dict[int, str] = {}
        self._closing = False
        #: Bytes that the program wrote so far.
        self.received = 0
        #: While set, nothing is read: a line that takes no more.
        self.blocked = threading.Event()
        self.process = PtyProcess.spawn(list(command), dimensions=(rows, cols), env=env, echo=False)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while not self._closing:
            if self.blocked.is_set() or not select.select([self.process.fd], [], [], 0.05)[0]:
                continue
            try:
                data = os.read(self.process.fd, 1 << 16)
            except OSError:  # the program has ended
                return
            with self._lock:
                self.received += len(data)
                replies = self._engine.feed(data)
            if replies:
                os.write(self.process.fd, replies)

    def lines(self) -> list[str]:
        """Return the rows shown, with their colours."""
        with self._lock:
            self._lines |= self._engine.snapshot().changed
        return [self._lines[row] for row in range(self.rows)]

    def text(self) -> str:
        return "\n".join(_SGR.sub("", line) for line in self.lines())

    def wait_for(self, text: str, timeout: float = 20.0) -> None:
        try:
            wait_until(lambda: text in self.text(), timeout=timeout)
        except AssertionError:
            raise AssertionError(f"waited for {text!r}; the terminal shows\n{self.text()}") from None

    def picture(self, first: int, last: int) -> NDArray[np.uint8]:
        """Return the half-blocks of rows `first` up to `last` (not included) as pixels."""
        return picture_of([f"{line}\x1b[0m" for line in self.lines()[first:last]])

    def type(self, text: str) -> None:
        os.write(self.process.fd, text.encode())

    def mouse(self, code: int, row: int, col: int, *, down: bool = True) -> None:
        """Send what a terminal sends for the mouse (SGR): button, or 35 for a move, 64 and 65 for the wheel."""
        self.type(f"\x1b[<{code};{col + 1};{row + 1}{'M' if down else 'm'}")

    def click(self, row: int, col: int, button: int = 0) -> None:
        self.mouse(button, row, col)
        self.mouse(button, row, col, down=False)

    def resize(self, rows: int, cols: int) -> None:
        with self._lock:
            self._engine.resize(rows, cols)
            self.rows, self.cols = rows, cols
        self.process.setwinsize(rows, cols)

    def close(self) -> None:
        self._closing = True
        self._thread.join()
        self.process.close(force=True)
        self._engine.close()


@contextmanager
def outer_terminal(rows: int, cols: int, command: Sequence[str], env: dict[str, str]) -> Iterator[OuterTerminal]:
    terminal = OuterTerminal(rows, cols, command, env)
    try:
        yield terminal
    finally:
        terminal.close()
