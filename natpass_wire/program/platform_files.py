"""How many files and sockets a program may have open at once: the only module that knows how to have more."""

import contextlib
import sys

#: More are not counted on: each connection also costs memory, and some systems have no limit at all.
MOST_FILES = 65536
#: Windows has no such limit; this many sockets are no burden there.
_WINDOWS = 16384

if sys.platform == "win32":

    def raise_open_files() -> int:
        """Return how many there may be: Windows has no limit to raise."""
        return _WINDOWS

    def restore_open_files() -> None:
        """Do nothing: there is nothing to restore."""

else:
    import resource

    _inherited: list[tuple[int, int]] = []

    def raise_open_files() -> int:
        """Raise this process' limit as far as it may be; return how many there may be, at most `MOST_FILES`.

        The usual limit of 1024 is for programs that wait with `select`. Children inherit what we have: give it back to
        other programs by `restore_open_files`.
        """
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        unlimited = resource.RLIM_INFINITY
        for wanted in (hard, MOST_FILES):  # macOS refuses what it calls the hard limit
            if soft != unlimited and (soft < wanted or wanted == unlimited):
                with contextlib.suppress(ValueError, OSError):
                    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
                    _inherited[:] = _inherited or [(soft, hard)]
                    break
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        return MOST_FILES if soft == unlimited else min(soft, MOST_FILES)

    def restore_open_files() -> None:
        """Give a child the limit that we were started with; runs between fork and exec."""
        for limit in _inherited:
            with contextlib.suppress(ValueError, OSError):
                resource.setrlimit(resource.RLIMIT_NOFILE, limit)
