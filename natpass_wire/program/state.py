"""The state directory: what a program makes once and needs again, readable by its user only."""

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from natpass_wire.errors import UserError
from natpass_wire.program import places
from natpass_wire.program.platform import HAS_FILE_MODES, NO_FOLLOW, NO_WAIT, sync_directory, user_id


@dataclass(frozen=True, slots=True)
class Stamp:
    """Identifies one state of a file.

    Attributes:
        inode: its inode.
        size: its bytes.
        written: when its content changed, in ns.
        changed: when its content, mode or owner changed, in ns.
    """

    inode: int
    size: int
    written: int
    changed: int


@dataclass(frozen=True, slots=True)
class StateDir:
    """A directory of mode 0700 whose files have mode 0600 (POSIX); made at the first write.

    Attributes:
        given: its path; None for the platform's place, which is looked up when needed.
    """

    given: Path | None

    @classmethod
    def at(cls, path: Path | None) -> "StateDir":
        """Return the state directory at `path`, or at the platform's place if that is None."""
        return cls(path)

    @property
    def place(self) -> Path | None:
        """Its path, None if this user has no place for state; then there are no files, and none can be made."""
        return self.given if self.given is not None else places.state_folder()

    @property
    def path(self) -> Path:
        """Its path.

        Raises:
            UserError: this user has no place for state.
        """
        if (place := self.place) is None:
            number = user_id()
            who = "this user" if number is None else f"user {number}"
            raise UserError(f"{who} has no home directory to keep state in: say --state-dir DIR, or set HOME")
        return place

    def read(self, name: str) -> bytes | None:
        """Return a file's content, None if there is no such file.

        Raises:
            UserError: it can't be read; or another user could have written it, or the directory.
        """
        if (place := self.place) is None:
            return None
        path = place / name
        try:
            self._check_directory()
            with os.fdopen(os.open(path, os.O_RDONLY | NO_FOLLOW), "rb") as file:
                _check_owner(path, os.fstat(file.fileno()), forbidden=0o077)
                return file.read()
        except (FileNotFoundError, NotADirectoryError):  # HOME=/dev/null is a user without a home as well
            return None
        except OSError as error:
            _check_link(path, error)
            raise UserError(f"cannot read {path}: {error.strerror}") from error

    def names(self, beginning: str, end: str) -> list[str]:
        """Return the names of the files with this beginning and end, sorted; empty without a directory.

        Raises:
            UserError: the directory can't be read.
        """
        try:
            found = [path.name for path in self.path.iterdir()]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise UserError(f"cannot read {self.path}: {error.strerror}; see --state-dir") from error
        return sorted(name for name in found if name.startswith(beginning) and name.endswith(end))

    def make_once(self, name: str, make: Callable[[], bytes]) -> bytes:
        """Return a file's content; if there is no such file, write the content that `make` returns.

        The file appears whole or not at all, and is on the disk when this returns. If several processes make it at
        once, one wins and all get its content.

        Raises:
            UserError: it can't be read or written.
        """
        content = self.read(name)
        if content:
            return content
        with self._draft(name, make) as draft:
            target = self.path / name
            if content is not None:  # an empty file, as a full disk leaves one: not worth keeping
                target.unlink(missing_ok=True)
            _move_if_absent(draft, target)
            sync_directory(self.path)
        return self.read(name) or b""

    def replace(self, name: str, content: bytes) -> None:
        """Write a file anew, on the disk when this returns; readers get the old or the new content, whole.

        Raises:
            UserError: it can't be written; the old file is still whole.
        """
        with self._draft(name, lambda: content) as draft:
            draft.replace(self.path / name)
            sync_directory(self.path)

    def stamp(self, name: str) -> Stamp | None:
        """Return a stamp that differs once the file, its content or its mode has changed; None if there is no file.

        Raises:
            UserError: its status can't be read.
        """
        if (place := self.place) is None:
            return None
        path = place / name
        try:
            status = path.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise UserError(f"cannot read {path}: {error.strerror}") from error
        return Stamp(status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)

    def path_of(self, name: str) -> Path:
        """Return the path of a file for `open_own`; make the directory if there is none.

        Raises:
            UserError: another user could have written the directory.
            OSError: it can't be made.
        """
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._check_directory()
        return self.path / name

    def make(self) -> None:
        """Make the directory, and check that files can be made in it.

        Raises:
            UserError: they can't.
        """
        with self._draft("", lambda: b"\n"):
            pass

    @contextlib.contextmanager
    def _draft(self, name: str, make: Callable[[], bytes]) -> Iterator[Path]:
        """Yield a draft of the file `name` with the content that `make` returns; remove what is left of it afterwards.

        Raises:
            UserError: it can't be written, or can't replace the file.
        """
        draft = self.path / f".{name}.{secrets.token_hex(4)}"
        try:
            draft.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._check_directory()
            _write_private(draft, make())
            yield draft
        except OSError as error:
            raise UserError(f"cannot write {self.path / name}: {error.strerror}; see --state-dir") from error
        finally:
            with contextlib.suppress(OSError):
                draft.unlink()

    def _check_directory(self) -> None:
        _check_owner(self.path, self.path.stat(), forbidden=0o022)


def open_own(path: Path) -> int:
    """Return a descriptor of a state file, to read and write; make it with mode 0600 if there is none.

    Raises:
        UserError: it is a symbolic link, or no file, or another user could have put it there.
        OSError: it can't be opened.
    """
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | NO_FOLLOW | NO_WAIT, 0o600)
    except OSError as error:
        _check_link(path, error)
        raise
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise UserError(f"{path} is not a file: remove it")
        _check_owner(path, status, forbidden=0o077)
    except BaseException:
        os.close(handle)
        raise
    return handle


def _check_link(path: Path, error: OSError) -> None:
    """Tell a symbolic link from other reasons why a file was not opened.

    Raises:
        UserError: it is one.
    """
    if error.errno in {errno.ELOOP, errno.EMLINK}:  # NO_FOLLOW, on Linux and macOS, and on FreeBSD
        raise UserError(f"{path} is a symbolic link, which is not followed: put the file itself there") from error


def _check_owner(path: Path, status: os.stat_result, forbidden: int) -> None:
    """Refuse a file that another user could have put there: a secret of theirs would let them in.

    Raises:
        UserError: it belongs to a user other than us and root, or has one of the `forbidden` mode bits.
    """
    if not HAS_FILE_MODES:
        return
    if status.st_uid not in {user_id(), 0}:
        raise UserError(f"{path} belongs to another user: chown it, or choose another --state-dir")
    if status.st_mode & forbidden:
        raise UserError(f"{path} is open to other users: chmod {0o700 if forbidden == 0o022 else 0o600:o} it")


def _write_private(path: Path, content: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _move_if_absent(draft: Path, target: Path) -> None:
    with contextlib.suppress(FileExistsError):
        try:
            os.link(draft, target)
        except (AttributeError, NotImplementedError, PermissionError):  # a file system without hard links
            if not target.exists():
                draft.replace(target)
