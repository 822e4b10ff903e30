"""Splits the user's terminal's input into keys, escape sequences and pastes. Pure: time is an argument.

Only what follows an Escape, and when, tells whether the user typed it or it begins a sequence. No unfinished sequence
blocks the keyboard: if it cannot become one that terminals send, or is not finished in time, it is delivered as keys.
"""

# Why: docs/decisions/047-input-sequences.md

import re
from dataclasses import dataclass
from typing import TypeAlias

from natpass_tui.pastes import MOST_BYTES, size_of

ESCAPE = "\x1b"
PASTE_START, PASTE_END = f"{ESCAPE}[200~", f"{ESCAPE}[201~"

#: Seconds that an unfinished sequence waits for its next character. Terminals write a sequence at once; a slow line may
#: cut it anywhere.
SEQUENCE_DELAY = 0.25
#: Seconds that a whole sequence may take: keys typed after one that never ends wait no longer.
SEQUENCE_SECONDS = 2.0
#: Seconds that an unfinished paste waits for more. Users notice when a line stalls for longer.
PASTE_DELAY = 1.0
#: Seconds of silence in a paste after which a control key, alone in its read, counts as pressed, not pasted; so does
#: the prefix, whatever follows it.
KEY_IN_PASTE_DELAY = 0.1
#: The most characters of a sequence that are held: no answer that we ask for is nearly as long.
SEQUENCE_LIMIT = 64 * 1024
#: A read of so many characters was not typed.
_CHUNK = 64
#: Seconds after the delivery of an unfinished paste in which its rest still counts as pasted.
_LATE_PASTE = 10.0

# Controls end every sequence: no terminal writes any inside, and the console's prefix may be one.
_TEXT = r"[^\x00-\x1f\x9c]*"
#: How terminals' answers begin. Other strings are typed: `Esc P :wq` is a command for vim.
_OSC = r"\](?:[0-9]{1,4};|[lL])"
_DCS = r"P[0-9]*[!$+>][a-z|~]"
_APC = r"_G"
_COMPLETE = re.compile(
    rf"""{ESCAPE}(?:
      \[(?: M[^\x00-\x1f]{{3}}                      # the mouse as X10 reported it
        | \[[@-~]                                   # the function keys of the Linux console
        | [0-9]+\$                                  # rxvt's keys within shift
        | (?!M|\[)[0-?-]*[ -/]*[@-~])                # with "-": some report the mouse at -1
      | O(?:[0-9]+(?:;[0-9]+)?)?[@-~]
      | (?:{_OSC}|{_DCS}|{_APC}){_TEXT}(?:{ESCAPE}\\|\x9c)
      | {_OSC}{_TEXT}\x07
      | [^\x1b\[O\]P_]                              # a key within alt
    )""",
    re.VERBOSE,
)
_PARTIAL = re.compile(
    rf"""{ESCAPE}(?:
      \[(?: M[^\x00-\x1f]{{0,2}} | \[ | (?!M|\[)[0-?-]*[ -/]*)
      | O(?:[0-9]+;?[0-9]*)?
      | \][0-9]{{0,4}} | P[0-9]*[!$+>]? | _
      | (?:{_OSC}|{_DCS}|{_APC}){_TEXT}{ESCAPE}?
    )?\Z""",
    re.VERBOSE,
)
_STRING_END = re.compile(r"[\x00-\x1f\x9c]")
#: A read that is one key without text: a sequence, or a control other than tab and line ends.
_LONE_KEY = re.compile(rf"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|{ESCAPE}(?:\[[0-?]*[@-~]|O[@-~])")


@dataclass(frozen=True, slots=True)
class Keys:
    """Typed characters, each a key; an Escape is the Escape key."""

    text: str


@dataclass(frozen=True, slots=True)
class Sequence:
    """One complete escape sequence, or a key within alt."""

    text: str


@dataclass(frozen=True, slots=True)
class Paste:
    """Pasted text."""

    text: str


@dataclass(frozen=True, slots=True)
class PasteRefused:
    """A paste that is too large; the rest of it is dropped.

    Attributes:
        size: its bytes so far.
        given: bytes of it that were delivered before, since it had stood still.
        is_whole: whether it has ended.
    """

    size: int
    given: int
    is_whole: bool


@dataclass(frozen=True, slots=True)
class Overlong:
    """A sequence of more than `SEQUENCE_LIMIT` characters; its content is not kept."""


Unit: TypeAlias = Keys | Sequence | Paste | PasteRefused | Overlong


class Splitter:
    """Splits input that comes in reads of any size.

    Args:
        escape_delay: seconds that an Escape, alone or with a first character, waits for the rest of a sequence.
        prefix: the console's prefix key if it is a control character: it is part of no sequence, nor combined with alt.
        most: bytes of a paste at most.

    Attributes:
        due: the time, on the methods' clock, at which `tick` will deliver something; None if nothing waits.
    """

    def __init__(self, escape_delay: float, prefix: str = "", most: int = MOST_BYTES) -> None:
        self._most = most
        self._escape_delay = escape_delay
        self._prefix = prefix
        self._held = ""
        self._since = 0.0
        #: The parts of an unfinished paste, and its last characters, which may begin its end.
        self._paste: list[str] | None = None
        self._paste_size = 0  # bytes of the whole paste, also of what was delivered
        self._given = 0  # bytes of it that were delivered
        self._is_refused = False
        self._tail = ""
        self._last = 0.0
        self._late_until = 0.0
        self._overlong = False
        self.due: float | None = None

    def feed(self, text: str, now: float) -> list[Unit]:
        """Split what was read."""
        units: list[Unit] = []
        if self._overlong:
            text = self._discard(text, now, units)
        if self._paste is None and not self._held and self._is_late_paste(text, now):
            self._resume_paste()
        if self._paste is not None:
            text = self._go_on_pasting(text, now, units)
        if text:
            self._split(text, now, units)
        return units

    def tick(self, now: float) -> list[Unit]:
        """Deliver input that has waited too long."""
        if self.due is None or now < self.due:
            return []
        self.due = None
        if self._overlong:
            self._overlong = False
            return [Overlong()]
        if self._paste is not None:
            units: list[Unit] = []
            self._cut_paste(now, units)
            return units
        held, self._held = self._held, ""
        # An introducer alone is alt with that character.
        return [Sequence(held)] if len(held) == 2 else [Keys(held)]

    def _split(self, text: str, now: float, units: list[Unit]) -> None:
        if not self._held:
            self._since = now
        text, self._held, self.due = self._held + text, "", None
        position = 0
        while position < len(text):
            if text[position] != ESCAPE:
                end = text.find(ESCAPE, position)
                end = len(text) if end < 0 else end
                units.append(Keys(text[position:end]))
                position = end
                continue
            if self._prefix and text.startswith(self._prefix, position + 1):
                units.append(Keys(ESCAPE))
                position += 1
            elif match := _COMPLETE.match(text, position):
                position = match.end()
                if match[0] == PASTE_START:
                    self._begin_paste()
                    rest = self._go_on_pasting(text[position:], now, units)
                    if self._paste is not None:
                        return
                    text, position = rest, 0
                else:
                    units.append(Sequence(match[0]))
            elif _PARTIAL.match(text, position):
                self._hold(text[position:], position > 0, now)
                return
            else:
                # No sequence goes on like this. An Escape after an Escape may begin one.
                end = position + 1 if text.startswith(ESCAPE, position + 1) else position + 2
                units.append(Keys(text[position:end]))
                position = end

    def _hold(self, held: str, is_new: bool, now: float) -> None:
        if is_new:
            self._since = now
        if len(held) > SEQUENCE_LIMIT:
            self._overlong = True
            self.due = now + SEQUENCE_DELAY
            return
        self._held = held
        delay = self._escape_delay if len(held) <= 2 else SEQUENCE_DELAY
        self.due = min(now + delay, self._since + SEQUENCE_SECONDS)

    def _discard(self, text: str, now: float, units: list[Unit]) -> str:
        """Look for the end of an overlong sequence; return what follows it."""
        end = _STRING_END.search(text)
        if end is None:
            self.due = min(now + SEQUENCE_DELAY, self._since + SEQUENCE_SECONDS)
            return ""
        self._overlong, self.due = False, None
        units.append(Overlong())
        rest = text[end.start() :]
        for terminator in (f"{ESCAPE}\\", "\x07", "\x9c"):
            rest = rest.removeprefix(terminator)
        return rest

    # Pastes.

    def _begin_paste(self) -> None:
        self._resume_paste()
        self._paste_size, self._given, self._is_refused = 0, 0, False

    def _resume_paste(self) -> None:
        self._paste, self._tail = [], ""

    def _go_on_pasting(self, text: str, now: float, units: list[Unit]) -> str:
        """Add to the paste; return what follows its end."""
        assert self._paste is not None
        silence, self._last = now - self._last, now
        has_begun = bool(self._paste or self._tail or self._is_refused)
        if has_begun and silence >= KEY_IN_PASTE_DELAY and self._is_key_in_paste(text):
            self._cut_paste(now, units)
            return text
        body = self._tail + text
        end = body.find(PASTE_END)
        if end >= 0:
            self._keep(body[:end], units)
            self._end_paste(units)
            self._late_until = 0.0
            return body[end + len(PASTE_END) :]
        kept = max(0, len(body) - len(PASTE_END) + 1)
        self._keep(body[:kept], units)
        self._tail = body[kept:]
        self.due = now + PASTE_DELAY
        return ""

    def _is_key_in_paste(self, text: str) -> bool:
        if PASTE_END in self._tail + text:
            return False
        is_prefix = bool(self._prefix) and text.startswith(self._prefix)  # a slow line joins it with the next key
        return is_prefix or _LONE_KEY.fullmatch(text) is not None

    def _is_late_paste(self, text: str, now: float) -> bool:
        """Tell whether this is the rest of a paste that stalled too long: as keys, its lines would run as commands."""
        return now < self._late_until and (
            (PASTE_END in text and PASTE_START not in text) or (len(text) >= _CHUNK and ESCAPE not in text)
        )

    def _keep(self, text: str, units: list[Unit]) -> None:
        if not text or self._paste is None:
            return
        self._paste_size += size_of(text)
        if not self._is_refused and self._paste_size > self._most:
            self._is_refused = True
            self._paste.clear()
            units.append(PasteRefused(self._paste_size, self._given, is_whole=False))
        if not self._is_refused:
            self._paste.append(text)

    def _cut_paste(self, now: float, units: list[Unit]) -> None:
        self._keep(self._tail, units)
        self._end_paste(units)
        self._late_until = now + _LATE_PASTE

    def _end_paste(self, units: list[Unit]) -> None:
        if self._is_refused:
            units.append(PasteRefused(self._paste_size, self._given, is_whole=True))
        elif self._paste:
            units.append(Paste("".join(self._paste)))
            self._given = self._paste_size
        self._paste, self._tail, self.due = None, "", None
