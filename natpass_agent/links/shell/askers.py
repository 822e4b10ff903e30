"""Tells whether a terminal's answer would reach another program than the one that asked. Pure.

A program that asks may be gone before its question is read: `cat` of a file that holds one. Or a command of the shell
itself asks: then there is no other program at all. Either way the shell's line editor takes the answer for keys, and
Enter runs them. So an answer may reach a line editor only if the editor asked.

Editors ask after they begin, and most say when they do. Three sorts differ:

- prompt_toolkit asks before its first line, too, and directly before it says that it begins. It gets that answer, and
  any other while no child of it has ended.
- busybox asks, but does not say when it begins. No text follows its question, since it then waits for a key; its
  prompt follows all others.
- bash before 5.1 does not say it either, and asks nothing. An answer is for a child of the shell that runs in the
  shell's own process group, or it is dropped.

Behind another terminal, as with ssh, programs can't be told apart. There what was asked while no editor reads a line
is answered only while no text follows the question, or on the alternate screen.
"""

# Why: docs/decisions/057-late-answers.md

import re
from collections import deque
from dataclasses import dataclass

from natpass_agent.platform.pty import InputMode

#: Line editors (readline, zle, fish) switch bracketed paste on when they begin to read a line, after setting RAW mode.
EDITOR_BEGINS = b"\x1b[?2004h"
_EDITOR_ENDS = b"\x1b[?2004l"
#: The question for the cursor's place: the only one that line editors ask at each prompt.
_WHERE = b"\x1b[6n"
#: prompt_toolkit's beginning. It sets another private mode directly behind; prompts of shells hold none.
_ASKS_AND_BEGINS = _WHERE + EDITOR_BEGINS + b"\x1b[?"
_PLACE = re.compile(rb"\x1b\[\d{1,5};\d{1,5}R")
_ALTERNATE_ON, _ALTERNATE_OFF = b"\x1b[?1049h", b"\x1b[?1049l"
_SEQUENCE = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]P_][^\x07\x1b]*(?:\x07|\x1b\\)|[^\[\]P_])")
#: Bytes of output that are searched for the end of its text: more than a program's questions have.
_SEARCHED_BYTES = 256
#: Bytes of earlier output that are kept, since a read may end anywhere.
_TAIL_BYTES = len(_ASKS_AND_BEGINS) - 1
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
        own: the position after the editor's own question in it, -1 if there is none.
        reads: whether the output says that an editor reads a line now.
    """

    collected: int | None
    says_begin: bool = False
    asks: bool = False
    editing: InputMode | None = None
    foreign: int = 0
    own: int = -1
    reads: bool = False


class Askers:
    """Which programs may have asked the questions in one terminal's output."""

    def __init__(self) -> None:
        self._position = 0
        self._tail = b""  # the last output, while it is looked at
        self._shells: dict[int, _Shell] = {}  # by process group
        self._first: int | None = None  # the group that wrote `EDITOR_BEGINS` before any line
        self._asked: deque[int] = deque(maxlen=_MOST_SHELLS)  # groups that got an answer before their first line
        self._alternate = False  # whether the alternate screen is on
        self._text_end = 0  # the position after the last text in the output, while it is looked at

    def counts(self, group: int | None) -> bool:
        """Tell whether `read` needs the number of children that a group has collected."""
        return group in self._shells

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
            is_first = group == self._first
            self._shells[group] = _Shell(collected, says_begin=is_first, asks=group in self._asked, reads=is_first)
        if mode in _EDITING:
            self._shells[group].editing = mode

    def answered(self, group: int | None) -> None:
        """Record that the foreground group gets an answer."""
        if group is not None and group not in self._shells and group not in self._asked:
            self._asked.append(group)

    def read(self, data: bytes, group: int | None, collected: int | None = None) -> int:
        """Record output; return where to cut it, so that answers tell which part they are to; 0 for no cut.

        Args:
            data: the output.
            group: the foreground process group after it, None if unknown.
            collected: how many children the group has collected, see `Pty.collected`; None if unknown.
        """
        start, self._position = self._position, self._position + len(data)
        if _ALTERNATE_ON[:-1] in data:
            self._alternate = data.rfind(_ALTERNATE_ON) > data.rfind(_ALTERNATE_OFF)
        shell = None if group is None else self._shells.get(group)
        if shell is None:
            self._tail = b""
            first = data.rfind(EDITOR_BEGINS) if not self._shells else -1
            if first >= 0:
                self._first = group
            return max(first, 0)
        recent, known = self._tail + data, len(self._tail)
        self._tail = recent[-_TAIL_BYTES:]
        begins, ends = _last(EDITOR_BEGINS, recent, known), _last(_EDITOR_ENDS, recent, known)
        if (own := _last(_ASKS_AND_BEGINS, recent, known)) is not None:
            shell.own = start + own + len(_WHERE)
        is_own = collected == shell.collected
        shell.collected = collected
        shell.says_begin |= is_own and begins is not None
        if (begins is not None or ends is not None) and (is_own or shell.says_begin):
            shell.reads = ends is None or (begins is not None and begins > ends)
        if not is_own or (begins is not None and shell.says_begin and not shell.asks):
            shell.foreign = start + begins if begins is not None and shell.says_begin else self._position
        if shell.reads:
            return max(begins or 0, 0)
        behind = _behind_text(recent[-_SEARCHED_BYTES:])
        self._text_end = self._position - behind
        return max(self._text_end - start, 0) if behind else 0

    def is_for_another(
        self, seen: int, group: int | None, mode: InputMode, answer: bytes = b"", *, is_alone: bool | None = None
    ) -> bool:
        """Tell whether an answer would reach a line editor that may not have asked.

        Args:
            seen: the position after the output that asked.
            group: the foreground process group, None if unknown.
            mode: how the terminal hands input on.
            answer: the answer.
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
        if seen == shell.own and _PLACE.fullmatch(answer):
            return False
        if seen <= shell.foreign:
            return True
        if self.doubts(group, mode):
            return bool(is_alone)
        return not (shell.reads or self._alternate) and seen <= self._text_end


def _last(mark: bytes, recent: bytes, start: int) -> int | None:
    """Return a mark's last position relative to `start`, None if none ends behind that."""
    at = recent.rfind(mark)
    return at - start if at >= 0 and at + len(mark) > start else None


def _behind_text(output: bytes) -> int:
    """Return how many bytes at the end of output are escape sequences: several questions may follow each other."""
    end = len(output)
    while (at := output.rfind(b"\x1b", 0, end)) >= 0:
        if output.startswith(b"\x1b\\", at):  # it ends a longer sequence
            at = output.rfind(b"\x1b", 0, at)
        if at < 0 or _SEQUENCE.fullmatch(output, at, end) is None:
            break
        end = at
    return len(output) - end
