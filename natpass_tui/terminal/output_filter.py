"""Filters what a remote program writes to the user's own terminal: text and harmless control sequences pass. Pure.

A shell tab emulates a terminal and passes nothing on. Where a remote program's bytes do go to the user's terminal
(`exec` without a pipe, `exec -t`), they go through here. Text, SGR, cursor movement and modes pass. OSC, DCS, APC, PM
and SOS (titles, clipboard, palettes, files), queries and unknown sequences are dropped, in 7-bit and 8-bit forms. The
output is valid UTF-8 with whole sequences only, for input in chunks of any size.
"""

# Why: docs/decisions/034-output-filter.md

import codecs
import re

from natpass_tui.terminal.outer_modes import OuterModes

#: The most characters of a sequence's parameters: more than the longest useful SGR; longer ones are dropped.
_MOST_BODY = 256
_MOST_INTERMEDIATES = 3
#: Bytes that pass by themselves: BEL to CR, and printable ASCII.
_PLAIN_BYTES = bytes((*range(0x07, 0x0E), *range(0x20, 0x7F)))
#: Text, and sequences that always pass: cursor, erasing, SGR, hiding and showing the cursor, back to letters.
_PASSES = re.compile("(?:[\x07-\x0d\x20-\x7e\xa0-\U0010ffff]++|\x1b(?:\\[[0-9;:]{0,64}[A-HJKPXm]|\\[\\?25[hl]|\\(B))*+")
_AFTER_THESE = "\x1b[0m"
_HAS_SEQUENCE = "\x1b"
_CURSOR = "\x1b[?25"
_CSI = re.compile(rf"([ -?]{{0,{_MOST_BODY}}}+)([@-~])?")
_INTERMEDIATES = re.compile(rf"([ -/]{{1,{_MOST_INTERMEDIATES}}}+)([0-~])?")
#: What ends a string, by its introducer: its terminator, or what cancels any sequence. BEL ends only an OSC.
_OSC_END = re.compile("[\x07\x18\x1a\x1b\x9c]")
_STRING_END = re.compile("[\x18\x1a\x1b\x9c]")
#: What ends the parameters of an overlong sequence.
_CSI_END = re.compile("[^ -?]")
_SHIFTS = "\x0e\x0f"


class OutputFilter:
    """Filters one stream of output. It keeps a few hundred characters at most.

    Args:
        modes: the terminal's state, shared by all streams to one terminal.
    """

    def __init__(self, modes: OuterModes | None = None) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""  # an unfinished sequence
        self._skipping: re.Pattern[str] | None = None  # the end of the string that is being dropped
        self._modes = OuterModes() if modes is None else modes
        self._has_styled = False

    @property
    def has_talked(self) -> bool:
        """Whether the terminal was told to report the mouse or the focus."""
        return self._modes.has_talked

    def feed(self, data: bytes) -> bytes:
        """Return the part of the next output that may be written."""
        if self._is_plain(data):  # the common case: ten times as fast
            return data
        return self._filter(self._decoder.decode(data)).encode()

    def finish(self) -> bytes:
        """Return the rest at the end of the output, and what restores the terminal.

        An unfinished character becomes U+FFFD; an unfinished sequence is dropped.
        """
        rest = self._filter(self._decoder.decode(b"", final=True))
        self._held, self._skipping = "", None
        restored = self._modes.restore() or (_AFTER_THESE if self._has_styled else "")
        self._has_styled = False
        return (rest + restored).encode()

    def undone(self) -> bytes:
        """Return what restores the terminal for a while; an unfinished sequence is kept."""
        return (self._modes.undone() or (_AFTER_THESE if self._has_styled else "")).encode()

    def redone(self) -> bytes:
        """Return what sets again what `undone` reset."""
        return self._modes.redone().encode()

    def _is_plain(self, data: bytes) -> bool:
        return (
            not self._held
            and self._skipping is None
            and not data.translate(None, _PLAIN_BYTES)
            and not self._decoder.getstate()[0]
        )

    def _filter(self, text: str) -> str:
        text = self._held + text
        self._held = ""
        passed: list[str] = []
        at = 0
        while at < len(text):
            if self._skipping is not None:
                at = self._skip(self._skipping, text, at)
            elif (end := _match_end(_PASSES, text, at)) > at:
                passed.append(text[at:end])
                if _HAS_SEQUENCE in passed[-1]:
                    self._has_styled = True
                    if (cursor := passed[-1].rfind(_CURSOR)) >= 0:
                        self._modes.show_cursor(shown=passed[-1][cursor + len(_CURSOR)] == "h")
                at = end
            else:
                at = self._special(text, at, passed)
        return "".join(passed)

    def _skip(self, ends: re.Pattern[str], text: str, at: int) -> int:
        """Drop a string up to its end; return where to continue."""
        found = ends.search(text, at)
        if found is None:
            return len(text)
        self._skipping = None
        end = found[0]
        is_consumed = end != "\x1b" and (ends is not _CSI_END or "@" <= end <= "~")
        return found.end() if is_consumed else found.start()

    def _special(self, text: str, at: int, passed: list[str]) -> int:
        """Filter what begins here; return where to continue."""
        first = text[at]
        if first in _SHIFTS:
            passed.append(self._modes.shift(first))
        elif first == "\x1b":
            return self._escape(text, at, passed)
        elif "\x80" <= first <= "\x9f":
            return self._sequence(chr(ord(first) - 0x40), text, at, at + 1, passed)
        return at + 1

    def _escape(self, text: str, at: int, passed: list[str]) -> int:
        start = at + 1
        if start == len(text):
            return self._hold(text, at)
        if "0" <= (kind := text[start]) <= "~":
            return self._sequence(kind, text, at, start + 1, passed)
        found = _INTERMEDIATES.match(text, start)
        if found is None:  # a control, or not ASCII: it stands for itself
            return start
        if found[2] is not None:
            passed.append(self._modes.designate(found[1], found[2]))
            return found.end()
        return self._hold(text, at) if found.end() == len(text) else found.end()

    def _sequence(self, kind: str, text: str, at: int, start: int, passed: list[str]) -> int:
        """Filter the sequence that began at `at` with ESC and `kind`, or with the 8-bit form of the two."""
        if kind == "[":
            return self._csi(text, at, start, passed)
        if kind in "]PX^_":
            self._skipping = _OSC_END if kind == "]" else _STRING_END
        else:
            passed.append(self._modes.escape(kind))
        return start

    def _csi(self, text: str, at: int, start: int, passed: list[str]) -> int:
        found = _CSI.match(text, start)
        assert found is not None  # it matches the empty string
        if found[2] is not None:
            passed.append(self._modes.csi(found[1], found[2]))
            return found.end()
        if found.end() == len(text):
            return self._hold(text, at)
        if _CSI_END.match(text, found.end()) is None:  # too long
            self._skipping = _CSI_END
        return found.end()

    def _hold(self, text: str, at: int) -> int:
        """Hold an unfinished sequence until more of it arrives."""
        self._held = text[at:]
        return len(text)


def _match_end(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found is not None else at
