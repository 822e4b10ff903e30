"""A lock file that one process holds until it ends, even if it crashes."""

import os
import sys
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from natpass_wire.program.state import open_own


class LockedError(Exception):
    """Another process holds the lock."""


class Lock(Protocol):
    """A lock that is held until it is released, or the process ends."""

    def release(self) -> None:
        """Release it; no-op if repeated."""

    def __enter__(self) -> Self:
        """Return the lock, which is held already."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Release it."""


class Locks(Protocol):
    """Makes locks."""

    def take(self, path: Path) -> Lock:
        """Take the lock at `path`.

        Raises:
            LockedError: another process holds it.
            UserError: another user could have put the file there, or it is a symbolic link.
            OSError: the file can't be made.
        """


def locks() -> Locks:
    """Return this platform's locks."""
    return FileLocks()


class _Held:
    def __init__(self, handle: int) -> None:
        self._handle = handle

    def release(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)  # which releases it
            self._handle = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


class FileLocks:
    """The operating system's locks on open files."""

    def take(self, path: Path) -> Lock:
        """Take the lock; a release leaves the file, since removing it would race with the next holder."""
        handle = open_own(path)
        try:
            _lock(handle)
        except BaseException:
            os.close(handle)
            raise
        return _Held(handle)


class _FakeHeld(_Held):
    def __init__(self, held: set[Path], path: Path) -> None:
        super().__init__(-1)
        self._of = held
        self._path = path

    def release(self) -> None:
        with suppress(KeyError):
            self._of.remove(self._path)


class FakeLocks:
    """Locks for tests."""

    def __init__(self) -> None:
        self._held: set[Path] = set()

    def take(self, path: Path) -> Lock:
        """Take the lock."""
        if path in self._held:
            raise LockedError
        self._held.add(path)
        return _FakeHeld(self._held, path)


if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int) -> None:
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            raise LockedError from error
else:
    import fcntl

    def _lock(handle: int) -> None:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LockedError from error
