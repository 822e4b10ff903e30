"""Bounds what few bytes of a remote may cost an engine: it is fed in portions, some sequences are made smaller. Pure.

The worst were, for each byte with libghostty and a screen of 50x200: a character repeated 65 535 times while inserting
(REP), 1.0 ms; 132 columns and back (DECCOLM), 0.65 ms; the same repeat of a wide character, 32 us, and of another,
15 us. These are bounded here. What is left takes 16 us at most (a line feed within margins at both sides).
"""

# Why: docs/decisions/083-the-cost-of-a-terminals-bytes.md

import re
from collections.abc import Iterator

#: The most bytes that an engine is fed at a time, and how many of them may move a whole screen: what begins a sequence,
#: line feeds, and the bell, which calls us back. So an engine is kept from others for 4 ms at most, not for seconds.
PORTION_BYTES = 16 * 1024
PORTION_STEPS = 128
#: Rows of repeated characters in one portion: a program may draw a row by each of its sequences.
REPEATED_ROWS = PORTION_STEPS

_STEPS = b"\x1b\n\x0b\x0c\x07"
#: Bytes within a sequence that engines act on at once (controls) or ignore. C1 controls are among them: after ESC or
#: within a sequence, 0x9B begins another one.
_STRAY = rb"\x00-\x17\x19\x1c-\x1f\x7f-\xff"
_HIGH = bytes(range(0x80, 0x100))
_DROPPED = bytes((*range(0x20), *range(0x7F, 0x100)))
#: What has to be looked at: a number of three digits or more before REP, a private mode that is set, a sequence with
#: stray bytes, a string that is no OSC.
_NOTABLE = re.compile(
    rb"\x1b(?:\[[0-?]*+(?:(?<=[0-9]{3})b|(?<=[0-9])h|(?=[" + _STRAY + rb"]))|[ -/]*+(?=[" + _STRAY + rb"])|[PX^_])"
)
_HEAD = re.compile(rb"\x1b[ -/" + _STRAY + rb"]*+(?:\[[ -?" + _STRAY + rb"]*+)?")
_UNFINISHED = re.compile(rb"\x1b[ -/]*+(?:\[[ -?]*+)?")
_REPEAT = re.compile(rb"\x1b\[0*([0-9]+)b")
_SET_MODES = re.compile(rb"\x1b\[\?([0-9;]*)h")
_STRING_KINDS = b"PX^_"
_STRING_END = re.compile(rb"[\x18\x1a\x1b]")
#: DECCOLM may change the size, and wrap all history again. Our size is the view's.
_MAY_CHANGE_COLUMNS = b"40"
#: The most bytes that are kept of an unfinished sequence: more than any useful one has.
_MOST_HELD = 256


def portions(data: bytes) -> Iterator[bytes]:
    """Cut bytes of a remote into portions whose work is bounded, see `PORTION_STEPS`."""
    steps = len(data) - len(data.translate(None, _STEPS))
    parts = max(-(-steps // PORTION_STEPS), -(-len(data) // PORTION_BYTES))
    if parts <= 1:
        yield data
        return
    size = -(-len(data) // parts)
    for start in range(0, len(data), size):
        yield from portions(data[start : start + size])


class Damper:
    """Makes the sequences of a stream smaller that cost far more than their bytes; all others pass as they are.

    Sequences that are not finished are held until they are: only whole ones can be judged.
    """

    def __init__(self) -> None:
        self._held = b""
        self._in_string = False

    def feed(self, data: bytes, rows: int, cols: int) -> bytes:
        """Return what to feed to the engine of a screen of this size for the next portion."""
        if self._held:
            data, self._held = self._held + data, b""
        if b"\x1b" not in data and not self._in_string:
            return data
        passed: list[bytes] = []
        at = self._string(data, 0, passed) if self._in_string else 0
        room = max(rows, REPEATED_ROWS) * cols
        while (found := _NOTABLE.search(data, at)) is not None:
            passed.append(data[at : found.start()])
            whole, at = found[0], found.end()
            if whole[-1:] in (b"b", b"h") and len(whole) > 2:
                whole, room = _smaller(whole, rows * cols, room)
                passed.append(whole)
            elif len(whole) == 2 and whole[1] in _STRING_KINDS:
                passed.append(whole)
                at = self._string(data, at, passed)
            else:
                at, room = self._stray(data, found.start(), passed, rows * cols, room)
        return b"".join((*passed, self._rest(data, at)))

    def _string(self, data: bytes, at: int, passed: list[bytes]) -> int:
        """Pass a string without bytes that would end it and begin a sequence; return where its end is."""
        end = _STRING_END.search(data, at)
        stop = len(data) if end is None else end.start()
        passed.append(data[at:stop].translate(None, _HIGH))
        self._in_string = end is None
        return stop

    def _stray(self, data: bytes, start: int, passed: list[bytes], most: int, room: int) -> tuple[int, int]:
        """Pass a sequence without its stray bytes, its controls first; return where to go on, and the room."""
        head = _HEAD.match(data, start)
        assert head is not None  # it begins with ESC
        clean = b"\x1b" + head[0].translate(None, _DROPPED)
        passed.append(bytes(byte for byte in head[0][1:] if byte < 0x20))
        at = head.end()
        if at == len(data):
            self._held = clean[:_MOST_HELD]
            return at, room
        final = data[at : at + 1]
        if final in b"\x18\x1a\x1b":
            return at, room  # nothing has come of it
        whole, room = _smaller(clean + final, most, room)
        passed.append(whole)
        is_string = clean == b"\x1b" and final in _STRING_KINDS
        return self._string(data, at + 1, passed) if is_string else at + 1, room

    def _rest(self, data: bytes, at: int) -> bytes:
        """Return what nothing has to be looked at in, but for an unfinished sequence at its end, which is held."""
        start = data.rfind(b"\x1b", at)
        if start < 0 or _UNFINISHED.fullmatch(data, start) is None:
            return data[at:]
        self._held = data[start:][:_MOST_HELD]
        return data[at:start]


def _smaller(whole: bytes, most: int, room: int) -> tuple[bytes, int]:
    """Return a sequence that costs no more than it may, and the room for repeated characters that is left."""
    if (repeat := _REPEAT.fullmatch(whole)) is not None:
        count = min(int(repeat[1][:6]), most, room)  # six digits are more than any screen has
        return (b"\x1b[%db" % count if count else b""), room - count
    if (modes := _SET_MODES.fullmatch(whole)) is not None:
        kept = [mode for mode in modes[1].split(b";") if mode.lstrip(b"0") != _MAY_CHANGE_COLUMNS]
        return (b"\x1b[?%bh" % b";".join(kept) if kept else b""), room
    return whole, room
