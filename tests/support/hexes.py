"""Bytes written by hand: hex digits with comments after `#`, and text in single quotes."""

import re
import zlib
from struct import pack

_TEXT_OR_HEX = re.compile(r"'([^']*)'|([0-9a-fA-F]{2})|(\s+)|(.)")


def unhex(annotated: str) -> bytes:
    """Return the bytes that `annotated` stands for: `0a 01 'A'  # field 1, a string`.

    Raises:
        ValueError: it holds something else.
    """
    found = bytearray()
    for line in annotated.splitlines():
        for text, digits, _blank, other in _TEXT_OR_HEX.findall(line.split("#", 1)[0]):
            if other:
                raise ValueError(f"{other!r} in {line!r}")
            found += text.encode() if text else bytes.fromhex(digits)
    return bytes(found)


def frame_of(payload: bytes) -> bytes:
    """Return the frame of `payload`, written from docs/wire.md §1 alone."""
    return pack(">HI", len(payload), zlib.crc32(payload)) + payload
