"""Texts on how much input waits for a shell: a few keys are counted, more are given in bytes. Pure."""

# Why: docs/decisions/055-typing-out-of-reach.md

import re
from collections.abc import Sequence
from typing import TypeAlias

#: Input in pieces, which may be large.
Pieces: TypeAlias = Sequence[bytes | bytearray | memoryview]

#: From so many bytes on it is probably a paste, and is given in bytes.
_FEW_BYTES = 1000
#: A terminal's input, one match for each piece; the group `key` or `character` is one key press. Mouse, focus, answers
#: to the application's questions, and the brackets of a paste are not key presses.
_PIECES = re.compile(
    rb"""
      \x1b\[M...                                              # mouse, in the oldest encoding
    | \x1b\[20[01]~                                           # around a paste
    | (?P<key> \x1b\x1b?(?: \[[0-9;:]*[A-HP-SZ~u] | O[ -~] )  # named keys, with alt in some terminals
    )
    | \x1b\[[0-?]*[ -/]*[@-~]                                 # mouse, focus, answers
    | \x1b[\]P_^X].*?(?:\x07|\x1b\\)                          # longer answers
    | (?P<character> \x1b?(?: [\xc0-\xff][\x80-\xbf]* | . ))  # a character, with alt perhaps
    """,
    re.VERBOSE | re.DOTALL,
)


def keys(data: bytes) -> int:
    """Return the number of key presses in a terminal's input."""
    return sum(match["key"] is not None or match["character"] is not None for match in _PIECES.finditer(data))


def amount(pieces: Pieces, more: int = 0) -> str:
    """Return the amount of typed input, empty for none: ``1 key``, ``14 keys``, ``2 KB``, ``1.5 MB``.

    Args:
        pieces: the input.
        more: keys to add.
    """
    size = sum(map(len, pieces)) + more
    if size >= 1_000_000:
        return f"{size / 1e6:.1f} MB"
    if size >= _FEW_BYTES:
        return f"{size / 1000:.0f} KB"
    count = keys(b"".join(pieces)) + more
    return f"{count} key{'' if count == 1 else 's'}" if count else ""


def waits(pieces: Pieces) -> str:
    """Return how much input waits, empty for none: ``1 key waits``, ``14 keys wait``, ``2 KB wait``."""
    what = amount(pieces)
    return f"{what} {'waits' if what == '1 key' else 'wait'}" if what else ""


def on_their_way(pieces: Pieces) -> str:
    """Return how much input is on its way: ``1 key is on its way``, ``2 KB are on their way``."""
    what = amount(pieces) or "input"
    return f"{what} is on its way" if what in {"1 key", "input"} else f"{what} are on their way"
