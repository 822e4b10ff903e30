"""A remote program's output before it gets to an engine, to the user's terminal and to the clipboard."""

import re

from natpass_tui.terminal.amplifiers import PORTION_BYTES, PORTION_STEPS, Damper, portions
from natpass_tui.terminal.clipboard import CLIPBOARD_LIMIT, ClipScanner
from natpass_tui.terminal.output_filter import OutputFilter
from natpass_tui.terminal.replies import is_harmless
from tests.fuzz.targets.pieces import joined, pieces

SEEDS = (
    joined(b"\x1b[65535b", b"x\x1b[0000", b"99999b\x1b[4h"),
    joined(b"\x1b[?40h\x1b[?3", b";040;1h", b"\x1b[?3l"),
    joined(b"\x1b]52;c;aGk=\x07", b"\x1b]52;p;", b"aGk=\x1b\\"),
    joined(b"\x1bPq#0\x9b99999b", b"\x1b\\", b"\x1b_G\x18"),
    joined(b"\xc3", b"\xa9\x1b[\x9b200b\x1b(0\x0e", b"\x1b[38:2::1:2:3m\x9d0;x\x9c"),
    joined(b"\x1b[\x00\x7f300\nb", b"\x1b \x1b#8\x90x\x9c\x1b[?1049h"),
    joined(b"\x1bP1$r0m\x1b\\", b"\x1b[?62;22c"),
)
_ROWS, _COLS = 24, 80
_REPEAT = re.compile(rb"\x1b\[([0-9]+)b")
#: A query, a string or a title: none of these may get to the user's own terminal.
_FORBIDDEN = re.compile(r"\x1b(?:\][^0]|[P_^X]|\[[0-9;?>]*[cn])|[\x80-\x9f]")


def target(data: bytes) -> None:
    """Each piece is what is read at once."""
    damper, clips, shown = Damper(), ClipScanner(), OutputFilter()
    output = b""
    for piece in pieces(data):
        parts = list(portions(piece))
        assert b"".join(parts) == piece
        for part in parts:
            assert len(part) <= PORTION_BYTES
            steps = sum(part.count(step) for step in b"\x1b\n\x0b\x0c\x07")
            assert steps <= PORTION_STEPS or len(part) <= 1
            fed = damper.feed(part, _ROWS, _COLS)
            assert len(fed) <= len(part) + 4096
            counts = [int(found[1]) for found in _REPEAT.finditer(fed)]
            assert sum(count for count in counts if count > 99) <= 128 * _COLS
            assert b"\x1b[?40h" not in fed
        for clip in clips.feed(piece):
            assert len(clip.text) <= CLIPBOARD_LIMIT
        output += shown.feed(piece)
        is_harmless(piece)
    output += shown.finish()
    assert _FORBIDDEN.search(output.decode()) is None, "a query or a string got to the user's terminal"
