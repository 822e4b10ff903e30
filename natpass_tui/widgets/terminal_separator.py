"""Lines of our own between the output of two applications."""

from rich.cells import cell_len

from natpass_tui.terminal.cells import printable
from natpass_tui.widgets.cells import wrap

#: Ends what the last application left: an unfinished sequence, the alternate screen, mouse and key modes.
#:
#: It saves the cursor first: leaving the alternate screen restores the cursor even if that screen was not shown.
_FORGET_APPLICATION = (
    b"\x18\x1b\\\x1b7\x1b[?1049l\x1b[!p\x1b[?9;1000;1002;1003;1004;1005;1006;1015;1016;2004;2026l\x1b[=0;1u\x1b[0 q"
)


def separator(text: str, cols: int) -> bytes:
    """Return the bytes that make an engine of `cols` columns show `text` in dim lines and reset its modes."""
    room = max(1, cols - cell_len("──  ──"))
    wrapped = (wrap(printable(line), room) for line in text.splitlines())
    lines = "\r\n".join("── " + "\r\n   ".join(parts) + " ──" for parts in wrapped)
    return _FORGET_APPLICATION + f"\r\n\x1b[J\x1b[2m{lines}\x1b[0m\r\n".encode()
