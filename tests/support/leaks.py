"""Finds what a test left behind: child processes, sockets, pipes and pseudo-terminals of this process."""

import gc
from pathlib import Path

from tests.support.waiting import wait_until

_SELF = Path("/proc/self")
#: Descriptors that matter, by their target. Others (log files, databases of the test tools) may stay open.
_KINDS = ("socket:", "pipe:", "/dev/pts/", "/dev/ptmx", "anon_inode:")


def descriptors() -> frozenset[str]:
    """Return the open descriptors that matter, as `number target`; empty without /proc."""
    if not _SELF.exists():
        return frozenset()
    found: set[str] = set()
    for entry in (_SELF / "fd").iterdir():
        try:
            target = str(entry.readlink())
        except OSError:  # the descriptor of the listing itself
            continue
        if target.startswith(_KINDS):
            found.add(f"{entry.name} {target}")
    return frozenset(found)


def children() -> frozenset[str]:
    """Return the child processes of this process, as `pid command`; empty without /proc."""
    if not _SELF.exists():
        return frozenset()
    found: set[str] = set()
    for task in (_SELF / "task").iterdir():
        try:
            pids = (task / "children").read_text().split()
        except OSError:  # the thread has ended
            continue
        found.update(f"{pid} {_command(pid)}" for pid in pids)
    return frozenset(child for child in found if "multiprocessing" not in child)


def check_none_left(before_descriptors: frozenset[str], before_children: frozenset[str]) -> None:
    """Check that nothing more is open or runs than before.

    Raises:
        AssertionError: it names what is left, after a grace period for what is just ending.
    """
    if descriptors() <= before_descriptors and children() <= before_children:
        return
    gc.collect()  # closes what only reference cycles hold, with a ResourceWarning

    def left() -> list[str]:
        return sorted((descriptors() - before_descriptors) | (children() - before_children))

    try:
        wait_until(lambda: not left(), timeout=2.0)
    except AssertionError:
        raise AssertionError(f"the test left behind: {left()}") from None


def _command(pid: str) -> str:
    try:
        return Path("/proc", pid, "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return "(ended)"
