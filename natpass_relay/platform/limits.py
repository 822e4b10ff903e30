"""How many connections the operating system lets us hold."""

import contextlib
import sys

if sys.platform == "win32":

    def raise_open_files() -> None:
        """Do nothing: Windows has no such limit."""

else:
    import resource

    def raise_open_files() -> None:
        """Raise the limit on open files to the maximum that we may have.

        Each client needs one: the usual limit of 1024 is for interactive programs, not for a relay of 10 000 agents.
        """
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        with contextlib.suppress(ValueError, OSError):  # macOS refuses what it calls the hard limit
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
