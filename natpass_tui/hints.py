"""Hints for a command line that was given as a program's name. Pure."""

import os
import re
import shlex
from collections.abc import Sequence

from natpass_wire.text import printable

#: The beginning of an agent's reason if it finds no such program.
_NO_PROGRAM = "no such program: "
#: The characters that only a shell interprets.
_FOR_A_SHELL = re.compile(r"""[\s|&;<>()$`\\"'*?\[\]{}~=!#]""")
#: Commands that are no programs: those of shells.
_OF_SHELLS = frozenset(
    b". alias bg bind builtin case cd command declare dirs disown eval exec exit export fg for function help history "
    b"if jobs let local logout popd pushd read set shopt source trap type ulimit umask unalias unset until wait "
    b"while".split()
)
#: The longest command line that a hint repeats.
_MOST_CHARACTERS = 200


def without_terminal(agent: str, argv: Sequence[str]) -> str:
    """Return the command to run instead of `shell` without a terminal, safe to print.

    Args:
        agent: the agent's id.
        argv: the command to run there; empty for the agent's shell.
    """
    line = f"exec {shlex.join([agent, '--', *argv])}"
    if not argv or len(line) > _MOST_CHARACTERS:
        line = f"exec {shlex.quote(agent)} -- COMMAND"
    return printable(line)


def shell_hint(argv: Sequence[bytes], reason: str) -> str:
    """Return how to run a command line in a shell, if the user may have meant that; otherwise "".

    Args:
        argv: the requested command.
        reason: the agent's reason for not running it.
    """
    if not argv or not reason.startswith(_NO_PROGRAM):
        return ""
    if argv[0] not in _OF_SHELLS and not _FOR_A_SHELL.search(os.fsdecode(argv[0])):
        return ""
    line = " ".join(os.fsdecode(word) for word in argv)
    quoted = shlex.quote(line) if len(line) <= _MOST_CHARACTERS else "'…'"
    return f" (no shell is used; for one: -- sh -c {quoted})"
