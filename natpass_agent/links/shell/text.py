"""Shell output for openers that take text only: each piece is valid UTF-8; without I/O.

np-cli's web terminal makes one websocket text frame of each `shell_data`, and browsers close the connection at a frame
that is not valid UTF-8 by itself (docs/wire.md §5). Our consoles take raw bytes, as terminals do.
"""

import codecs

from natpass_wire.pb.link_pb2 import ConnectShell

#: The first number of our own fields in existing messages.
_OUR_FIELDS = 100
#: Bytes of U+FFFD, which replaces one invalid byte.
_REPLACEMENT_BYTES = 3
#: Bytes of an incomplete character that may wait for the next piece.
_TAIL_BYTES = 3


def wants_text(shell: ConnectShell) -> bool:
    """Tell whether the opener of a shell is an existing program: none of our fields is in its request."""
    return all(field.number < _OUR_FIELDS for field, _ in shell.ListFields())


class TextPieces:
    """Turns output, however it is cut, into pieces of whole characters; invalid bytes become U+FFFD.

    Together the pieces are `output.decode("utf-8", "replace")`.
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    @staticmethod
    def input_for(room: int) -> int:
        """Return how many bytes to feed so that the resulting piece has at most `room` bytes; at least one."""
        return max(1, room // _REPLACEMENT_BYTES - _TAIL_BYTES)

    def feed(self, data: bytes) -> bytes:
        """Return the next piece; empty if `data` is part of a character. `b""` ends the output and flushes."""
        return self._decoder.decode(data, final=not data).encode()
