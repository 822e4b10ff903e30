"""Lines of ANSI as values: cut into runs, re-coloured, inverted. Only for lines that an engine built."""

# Why: docs/decisions/049-output-is-emulated.md

import re
from functools import lru_cache

from rich.cells import cell_len, split_graphemes
from rich.color import Color, ColorSystem

_SGR = re.compile("\x1b\\[([0-9;:]*)m")
INVERSE = "\x1b[7m"
RESET = "\x1b[0m"
UNDERLINED = "\x1b[4m"


def plain(line: str) -> str:
    """Return a line's text without its SGR sequences."""
    return _SGR.sub("", line) if "\x1b" in line else line


def runs(line: str) -> list[tuple[str, str]]:
    """Return the line as (SGR sequences in force, text) pairs; the sequences start from the default style."""
    if "\x1b" not in line:
        return [("", line)] if line else []
    found: list[tuple[str, str]] = []
    style = ""
    position = 0
    for match in _SGR.finditer(line):
        if match.start() > position:
            found.append((style, line[position : match.start()]))
        codes = match[1]
        if codes in {"", "0"}:
            style = ""
        elif codes.startswith("0;"):
            style = match[0]
        else:
            style += match[0]
        position = match.end()
    if position < len(line):
        found.append((style, line[position:]))
    return found


def split(text: str, cols: int) -> tuple[str, str]:
    """Cut ``text`` after ``cols`` cells; a wide character across the cut stays on the left."""
    if text.isascii():
        return text[:cols], text[cols:]
    used = 0
    for start, _end, width in split_graphemes(text)[0]:
        if used >= cols:
            return text[:start], text[start:]
        used += width
    return text, ""


def cut(line: str, start: int, end: int) -> str:
    """Return the cells from ``start`` up to ``end`` (exclusive) as a line; half of a wide character becomes a space."""
    parts: list[str] = []
    col = 0
    for style, text in runs(line):
        width = cell_len(text)
        first, last = max(start, col), min(end, col + width)
        if first < last:
            before, rest = split(text, first - col)
            gap = max(0, col + cell_len(before) - first)
            inside, _after = split(rest, last - first - gap)
            over = cell_len(inside) - (last - first - gap)
            if over > 0:
                kept, _wide = _without_last(inside)
                inside = kept + " "
            shown = " " * gap + inside
            parts.append(f"{style}{shown}{RESET}" if style else shown)
        col += width
    return "".join(parts)


def _without_last(text: str) -> tuple[str, str]:
    start, _end, _width = split_graphemes(text)[0][-1]
    return text[:start], text[start:]


def restyle(line: str, start: int, end: int, sgr: str) -> str:
    """Return the line with ``sgr`` added to the cells from ``start`` up to ``end`` (exclusive)."""
    parts: list[str] = []
    col = 0
    for style, text in runs(line):
        width = cell_len(text)
        before, rest = split(text, max(0, start - col))
        inside, after = split(rest, max(0, end - max(start, col)))
        if before:
            parts.append(f"{RESET}{style}{before}")
        if inside:
            # Inverting inverse cells must show too: a cursor on a status bar.
            added = "\x1b[27m" if sgr == INVERSE and _is_inverse(style) else sgr
            parts.append(f"{RESET}{style}{added}{inside}")
        if after:
            parts.append(f"{RESET}{style}{after}")
        col += width
    return "".join(parts) + RESET


@lru_cache(maxsize=4096)
def _is_inverse(style: str) -> bool:
    return any(7 in codes for codes in map(simple_codes, style.split("m")))


def simple_codes(sequence: str) -> tuple[int, ...]:
    """Return the codes of one SGR sequence without its colours' arguments; styled underlines count as 4."""
    codes: list[int] = []
    fields = sequence.removeprefix("\x1b[").removesuffix("m").split(";")
    index = 0
    while index < len(fields):
        head = fields[index].partition(":")[0]
        if head.isdecimal():
            codes.append(int(head))
        if fields[index] in {"38", "48"} and index + 1 < len(fields):
            index += 2 if fields[index + 1] == "5" else 4
        index += 1
    return tuple(codes)


#: SGR codes that choose a colour, or the default one (ECMA-48, and xterm's bright colours).
_COLOURS = frozenset({*range(30, 50), 58, 59, *range(90, 108)})


def colourless(line: str) -> str:
    """Return the line in the terminal's own colours, with all other attributes."""
    return _SGR.sub(lambda match: _colourless_sgr(match[0]), line) if "\x1b" in line else line


@lru_cache(maxsize=4096)
def _colourless_sgr(sequence: str) -> str:
    kept: list[str] = []
    fields = sequence.removeprefix("\x1b[").removesuffix("m").split(";")
    index = 0
    while index < len(fields):
        field = fields[index]
        head = field.partition(":")[0]
        if not head.isdecimal() or int(head) not in _COLOURS:
            kept.append(field)
        elif field in {"38", "48", "58"} and index + 1 < len(fields):
            index += 2 if fields[index + 1] == "5" else 4
        index += 1
    return f"\x1b[{';'.join(kept)}m" if kept else ""


def downgraded(line: str, system: ColorSystem) -> str:
    """Return the line for a terminal with fewer colours than the remote used."""
    if "\x1b" not in line:
        return line
    return _SGR.sub(lambda match: _downgraded_sgr(match[0], system), line)


@lru_cache(maxsize=16_384)
def _downgraded_sgr(sequence: str, system: ColorSystem) -> str:
    fields = sequence[2:-1].split(";")
    if ":" in sequence:
        return ""  # Styled underlines: a plain one comes before it.
    kept: list[str] = []
    index = 0
    while index < len(fields):
        field = fields[index]
        if field in {"38", "48"}:
            if fields[index + 1] == "5":
                colour = Color.from_ansi(int(fields[index + 2]))
                index += 3
            else:
                red, green, blue = map(int, fields[index + 2 : index + 5])
                colour = Color.from_rgb(red, green, blue)
                index += 5
            kept.extend(colour.downgrade(system).get_ansi_codes(foreground=field == "38"))
            continue
        kept.append(field)
        index += 1
    return f"\x1b[{';'.join(kept)}m"
