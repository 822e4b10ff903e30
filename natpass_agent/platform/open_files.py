"""How many files and sockets the agent may have open at once."""

import contextlib
import sys

#: More are not asked for: each connection also costs memory, and some systems have no limit at all.
MOST = 65536
#: Windows has no such limit; this many sockets are no burden there.
_WINDOWS = 16384

if sys.platform == "win32":

    def raise_limit() -> int:
        """Return how many there may be: Windows has no limit to raise."""
        return _WINDOWS

    def restore_limit() -> None:
        """Do nothing: there is nothing to restore."""

else:
    import resource

    _inherited: list[tuple[int, int]] = []

    def raise_limit() -> int:
        """Raise the agent's own limit as far as it may be, and return it.

        The usual limit of 1024 is for programs that wait with `select`: what the agent starts gets it back.
        """
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        unlimited = resource.RLIM_INFINITY
        wanted = MOST if hard == unlimited else min(hard, MOST)
        if soft != unlimited and soft < wanted:
            with contextlib.suppress(ValueError, OSError):  # macOS refuses what it calls the hard limit
                resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
                _inherited[:] = [(soft, hard)]
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        return MOST if soft == unlimited else min(soft, MOST)

    def restore_limit() -> None:
        """Give a child the limit that the agent was started with; runs between fork and exec."""
        for limit in _inherited:
            with contextlib.suppress(ValueError, OSError):
                resource.setrlimit(resource.RLIMIT_NOFILE, limit)
