"""Token buckets by key, in a table of bounded size. Pure."""

from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)


class TokenBuckets(Generic[Key]):
    """A bucket for each key: full at first, refilled at a steady rate. `now` is in seconds of one monotonic clock.

    A full table forgets only buckets that are full again, so that nobody gets a new one by filling the table. While
    there is none to forget, all further keys share one bucket.

    Args:
        rate: tokens a second.
        burst: tokens of a full bucket.
        most: how many buckets are remembered.
    """

    def __init__(self, rate: float, burst: float, most: int) -> None:
        self._rate = rate
        self._burst = burst
        self._most = most
        self._buckets: dict[Key, tuple[float, float]] = {}  # tokens at a time; the least recently used first
        self._shared = (burst, 0.0)

    def __len__(self) -> int:
        """Return how many buckets are remembered."""
        return len(self._buckets)

    def level(self, key: Key, now: float) -> float:
        """Return how many tokens a key has."""
        bucket = self._buckets.get(key)
        if bucket is None:
            return self._burst if self._has_place(now) else self._filled(self._shared, now)
        return self._filled(bucket, now)

    def take(self, key: Key, now: float, tokens: float = 1.0) -> bool:
        """Take tokens; return False, and take none, if there are too few."""
        level = self.level(key, now)
        taken = level >= tokens
        bucket = (level - tokens if taken else level, now)
        if key in self._buckets:
            del self._buckets[key]
        elif not self._has_place(now):
            self._shared = bucket
            return taken
        elif len(self._buckets) >= self._most:
            del self._buckets[next(iter(self._buckets))]
        self._buckets[key] = bucket
        return taken

    def _has_place(self, now: float) -> bool:
        """Tell whether another bucket may be remembered: there is room, or the oldest is full again."""
        if len(self._buckets) < self._most:
            return True
        return self._filled(self._buckets[next(iter(self._buckets))], now) >= self._burst

    def _filled(self, bucket: tuple[float, float], now: float) -> float:
        tokens, since = bucket
        return min(self._burst, tokens + max(0.0, now - since) * self._rate)
