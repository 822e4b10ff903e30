"""What pywinpty does, as far as the Windows pty uses it: blocking calls, text, errors at the end."""

import queue
import threading
from collections.abc import Callable, Generator

from natpass_agent.platform.pty.windows import WinptyApi, WinptyTerminal


class FakeWinptyError(Exception):
    pass


#: A program: yields its output, is sent its input (None: go on); `return` is its exit status.
Script = Callable[["FakeWinpty"], Generator[str, str | None, int]]


class FakeWinpty:
    """A terminal whose program runs in the threads that call it, one step for each piece of input."""

    scripts: dict[str, Script]
    terminals: dict[int, "FakeWinpty"]

    def __init__(self, cols: int, rows: int) -> None:
        self.cols = cols
        self.rows = rows
        self.pid: int | None = None
        self.spawned_with: tuple[str, str | None, str | None, str | None] | None = None
        self.reads_input = threading.Event()
        self.stubborn = False
        self._output: queue.Queue[str | None] = queue.Queue()
        self._program: Generator[str, str | None, int] | None = None
        self._status: int | None = None

    def spawn(self, appname: str, cmdline: str | None = None, cwd: str | None = None, env: str | None = None) -> bool:
        if appname not in self.scripts:
            raise FakeWinptyError(f"cannot find {appname}")
        self.spawned_with = (appname, cmdline, cwd, env)
        self.pid = 1000 + len(self.terminals)
        self.terminals[self.pid] = self
        self.reads_input.set()
        self._program = self.scripts[appname](self)
        self._step(None)
        return True

    def set_size(self, cols: int, rows: int) -> None:
        self.cols, self.rows = cols, rows

    def read(self, blocking: bool = False) -> str:
        text = self._output.get(block=blocking)
        if text is None:
            self._output.put(None)
            raise FakeWinptyError("end of file")
        return text

    def write(self, to_write: str) -> int:
        if self._status is not None:
            raise FakeWinptyError("the program has ended")
        self.reads_input.wait()
        self._step(to_write)
        return len(to_write)

    def isalive(self) -> bool:
        return self._status is None

    def get_exitstatus(self) -> int | None:
        return self._status

    def cancel_io(self) -> bool:
        self._output.put(None)
        self.reads_input.set()
        if not self.stubborn:
            self.end(1)
        return True

    def end(self, status: int) -> None:
        if self._status is None:
            self._status = status
            self._output.put(None)

    def _step(self, text: str | None) -> None:
        if self._program is None or self._status is not None:
            return
        try:
            said = self._program.send(text)
            while said:
                self._output.put(said)
                said = next(self._program)
        except StopIteration as stop:
            self.end(stop.value)


def fake_api(scripts: dict[str, Script]) -> tuple[WinptyApi, dict[int, FakeWinpty]]:
    """Return a pywinpty that knows these programs, and its terminals by process id."""
    terminals: dict[int, FakeWinpty] = {}
    kind = type("Winpty", (FakeWinpty,), {"scripts": scripts, "terminals": terminals})

    def terminal(cols: int, rows: int) -> WinptyTerminal:
        made: WinptyTerminal = kind(cols, rows)
        return made

    return WinptyApi(terminal, FakeWinptyError, lambda pid: terminals[pid].end(15)), terminals
