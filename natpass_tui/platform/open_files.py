"""How many files, and so connections, the operating system lets us have open."""

import contextlib
import sys

#: Files that are left for others than connections: logs, names, another link.
_RESERVE = 24

if sys.platform == "win32":

    def raise_open_files() -> None:
        """Do nothing: Windows has no such limit."""

    def open_files_fault(_: int) -> str:
        """Return that there is no fault, as above."""
        return ""

else:
    import resource

    def raise_open_files() -> None:
        """Raise the limit on open files as far as we may: the usual 1024 is soon reached by connections."""
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        with contextlib.suppress(ValueError, OSError):  # macOS refuses what it calls the hard limit
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

    def open_files_fault(descriptor: int) -> str:
        """Return why a connection with this descriptor should not be served, empty if it may be.

        The system gives the lowest free number. At the limit itself the loop closes what comes without a word.
        """
        limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if limit == resource.RLIM_INFINITY or descriptor < limit - _RESERVE:
            return ""
        return f"too many connections: the system allows this program {limit} open files (ulimit -Hn)"
