"""Text that is safe to write to a terminal, for a cell, a title or a line of our own.

The remote's characters are hostile: a stray direction mark reorders a whole line of the user's terminal, and a cluster
wider than the engine assumes shifts all that follows. So every cell is measured with `rich.cells`, as Textual does to
cut lines, and replaced where the widths differ.
"""

import unicodedata
from functools import lru_cache

from rich.cells import cell_len

#: The most characters of a title.
TITLE_LIMIT = 128
#: The most combining characters of a cell; more would only draw over other rows.
_MARKS_LIMIT = 8
_JOINER = "\u200d"
_EMOJI_STYLE = "\ufe0f"
_REGIONAL_A = 0x1F1E6
_FULLWIDTH_A = 0xFF21
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def is_safe(character: str) -> bool:
    """Tell whether a character only draws: no control, format, surrogate or line separator."""
    return unicodedata.category(character) not in _UNSAFE


@lru_cache(maxsize=16_384)
def cell_text(cluster: str, cols: int) -> str:
    """Return the text to draw for the characters of one cell, exactly ``cols`` (1 or 2) cells wide."""
    base = cluster[:1]
    if "\U0001f1e6" <= base <= "\U0001f1ff" and cols == 2:
        # Half a flag: terminals disagree about its width, and would join it with its neighbour.
        return chr(ord(base) - _REGIONAL_A + _FULLWIDTH_A) if len(cluster) == 1 else _fitted(cluster, cols)
    if base == "\xad":
        return "-".ljust(cols)
    return _fitted(cluster, cols)


def _fitted(cluster: str, cols: int) -> str:
    kept = "".join(
        character
        for index, character in enumerate(cluster[: _MARKS_LIMIT + 1])
        if is_safe(character) or (character == _JOINER and 0 < index < len(cluster) - 1)
    ).rstrip(_JOINER)
    for candidate in (kept, kept.replace(_EMOJI_STYLE, ""), kept[:1]):
        width = cell_len(candidate)
        if width == cols:
            return candidate
        if 0 < width < cols:
            return candidate + " " * (cols - width)
    return "\N{REPLACEMENT CHARACTER}".ljust(cols) if kept and cell_len(kept) > cols else " " * cols


def printable(text: str, limit: int | None = None) -> str:
    """Return ``text`` without anything that controls a terminal; separators become spaces."""
    clean = "".join(character if is_safe(character) else " " if character in "\t\n\r" else "" for character in text)
    return clean if limit is None else clean[:limit]


def clean_title(title: str) -> str:
    """Return a window title fit for a tab: printable, no direction marks, at most `TITLE_LIMIT` characters."""
    return printable(title[: TITLE_LIMIT * 4]).strip()[:TITLE_LIMIT]
