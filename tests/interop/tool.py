"""The description of a tool in its module."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Tool:
    """A foreign program, and the cases with it.

    Attributes:
        about: what the cases show, in a few words.
        programs: the required programs: each one's name or path, and its Debian package.
        small: a case of a few seconds, given an empty folder; it fails with an AssertionError.
        heavy: a case for `make interop`, None if the small one is enough.
    """

    about: str
    programs: Mapping[str, str]
    small: Callable[[Path], None]
    heavy: Callable[[Path], None] | None = None

    @property
    def missing(self) -> list[str]:
        """The packages that are not installed."""
        return sorted({package for program, package in self.programs.items() if not _is_there(program)})


def _is_there(program: str) -> bool:
    return Path(program).exists() if "/" in program else find(program) is not None


def find(program: str) -> str | None:
    """Return a program's path, also in the folders of servers, which an ordinary user's PATH lacks."""
    return shutil.which(program) or shutil.which(program, path="/usr/sbin:/usr/local/sbin")
