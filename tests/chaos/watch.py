"""Inspects running processes: descriptors, children, memory."""

import sys
import threading
from types import TracebackType
from typing import Self

import psutil

_EVERY_SECONDS = 0.02


def descriptors(pid: int) -> int:
    """Return the number of a process's open files and sockets."""
    if sys.platform == "win32":
        return int(psutil.Process(pid).num_handles())
    else:  # noqa: RET505 - without it, a type checker takes one of the two for unreachable
        return psutil.Process(pid).num_fds()


def children(pid: int) -> list[str]:
    """Return a process's children."""
    return [f"{child.pid} {child.name()}" for child in psutil.Process(pid).children(recursive=True)]


class PeakMemory:
    """Tracks the peak of a process's resident memory."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, name=f"memory of {pid}", daemon=True)
        self.before = self.most = int(self._process.memory_info().rss)

    @property
    def growth(self) -> int:
        """Bytes above the start."""
        return self.most - self.before

    def _watch(self) -> None:
        while not self._done.wait(_EVERY_SECONDS):
            try:
                self.most = max(self.most, int(self._process.memory_info().rss))
            except psutil.NoSuchProcess:
                return

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()
