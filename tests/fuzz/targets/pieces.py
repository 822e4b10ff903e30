"""Cuts an input into pieces, and into numbers."""

from collections.abc import Iterator


def pieces(data: bytes) -> Iterator[bytes]:
    """Yield pieces, each after its length: two bytes, big-endian; the last one may be shorter."""
    at = 0
    while at + 2 <= len(data):
        end = at + 2 + int.from_bytes(data[at : at + 2], "big")
        yield data[at + 2 : end]
        at = end


def joined(*parts: bytes) -> bytes:
    """Return the input whose pieces these are."""
    return b"".join(len(part).to_bytes(2, "big") + part for part in parts)
