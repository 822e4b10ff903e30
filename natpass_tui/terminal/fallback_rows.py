"""Rows of pyte's screen as lines of ANSI."""

from collections.abc import Mapping
from functools import lru_cache
from itertools import groupby
from typing import Any

from pyte import graphics
from rich.cells import cell_len

from natpass_tui.terminal.ansi import RESET
from natpass_tui.terminal.cells import cell_text

#: pyte's Char by column; missing columns are blank.
Row = Mapping[int, Any]
_CODES = {name: code for code, name in (graphics.FG_ANSI | graphics.FG_AIXTERM).items()}


def row_line(row: Row, cols: int) -> str:
    """Return a row as SGR sequences and printable text, ``cols`` cells wide."""
    cells = _cells(row, 0, cols)
    parts: list[str] = []
    styled = False
    for sgr, group in groupby(cells, key=lambda cell: cell[0]):
        if sgr or styled:
            parts.append(sgr or RESET)
        styled = styled or bool(sgr)
        parts.extend(text for _sgr, text in group)
    return "".join(parts) + (RESET if styled else "")


def row_text(row: Row, start: int, end: int) -> str:
    """Return the characters of a part of a row."""
    return "".join(text for _sgr, text in _cells(row, start, end))


def _cells(row: Row, start: int, end: int) -> list[tuple[str, str]]:
    """Return (SGR, text) for each cell, without the second halves of wide characters."""
    cells: list[tuple[str, str]] = []
    wide = False
    for col in range(start, end):
        char = row[col]
        if wide:
            wide = False
            continue
        data = char.data
        wide = bool(data) and col + 1 < end and row[col + 1].data == ""
        # Half of an overwritten wide character is blank, as in xterm.
        whole = data and (wide or data.isascii() or cell_len(data) < 2)
        cells.append((_sgr(char[1:]), cell_text(data, 2 if wide else 1) if whole else " "))
    return cells


@lru_cache(maxsize=4096)
def _sgr(attributes: tuple[Any, ...]) -> str:
    fg, bg, bold, italics, underscore, strikethrough, reverse, blink = attributes
    flags = ((bold, "1"), (italics, "3"), (underscore, "4"), (blink, "5"), (reverse, "7"), (strikethrough, "9"))
    codes = [code for flag, code in flags if flag]
    for colour, offset in ((fg, 0), (bg, 10)):
        if colour == "default":
            continue
        code = _CODES.get(colour)
        if code is not None:
            codes.append(str(code + offset))
        elif len(colour) == 6:
            red, green, blue = bytes.fromhex(colour)
            codes.append(f"{38 + offset};2;{red};{green};{blue}")
    return f"\x1b[0;{';'.join(codes)}m" if codes else ""
