"""What an application asks to put on the user's clipboard: OSC 52, cut out of its output. Pure.

libghostty-vt reports OSC 52 too, but neither the names of all selections nor requests for several of them.
"""

# Why: docs/decisions/050-clipboard-off.md

import base64
import binascii
import re
from dataclasses import dataclass

#: Bytes of text a remote may offer at once; more is dropped (a hostile remote costs no memory).
CLIPBOARD_LIMIT = 256 * 1024
#: Texts that are kept until somebody takes them; of more, the last ones.
MOST_CLIPS = 16
#: xterm's names of selections: clipboard, primary, secondary, "select", and cut buffers.
_SELECTIONS = "cpqs01234567"
_START = b"\x1b]52;"
#: What ends a system command: BEL, and the ESC of ST, or of anything else; CAN and SUB abort it.
_END = re.compile(rb"[\x07\x1b\x18\x1a]")
_MOST_BYTES = len(_SELECTIONS) + 1 + (CLIPBOARD_LIMIT + 2) // 3 * 4


@dataclass(frozen=True, slots=True)
class Clip:
    """A text for the user's clipboard.

    Attributes:
        selection: where it should go: one or more of xterm's names, or empty: where the user's terminal likes it.
        text: the text.
    """

    selection: str
    text: str


def parse(argument: str) -> Clip | None:
    """Return what the argument of an OSC 52 (``c;aGk=``) asks for, None if it makes no sense or only asks."""
    names, _, data = argument.partition(";")
    selection = "".join(dict.fromkeys(name for name in names if name in _SELECTIONS))
    if (names and not selection) or not data or data == "?":
        return None
    try:
        content = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        return None
    return Clip(selection, content.decode("utf-8", "replace")) if 0 < len(content) <= CLIPBOARD_LIMIT else None


class ClipScanner:
    """Finds OSC 52 in a stream of output, however it is cut. Holds at most what one text may have."""

    def __init__(self) -> None:
        self._tail = b""  # the beginning of a command, perhaps
        self._content: bytearray | None = None  # of the command that is being read

    def feed(self, data: bytes) -> list[Clip]:
        """Return what the application asks for in these bytes, and those before them, in order."""
        if self._content is None and not self._tail and b"\x1b" not in data:
            return []
        found: list[Clip] = []
        data = self._tail + data
        self._tail = b""
        at = 0
        while at < len(data):
            if self._content is not None:
                at = self._read(self._content, data, at, found)
            elif (start := data.find(_START, at)) >= 0:
                # ESC ends whatever came before it, so a command begins here wherever these bytes stand.
                at = start + len(_START)
                self._content = bytearray()
            else:
                self._tail = _beginning(data[at:])
                break
        return found

    def _read(self, content: bytearray, data: bytes, at: int, found: list[Clip]) -> int:
        """Read on in the command; return how far."""
        match = _END.search(data, at)
        end = match.start() if match else len(data)
        if len(content) <= _MOST_BYTES:  # beyond that it is too much, whatever follows
            content += data[at : min(end, at + _MOST_BYTES + 1)]
        if match is None:
            return end
        self._content = None
        if match[0] in b"\x07\x1b" and len(content) <= _MOST_BYTES and content.isascii():
            clip = parse(content.decode("ascii"))
            if clip is not None:
                found.append(clip)
        return end if match[0] == b"\x1b" else end + 1


def _beginning(data: bytes) -> bytes:
    """Return the end of some bytes in which a command may have begun."""
    return next((data[-size:] for size in range(len(_START) - 1, 0, -1) if data.endswith(_START[:size])), b"")
