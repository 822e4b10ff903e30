"""Amounts of bytes as the screen shows them: short, and of a bounded width. Pure."""

_UNITS = ("kB", "MB", "GB", "TB", "PB")


def size(count: float) -> str:
    """Return a number of bytes in at most 6 characters, in powers of 1000: ``999 B``, ``1.2 kB``, ``340 MB``."""
    if count < 999.5:
        return f"{count:.0f} B"
    for unit in _UNITS:
        count /= 1000
        if count < 9.95:
            return f"{count:.1f} {unit}"
        if count < 999.5:
            return f"{count:.0f} {unit}"
    return "999 PB"


def rate(bytes_a_second: float) -> str:
    """Return bytes a second in at most 8 characters: ``340 kB/s``."""
    return f"{size(bytes_a_second)}/s"
