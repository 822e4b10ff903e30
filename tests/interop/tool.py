"""What a module says of its tool."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Tool:
    """Another program, and what is tried with it.

    Attributes:
        about: what is shown, in a few words.
        programs: what has to be installed: each program's name or path, and the Debian package that brings it.
        small: a case of a few seconds, given an empty folder; it fails by an AssertionError.
        heavy: a case for runs by hand, None where the small one says it all.
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
    """Return a program's path, also where servers are: no ordinary user's PATH leads there."""
    return shutil.which(program) or shutil.which(program, path="/usr/sbin:/usr/local/sbin")
