"""Strings from other machines are hostile until they went through here."""

import unicodedata

#: Unicode categories that move the cursor, reorder text or show nothing: controls, formats (bidi among them),
#: surrogates, private use, unassigned, line and paragraph separators.
_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def is_printable(character: str) -> bool:
    """Tell whether one character can be shown without side effects."""
    return unicodedata.category(character) not in _UNPRINTABLE


def printable(text: str, limit: int = 200) -> str:
    """Return `text` in one line that is safe to print.

    White space becomes a space, every other unprintable character U+FFFD, and what is longer than `limit`
    characters ends in an ellipsis.
    """
    shown = "".join(
        c if is_printable(c) else " " if c.isspace() else "\N{REPLACEMENT CHARACTER}" for c in text[: limit + 1]
    )
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"
