"""The largest paste, and the words for one that is larger. Pure."""

# Why: docs/decisions/081-a-paste-is-taken-whole.md

#: The largest paste in bytes of UTF-8; for a file there are better ways.
MOST_BYTES = 64 * 1024 * 1024


def size_of(text: str) -> int:
    """Return a text's bytes in UTF-8."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))


def refusal(size: int, given: int, *, is_whole: bool) -> str:
    """Return the words for a paste that is refused.

    Args:
        size: its bytes so far.
        given: bytes of it that were given on before: it had stood still.
        is_whole: whether it has ended.
    """
    what = f"paste of {_mb(size)} refused" if is_whole else "this paste is refused"
    typed = f"its first {_mb(given)} were typed" if given else "nothing of it was typed"
    return f"{what}: at most {MOST_BYTES / 1e6:.0f} MB can be pasted; {typed}"


def _mb(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
