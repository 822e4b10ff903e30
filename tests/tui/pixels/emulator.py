"""What a terminal shows of lines of half blocks, by the rules of SGR alone: the counterpart of what is tested."""

import re

import numpy as np
from numpy.typing import NDArray

_TOKEN = re.compile(r"\x1b\[([0-9;]*)m|(.)", re.DOTALL)
_XTERM_16 = (
    "000000", "cd0000", "00cd00", "cdcd00", "0000ee", "cd00cd", "00cdcd", "e5e5e5",
    "7f7f7f", "ff0000", "00ff00", "ffff00", "5c5cff", "ff00ff", "00ffff", "ffffff",
)  # fmt: skip

Colour = tuple[int, int, int]


def indexed(index: int) -> Colour:
    """Return xterm's colour of this number, from 0 to 255."""
    if index < 16:
        red, green, blue = bytes.fromhex(_XTERM_16[index])
        return red, green, blue
    if index >= 232:
        return (8 + 10 * (index - 232),) * 3
    index -= 16
    red, green, blue = (0 if level == 0 else 55 + 40 * level for level in (index // 36, index // 6 % 6, index % 6))
    return red, green, blue


def line_pixels(line: str) -> list[tuple[Colour, Colour]]:
    """Return the upper and the lower colour of each cell of a line; colours that were not set are an error."""
    upper: Colour | None = None
    lower: Colour | None = None
    cells: list[tuple[Colour, Colour]] = []
    for codes, character in _TOKEN.findall(line):
        if not character:
            fields = [int(field or 0) for field in codes.split(";")]
            while fields:
                code = fields.pop(0)
                if code == 0:
                    upper = lower = None
                    continue
                if code in {38, 48}:
                    kind = fields.pop(0)
                    if kind == 2:
                        colour = (fields.pop(0), fields.pop(0), fields.pop(0))
                    else:
                        assert kind == 5
                        colour = indexed(fields.pop(0))
                    foreground = code == 38
                else:
                    foreground = code // 10 in {3, 9}
                    bright = code >= 90
                    colour = indexed(code % 10 + 8 * bright)
                if foreground:
                    upper = colour
                else:
                    lower = colour
        elif character == " ":
            assert lower is not None
            cells.append((lower, lower))
        else:
            assert character == "▀"
            assert upper is not None
            assert lower is not None
            cells.append((upper, lower))
    assert upper is None, "a line ends with a reset"
    assert lower is None, "a line ends with a reset"
    return cells


def picture_of(lines: list[str]) -> NDArray[np.uint8]:
    """Return what the lines show: shape (2 * len(lines), cols, 3)."""
    rows: list[list[Colour]] = []
    for line in lines:
        cells = line_pixels(line)
        rows.append([upper for upper, _ in cells])
        rows.append([lower for _, lower in cells])
    return np.array(rows, np.uint8)
