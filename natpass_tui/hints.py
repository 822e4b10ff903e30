"""What to try instead, where somebody gives a command line for a program's name. Pure."""

import os
import re
import shlex
from collections.abc import Sequence

#: What agents say first where there is no program of a name.
_NO_PROGRAM = "no such program: "
#: What a shell would have understood.
_FOR_A_SHELL = re.compile(r"""[\s|&;<>()$`\\"'*?\[\]{}~=!#]""")
#: A command line that is longer is not repeated.
_MOST_CHARACTERS = 200


def shell_hint(argv: Sequence[bytes], reason: str) -> str:
    """Return how to run a command line by a shell, if that may have been meant; otherwise nothing.

    Args:
        argv: what was asked for.
        reason: why it could not be run, as the agent says.
    """
    if not argv or not reason.startswith(_NO_PROGRAM) or not _FOR_A_SHELL.search(os.fsdecode(argv[0])):
        return ""
    line = " ".join(os.fsdecode(word) for word in argv)
    quoted = shlex.quote(line) if len(line) <= _MOST_CHARACTERS else "'…'"
    return f" (no shell comes between; for one: -- sh -c {quoted})"
