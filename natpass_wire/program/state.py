"""The state directory: what a program makes once and has to find again, for its user's eyes only."""

import contextlib
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_state_dir

from natpass_wire.errors import UserError


@dataclass(frozen=True, slots=True)
class StateDir:
    """A directory of mode 0700 whose files have mode 0600 (POSIX).

    Attributes:
        path: where it is; made at the first write.
    """

    path: Path

    @classmethod
    def at(cls, path: Path | None) -> "StateDir":
        """Return the state directory at `path`, by default the platform's place for it."""
        return cls(path if path is not None else Path(user_state_dir("natpass", appauthor=False)))

    def read(self, name: str) -> bytes | None:
        """Return a file's content, None if there is no such file.

        Raises:
            UserError: it is there and can't be read.
        """
        try:
            return (self.path / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise UserError(f"cannot read {self.path / name}: {error.strerror}") from error

    def make_once(self, name: str, make: Callable[[], bytes]) -> bytes:
        """Return a file's content; where there is no such file, the content that `make` gives, and keep it.

        The file appears whole or not at all; of several processes that make it at once, one wins and all get its
        content.

        Raises:
            UserError: it can't be read or written.
        """
        content = self.read(name)
        if content:
            return content
        target = self.path / name
        draft = self.path / f".{name}.{secrets.token_hex(4)}"
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            _write_private(draft, make())
            if content is not None:  # an empty file, as a full disk leaves one: no content worth keeping
                target.unlink(missing_ok=True)
            _move_if_absent(draft, target)
            return target.read_bytes()
        except OSError as error:
            raise UserError(f"cannot write {target}: {error.strerror}; see --state-dir") from error
        finally:
            with contextlib.suppress(OSError):
                draft.unlink()


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
