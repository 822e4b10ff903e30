"""The control sequences that a remote program may send to the user's own terminal, and how to undo them. Pure.

An allow-list: sequences that move the cursor, erase, colour, or set a mode that `restore` can undo. All others are
dropped. Sequences that make a terminal answer are not on it (DA, DSR, DECRQM, XTVERSION, reports of the window): the
next program that reads the keyboard would get the answer. Nor are printing, palettes, tab stops, keyboard locks and
unknown sequences. Sources: ECMA-48, DEC's manuals, xterm's ctlseqs and kitty's keyboard protocol.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

#: Finals of sequences without a prefix: cursor, erasing, inserting, scrolling, SGR, save and restore.
_PLAIN = frozenset("@ABCDEFGHIJKLMPSTXZ`abdefmrsu")
#: ANSI modes: insert, new line.
_ANSI_MODES = frozenset({4, 20})
#: DEC modes that are off in a fresh terminal: cursor keys, reverse video, origin, mouse, wrapping backwards, keypad,
#: margins, focus, Alt, paste, synchronised output, graphemes.
_OFF = (
    *(2026, 1, 5, 6, 9, 45, 66, 69, 1000, 1002, 1003, 1004, 1005, 1006, 1015, 1016, 1034, 1035, 1036, 1039, 2004, 2027),
)
#: DEC modes that are on: wrapping, the cursor.
_ON = (7, 25)
#: The alternate screen's three modes; and saving the cursor as a mode.
_ALTERNATE = (47, 1047, 1049)
_ALLOWED = frozenset({*_OFF, *_ON, *_ALTERNATE, 12, 1048})
#: Modes that change what the keyboard sends, or send by themselves: for programs that have the keyboard.
_OF_KEYBOARD = frozenset({1, 9, 66, 1000, 1002, 1003, 1004, 1005, 1006, 1015, 1016, 1034, 1035, 1036, 1039, 2004})
#: Modes that make the terminal send by itself: a report may be on its way when the mode is switched off.
_TALKING = frozenset({9, 1000, 1002, 1003, 1004})
#: Keys whose encoding XTMODKEYS changes.
_MODIFIED_KEYS = frozenset({"0", "1", "2", "3", "4", "6", "7"})
_MOST_PUSHED = 64
#: Longer numbers are meaningless, but make some terminals work hard (REP).
_HUGE = re.compile("[0-9]{6}")
_BODY = re.compile(r"([<=>?]?)([0-9:;]*)([ -/]{0,2})")
_CHARACTER_SETS = frozenset("B0A")


@dataclass(slots=True)
class _Terminal:
    """The differences from a fresh terminal.

    Attributes:
        touched: whether any sequence has passed.
        set: DEC modes that are on, but off by default.
        cleared: DEC modes that are off, but on by default.
        ansi: ANSI modes that are on.
        modified: keys whose encoding was changed, with the sequence that changed it.
        pushed: kitty's keyboard flags that were pushed, on the main screen and on the alternate one.
        flagged: the sequence that set flags without pushing, on either screen; empty if none did.
        region: whether only a part of the screen scrolls.
        drawing: whether letters draw lines.
        shifted: whether the other character set is in use.
        keypad: whether the keypad sends sequences.
        cursor_style: whether the cursor has another shape.
    """

    touched: bool = False
    set: frozenset[int] = frozenset()
    cleared: frozenset[int] = frozenset()
    ansi: frozenset[int] = frozenset()
    modified: dict[str, str] = field(default_factory=dict)
    pushed: list[list[str]] = field(default_factory=lambda: [[], []])
    flagged: list[str] = field(default_factory=lambda: ["", ""])
    region: bool = False
    drawing: bool = False
    shifted: bool = False
    keypad: bool = False
    cursor_style: bool = False


class OuterModes:
    """Filters sequences, and tracks what those that passed have set.

    Args:
        has_keyboard: the program gets the keys, so it may choose their encoding, and ask for mouse and focus.
        Otherwise the next program that reads the keyboard would get these reports.
    """

    def __init__(self, *, has_keyboard: bool = True) -> None:
        self._has_keyboard = has_keyboard
        self._allowed = _ALLOWED if has_keyboard else _ALLOWED - _OF_KEYBOARD
        self._now = _Terminal()
        self._has_talked = False

    @property
    def has_talked(self) -> bool:
        """Whether the terminal was told to report the mouse or the focus: a report may still be on its way."""
        return self._has_talked

    def csi(self, body: str, final: str) -> str:
        """Return the part of a control sequence that may pass, empty if none.

        Args:
            body: prefix, parameters and intermediates.
            final: the last character.
        """
        match = _BODY.fullmatch(body)
        if match is None or _HUGE.search(body):
            return ""
        prefix, parameters, intermediate = match.groups()
        passed = self._judge(prefix + intermediate, parameters, final)
        self._now.touched = self._now.touched or bool(passed)
        return passed

    def _judge(self, kind: str, parameters: str, final: str) -> str:
        """Return the part that may pass of a sequence with this prefix and intermediate."""
        whole = f"\x1b[{kind if kind in '<=>?' else ''}{parameters}{kind if kind not in '<=>?' else ''}{final}"
        match kind, final:
            case (("" | "?"), ("h" | "l")):
                return self._modes(kind, parameters, final)
            case "", "T" if ";" in parameters:  # starts xterm's highlighting, which waits for an answer
                return ""
            case "", _ if final in _PLAIN:
                self._now.region = bool(parameters.strip(";")) if final == "r" else self._now.region
                return whole
            case "?", ("J" | "K"):
                return whole
            case " ", "q":
                self._now.cursor_style = parameters not in {"", "0"}
                return whole
            case ("!", "p") | ('"', "q"):
                return whole
            case ">", ("m" | "n") if self._has_keyboard and parameters.partition(";")[0] in _MODIFIED_KEYS:
                self._now.modified[parameters.partition(";")[0]] = whole
                return whole
            case (("<" | "=" | ">"), "u") if self._has_keyboard:
                return self._kitty(kind, parameters, whole)
        return ""

    def _modes(self, prefix: str, parameters: str, final: str) -> str:
        """Return the sequence with only the modes that may be set."""
        is_set = final == "h"
        allowed = self._allowed if prefix else _ANSI_MODES
        numbers = [int(word) for word in parameters.split(";") if word.isdigit() and int(word) in allowed]
        for number in numbers:
            if not prefix:
                self._now.ansi = self._now.ansi | {number} if is_set else self._now.ansi - {number}
            elif number in _ON:
                self._now.cleared = self._now.cleared - {number} if is_set else self._now.cleared | {number}
            else:
                self._now.set = self._now.set | {number} if is_set else self._now.set - {number}
            self._has_talked = self._has_talked or (bool(prefix) and is_set and number in _TALKING)
        return f"\x1b[{prefix}{';'.join(map(str, numbers))}{final}" if numbers else ""

    def _kitty(self, prefix: str, parameters: str, whole: str) -> str:
        """Return a sequence of kitty's keyboard protocol; it never pops what others pushed before."""
        screen = self._screen
        if prefix == ">":
            if len(self._now.pushed[screen]) >= _MOST_PUSHED:
                return ""
            self._now.pushed[screen].append(whole)
            return whole
        if prefix == "=":
            self._now.flagged[screen] = whole
            return whole
        asked = int(parameters) if parameters.isdigit() else 1
        number = min(asked, len(self._now.pushed[screen]))
        del self._now.pushed[screen][len(self._now.pushed[screen]) - number :]
        return whole if number == asked else f"\x1b[<{number}u" if number else ""

    @property
    def _screen(self) -> int:
        return int(not self._now.set.isdisjoint(_ALTERNATE))

    def show_cursor(self, *, shown: bool) -> None:
        """Record whether the cursor is shown, for sequences that passed unfiltered."""
        self._now.cleared = self._now.cleared - {25} if shown else self._now.cleared | {25}
        self._now.touched = True

    def escape(self, kind: str) -> str:
        """Return the part of a sequence of ESC and one character that may pass."""
        if kind not in "78=>DEMc" or (kind in "=>" and not self._has_keyboard):
            return ""
        self._now.touched = True
        if kind in "=>":
            self._now.keypad = kind == "="
        if kind == "c":  # everything is as in a fresh terminal
            self._now = _Terminal(touched=True)
        return f"\x1b{kind}"

    def designate(self, intermediates: str, final: str) -> str:
        """Return the part of a sequence with intermediates that may pass: line drawing characters, sizes of lines."""
        if intermediates in {"(", ")"} and final in _CHARACTER_SETS:
            if intermediates == "(":
                self._now.drawing = final != "B"
        elif intermediates != "#" or final not in "34568":
            return ""
        self._now.touched = True
        return f"\x1b{intermediates}{final}"

    def shift(self, control: str) -> str:
        """Return SO or SI, which choose between two character sets."""
        self._now.shifted = control == "\x0e"
        self._now.touched = True
        return control

    def restore(self) -> str:
        """Return what restores the terminal, and assume that it was written."""
        undone = self.undone()
        self._now = _Terminal()
        return undone

    def undone(self) -> str:
        """Return what restores the terminal for a while: `redone` reverts it."""
        now = self._now
        if not now.touched:
            return ""
        parts = [f"\x1b[?{number}l" for number in (*_OFF, 12) if number in now.set and number != 6]
        parts += [f"\x1b[>{number}m" for number in sorted(now.modified)]
        parts.append(self._on_alternate(_keys_undone(now.flagged[1], now.pushed[1])))
        if self._screen:
            parts += [f"\x1b[?{number}l" for number in reversed(_ALTERNATE) if number in now.set]
        parts.append(_keys_undone(now.flagged[0], now.pushed[0]))
        if 6 in now.set or now.region:  # resetting these moves the cursor, so save and restore it
            parts.append("\x1b7\x1b[?6l\x1b[r\x1b8\x1b[?6l")
        parts += [f"\x1b[?{number}h" for number in _ON if number in now.cleared]
        parts += [f"\x1b[{number}l" for number in sorted(now.ansi)]
        parts += [
            text
            for is_due, text in (
                (now.keypad, "\x1b>"),
                (now.shifted, "\x0f"),
                (now.drawing, "\x1b(B"),
                (now.cursor_style, "\x1b[0 q"),
            )
            if is_due
        ]
        return "".join(parts) + "\x1b[0m"

    def redone(self) -> str:
        """Return what sets again what `undone` reset, for a program that then redraws its screen.

        It leaves out the scrolling region and line drawing: a redraw sets them.
        """
        now = self._now
        parts = [now.flagged[0], *now.pushed[0]]
        parts += [f"\x1b[?{number}h" for number in _ALTERNATE if number in now.set]
        parts.append(self._on_alternate("".join((now.flagged[1], *now.pushed[1]))))
        parts += now.modified.values()
        parts += [f"\x1b[?{number}h" for number in (*_OFF, 12) if number in now.set and number != 6]
        parts += [f"\x1b[?{number}l" for number in _ON if number in now.cleared]
        parts += [f"\x1b[{number}h" for number in sorted(now.ansi)]
        if now.keypad:
            parts.append("\x1b=")
        return "".join(parts)

    def _on_alternate(self, keys: str) -> str:
        """Return this within the alternate screen, which has its own keyboard flags and keeps its content."""
        return keys if self._screen or not keys else f"\x1b7\x1b[?47h{keys}\x1b[?47l\x1b8"


def _keys_undone(flagged: str, pushed: Sequence[str]) -> str:
    return ("\x1b[=0;1u" if flagged else "") + (f"\x1b[<{len(pushed)}u" if pushed else "")
