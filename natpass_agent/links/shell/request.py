"""Requests of the shell kind; without I/O."""

# Why: docs/decisions/029-default-shell.md

from natpass_agent.links.request import BadRequestError, in_pieces
from natpass_agent.platform.pty import Size
from natpass_wire.pb.link_pb2 import ConnectShell
from natpass_wire.pb.shell_pb2 import ShellResize

#: The size of a terminal until its opener sends one: the classic one, which early terminals could not change.
DEFAULT_SIZE = Size(rows=24, cols=80)
#: The kernel keeps a terminal's size in 16 bits.
_MOST_CELLS = 0xFFFF


def parse_long(data: bytes, announced: ConnectShell) -> ConnectShell:
    """Return the request that came in pieces.

    Args:
        data: its bytes.
        announced: the message that announced it; it has the terminal's size.

    Raises:
        BadRequestError: it is invalid.
    """
    shell = in_pieces(ConnectShell, data)
    if not shell.argv and not shell.exec:  # otherwise it would be the default shell
        raise BadRequestError("which command?")
    shell.rows, shell.cols = announced.rows, announced.cols
    return shell


def size_of(rows: int, cols: int) -> Size | None:
    """Return a terminal's size, None if these numbers (0 for unset) are invalid."""
    return Size(rows, cols) if 1 <= rows <= _MOST_CELLS and 1 <= cols <= _MOST_CELLS else None


def resize_of(message: ShellResize) -> Size | None:
    """Return the size that a `shell_resize` asks for, None if it is invalid."""
    return size_of(message.rows, message.cols)
