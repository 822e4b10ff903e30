"""Finds an application's requests for the user's clipboard (OSC 52) in its output. Pure.

libghostty-vt reports OSC 52 too, but not all names of selections, and no requests for several of them.
"""

# Why: docs/decisions/050-clipboard-off.md

import base64
import binascii
import re
from dataclasses import dataclass

#: The most bytes of one text; longer ones are dropped, so that a hostile remote costs no memory.
CLIPBOARD_LIMIT = 256 * 1024
#: The most texts that wait to be taken; the oldest ones are dropped.
MOST_CLIPS = 16
#: xterm's names of selections: clipboard, primary, secondary, "select", and cut buffers.
_SELECTIONS = "cpqs01234567"
_START = b"\x1b]52;"
#: What ends a system command: BEL, or an ESC, that of ST or any other; CAN and SUB abort it.
_END = re.compile(rb"[\x07\x1b\x18\x1a]")
_MOST_BYTES = len(_SELECTIONS) + 1 + (CLIPBOARD_LIMIT + 2) // 3 * 4


@dataclass(frozen=True, slots=True)
class Clip:
    """A text for the user's clipboard.

    Attributes:
        selection: where it should go: one or more of xterm's names; empty: the user's terminal chooses.
        text: the text.
    """

    selection: str
    text: str


def parse(argument: str) -> Clip | None:
    """Return what the argument of an OSC 52 (``c;aGk=``) asks for, None if it is invalid or only a query."""
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
    """Finds OSC 52 in a stream of output, in chunks of any size. It holds at most one text of the largest size."""

    def __init__(self) -> None:
        self._tail = b""  # possibly the start of a command
        self._content: bytearray | None = None  # the content of the unfinished command

    def feed(self, data: bytes) -> list[Clip]:
        """Return the requests that end in these bytes, in order."""
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
                # ESC ends any sequence before it, so a command begins here in any context.
                at = start + len(_START)
                self._content = bytearray()
            else:
                self._tail = _beginning(data[at:])
                break
        return found

    def _read(self, content: bytearray, data: bytes, at: int, found: list[Clip]) -> int:
        """Continue the command; return the position after what was read."""
        match = _END.search(data, at)
        end = match.start() if match else len(data)
        if len(content) <= _MOST_BYTES:  # beyond that it is too long, whatever follows
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
    """Return the end of the bytes if a command may have begun in it."""
    return next((data[-size:] for size in range(len(_START) - 1, 0, -1) if data.endswith(_START[:size])), b"")
