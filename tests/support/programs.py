"""Checks that tests that start programs have the mark `programs`, since `make test-fast` leaves them out.

`tmux`, `x11` and the folders in `FOLDERS` imply the mark. A test without it that starts a program fails.
"""

import sys
from pathlib import Path
from typing import Any

import pytest
import uvloop

#: Folders below `tests` in which every test starts programs.
FOLDERS = frozenset({"end_to_end", "interop", "witness"})
#: Python's audit events for starting a program, or for a fork.
_EVENTS = frozenset({"subprocess.Popen", "os.posix_spawn", "os.fork", "os.forkpty", "os.exec", "os.spawn", "os.system"})
#: Programs that `ctypes.util.find_library` starts when a module is first loaded.
_LOADERS = frozenset({"/sbin/ldconfig"})
_AT_SETUP = pytest.StashKey[int]()

#: The programs started so far by this process.
_started: list[str] = []


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if event in _EVENTS and not (arguments and arguments[0] in _LOADERS):
        _started.append(f"{event} {arguments[0]}" if arguments else event)


class WatchedLoop(uvloop.Loop):
    """uvloop, which starts programs without an audit event."""

    async def subprocess_exec(self, *arguments: Any, **options: Any) -> Any:
        """Start a program."""
        _started.append(f"subprocess_exec {arguments[1]}")
        return await super().subprocess_exec(*arguments, **options)

    async def subprocess_shell(self, *arguments: Any, **options: Any) -> Any:
        """Start a shell."""
        _started.append(f"subprocess_shell {arguments[1]}")
        return await super().subprocess_shell(*arguments, **options)


def watch() -> None:
    """Record programs that this process starts from now on."""
    sys.addaudithook(_audit)


def mark(items: list[pytest.Item], tests: Path) -> None:
    """Mark tests with `programs` if another mark, or their folder below `tests`, implies it."""
    for item in items:
        folders = item.path.relative_to(tests).parts if item.path.is_relative_to(tests) else ()
        if FOLDERS & set(folders) or any(item.get_closest_marker(name) for name in ("tmux", "x11")):
            item.add_marker("programs")


def begin(item: pytest.Item) -> None:
    """Record that a test begins, with the fixtures that it is the first to need."""
    item.stash[_AT_SETUP] = len(_started)


def check(item: pytest.Item) -> None:
    """Check that a test that started programs has the mark.

    Raises:
        pytest.fail.Exception: the mark is missing; the text names what was started.
    """
    started = _started[item.stash[_AT_SETUP] :]
    if started and item.get_closest_marker("programs") is None:
        pytest.fail(f"a test that starts programs needs the mark `programs`; this one started {started}", pytrace=False)
