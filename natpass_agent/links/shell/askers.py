"""Tells whether a terminal's answer would reach another program than the one that asked. Pure.

A program that asks may be gone before its question is read: `cat` of a file that holds one. Then a shell has the
foreground again, its line editor takes the answer for keys, and Enter runs them. So an answer may reach a line editor
only if the editor had begun before the question.

Some editors ask by themselves before they say that they begin (prompt_toolkit). They do so before their first line,
too: for them it must be certain instead that no child of theirs has ended meanwhile. Editors that never say when they
begin (bash before 5.1) ask nothing: an answer is for a child of the shell that runs in the shell's own process group,
or it is dropped.
"""

# Why: docs/decisions/057-late-answers.md

from collections import deque
from dataclasses import dataclass

from natpass_agent.platform.pty import InputMode

#: Line editors (readline, zle, fish) switch bracketed paste on when they begin to read a line, after setting RAW mode.
EDITOR_BEGINS = b"\x1b[?2004h"
#: Process groups remembered that got lines of input: shells, most of them.
_MOST_SHELLS = 16
#: How line editors set a terminal; transparent if the editor is at the other end of ssh.
_EDITING = frozenset({InputMode.RAW, InputMode.TRANSPARENT})


@dataclass(slots=True)
class _Shell:
    """A process group that got a line of input: it may have started others since.

    Attributes:
        collected: its ended children at the last look, as `Pty.collected` counts.
        says_begin: whether output that is certainly its own had `EDITOR_BEGINS`.
        asks: whether it asks by itself.
        editing: how its line editor sets the terminal, None while unknown.
        foreign: another program may have written the output before this position.
    """

    collected: int | None
    says_begin: bool = False
    asks: bool = False
    editing: InputMode | None = None
    foreign: int = 0


class Askers:
    """Which programs may have asked the questions in one terminal's output."""

    def __init__(self) -> None:
        self._position = 0
        self._shells: dict[int, _Shell] = {}  # by process group
        self._first: int | None = None  # the group that wrote `EDITOR_BEGINS` before any line
        self._asked: deque[int] = deque(maxlen=_MOST_SHELLS)  # groups that got an answer before their first line

    def counts(self, group: int | None) -> bool:
        """Tell whether `read` needs the number of children that a group has collected."""
        return group in self._shells

    def watches(self, group: int | None) -> bool:
        """Tell whether `read` needs the position of `EDITOR_BEGINS` in a group's output."""
        return group in self._shells or not self._shells

    def doubts(self, group: int | None, mode: InputMode) -> bool:
        """Tell whether `is_for_another` needs to know whether the group's first process is alone in it."""
        shell = None if group is None else self._shells.get(group)
        return shell is not None and mode is shell.editing is InputMode.RAW and not (shell.says_begin or shell.asks)

    def line_given(self, group: int | None, collected: int | None, mode: InputMode) -> None:
        """Record that the foreground group gets a line: it may start a program.

        Args:
            group: the foreground process group, None if unknown.
            collected: how many children it has collected, see `Pty.collected`; None if unknown.
            mode: how the terminal hands input on.
        """
        if group is None:
            return
        if group not in self._shells:
            if len(self._shells) >= _MOST_SHELLS:
                del self._shells[next(iter(self._shells))]
            self._shells[group] = _Shell(collected, says_begin=group == self._first, asks=group in self._asked)
        if mode in _EDITING:
            self._shells[group].editing = mode

    def answered(self, group: int | None) -> None:
        """Record that the foreground group gets an answer."""
        if group is not None and group not in self._shells and group not in self._asked:
            self._asked.append(group)

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
        if not is_own or (begins >= 0 and shell.says_begin and not shell.asks):
            shell.foreign = start + begins if begins >= 0 and shell.says_begin else self._position

    def is_for_another(self, seen: int, group: int | None, mode: InputMode, *, is_alone: bool | None = None) -> bool:
        """Tell whether an answer would reach a line editor that may not have asked.

        Args:
            seen: the position after the output that asked.
            group: the foreground process group, None if unknown.
            mode: how the terminal hands input on.
            is_alone: whether the group's first process has no child in the group, if there are doubts; None if unknown.
        """
        if mode is InputMode.CANONICAL:  # it would become part of a line, whichever program reads
            return True
        shell = None if group is None else self._shells.get(group)
        if shell is None or mode is InputMode.CBREAK:
            return False
        # A function of the shell that asks and reads the answer itself sets cbreak, or what no line editor sets.
        if shell.editing is not None and mode is not shell.editing:
            return False
        return seen <= shell.foreign or (bool(is_alone) and self.doubts(group, mode))
