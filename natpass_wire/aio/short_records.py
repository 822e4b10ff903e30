"""How TLS records are cut, so that on a slow line the first bytes need not wait for a long record.

A TLS record can't be used before it is complete. One of 16 KiB takes 0.8 s on a line of 20 KB/s, and its content is
acknowledged all at once, so that the line is idle for a round trip. So the first bytes of each second are sent in
records that fit a TCP segment. On a fast line longer records follow, which cost least.
"""

# Why: docs/decisions/022-short-tls-records.md

from dataclasses import dataclass

#: Bytes of content: 1492 of a segment over PPPoE, less 40 of IPv6, 32 of TCP (RFC 7323), 22 of TLS 1.3 (RFC 8446 §5.2).
SHORT_RECORD = 1398
#: How many bytes of each second are sent in short records; those that are written in so small pieces do not count.
SHORT_RECORDS_BYTES = 128 * 1024


@dataclass(slots=True)
class ShortRecords:
    """The budget of one connection for short records. Times are seconds of one monotonic clock."""

    _left: int = 0
    _until: float = 0.0

    def take(self, size: int, now: float) -> int:
        """Return how many of the next `size` bytes to send in records of `SHORT_RECORD`; the rest goes in long ones."""
        if now >= self._until:
            self._until, self._left = now + 1.0, SHORT_RECORDS_BYTES
        short = min(size, self._left)
        self._left -= short
        return short
