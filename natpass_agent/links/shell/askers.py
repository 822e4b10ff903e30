"""Tells whether a terminal's answer would reach another program than the one that asked. Pure.

A program that asks may be gone before its question is read: `cat` of a file that holds one. Then a shell has the
foreground again, its line editor takes the answer for keys, and Enter runs them. So an answer may reach a line editor
only if the editor had begun before the question. If an editor does not say when it begins (bash before 5.1), it must
be certain that no child of the shell has ended meanwhile.
"""

# Why: docs/decisions/057-late-answers.md

from dataclasses import dataclass

from natpass_agent.platform.pty import InputMode

#: Line editors (readline, zle, fish) switch bracketed paste on when they begin to read a line, after setting RAW mode.
EDITOR_BEGINS = b"\x1b[?2004h"
#: Process groups remembered that got lines of input: shells, most of them.
_MOST_SHELLS = 16


@dataclass(slots=True)
class _Shell:
    """A process group that got a line of input: it may have started others since.

    Attributes:
        collected: its ended children at the last look, as `Pty.collected` counts.
        says_begin: whether output that is certainly its own had `EDITOR_BEGINS`.
        foreign: another program may have written the output before this position.
    """

    collected: int | None
    says_begin: bool = False
    foreign: int = 0


class Askers:
    """Which programs may have asked the questions in one terminal's output."""

    def __init__(self) -> None:
        self._position = 0
        self._shells: dict[int, _Shell] = {}  # by process group
        self._first: int | None = None  # the group that wrote `EDITOR_BEGINS` before any line

    def counts(self, group: int | None) -> bool:
        """Tell whether `read` needs the number of children that a group has collected."""
        return group in self._shells

    def watches(self, group: int | None) -> bool:
        """Tell whether `read` needs the position of `EDITOR_BEGINS` in a group's output."""
        return group in self._shells or not self._shells

    def line_given(self, group: int | None, collected: int | None) -> None:
        """Record that the foreground group gets a line: it may start a program.

        Args:
            group: the foreground process group, None if unknown.
            collected: how many children it has collected, see `Pty.collected`; None if unknown.
        """
        if group is not None and group not in self._shells:
            if len(self._shells) >= _MOST_SHELLS:
                del self._shells[next(iter(self._shells))]
            self._shells[group] = _Shell(collected, says_begin=group == self._first)

    def read(self, size: int, group: int | None, collected: int | None = None, begins: int = -1) -> None:
        """Record output.

        Args:
            size: its size in bytes.
            group: the foreground process group after it, None if unknown.
            collected: how many children the group has collected, see `Pty.collected`; None if unknown.
            begins: the last position of `EDITOR_BEGINS` in it, -1 if it is not there.
        """
        start, self._position = self._position, self._position + size
        shell = None if group is None else self._shells.get(group)
        if shell is None:
            if begins >= 0 and not self._shells:
                self._first = group
            return
        is_own = collected == shell.collected
        shell.collected = collected
        shell.says_begin |= is_own and begins >= 0
        if begins >= 0 and shell.says_begin:
            shell.foreign = start + begins
        elif not is_own:
            shell.foreign = self._position

    def is_for_another(self, seen: int, group: int | None, mode: InputMode) -> bool:
        """Tell whether an answer would reach a line editor that may not have asked.

        Args:
            seen: the position after the output that asked.
            group: the foreground process group, None if unknown.
            mode: how the terminal hands input on.
        """
        if mode is InputMode.CANONICAL:  # it would become part of a line, whichever program reads
            return True
        shell = None if group is None else self._shells.get(group)
        # A script that asks and reads the answer in the shell itself only sets cbreak.
        return shell is not None and seen <= shell.foreign and mode is not InputMode.CBREAK
