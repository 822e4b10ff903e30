"""Makes strings from other machines, which are hostile, safe to print."""

import unicodedata

#: Unicode categories that move the cursor, reorder text or show nothing: controls, formats (bidi among them),
#: surrogates, private use, unassigned, line and paragraph separators.
_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})

#: Categories of marks on the character before them. Languages use at most so many on one character.
_MARKS = frozenset({"Mn", "Me"})
MOST_MARKS = 4
#: Characters that show nothing although their category does not say so: Unicode's Default_Ignorable_Code_Point outside
#: the categories above, and braille's blank.
_BLANK = frozenset(
    {0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180C, 0x180D, 0x180F, 0x2800, 0x3164, 0xFFA0}
    | {*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)}
)


def is_visible(character: str) -> bool:
    """Tell whether one character can be shown, and shows something (a space counts as something)."""
    return is_printable(character) and ord(character) not in _BLANK


def piles_marks(text: str) -> bool:
    """Tell whether `text` has more marks on one character than any language: such a pile covers its neighbours."""
    run = 0
    for character in text:
        run = run + 1 if unicodedata.category(character) in _MARKS else 0
        if run > MOST_MARKS:
            return True
    return False


def is_printable(character: str) -> bool:
    """Tell whether one character can be shown without side effects."""
    return unicodedata.category(character) not in _UNPRINTABLE


def printable(text: str, limit: int = 200) -> str:
    """Return `text` as one line that is safe to print.

    White space becomes a space, every other unprintable character U+FFFD. A text longer than `limit` characters ends in
    an ellipsis. A text that piles up marks loses all of them.
    """
    is_cut = len(text) > limit
    text = text[: limit - 1] if is_cut else text
    if text.isascii() and text.isprintable():  # nearly always; the rest is slow, and anybody may ask for it
        return f"{text}…" if is_cut else text
    if piles_marks(text):
        text = "".join(c for c in text if unicodedata.category(c) not in _MARKS)
    shown = "".join(c if is_printable(c) else " " if c.isspace() else "\N{REPLACEMENT CHARACTER}" for c in text)
    return f"{shown}…" if is_cut else shown
