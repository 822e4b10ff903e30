"""Whose record a connection sends next: start-time fair queueing (Goyal, Vin, Cheng, 1996).

Each waiting party has a tag: how much it has had, in bytes, on a clock that all share. The smallest tag goes next. Who
comes back after a pause starts at the clock's present time, which is before everybody who was served meanwhile: a key
press goes before a bulk transfer, and two bulk transfers share evenly.
"""

import heapq
from typing import Generic, TypeVar

Who = TypeVar("Who")


class Turns(Generic[Who]):
    """Who waits to send, and whose turn it is. Whoever is in it is told apart by identity."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Who]] = []
        self._waiting: dict[Who, int] = {}  # and the number of its entry in the heap
        self._tags: dict[Who, int] = {}
        self._now = 0
        self._entries = 0

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._waiting)

    def wake(self, who: Who) -> None:
        """Take note that `who` has something to send."""
        if who in self._waiting:
            return
        self._entries += 1
        self._waiting[who] = self._entries
        heapq.heappush(self._heap, (max(self._tags.get(who, 0), self._now), self._entries, who))

    def take(self) -> Who | None:
        """Return whose turn it is, None if nobody waits. It waits no more: `wake` it if it has more to send."""
        while self._heap:
            tag, entry, who = heapq.heappop(self._heap)
            if self._waiting.get(who) == entry:
                del self._waiting[who]
                self._now = tag
                return who
        return None

    def sent(self, who: Who, size: int) -> None:
        """Take note that `who`, whose turn it was, has sent `size` bytes."""
        self._tags[who] = self._now + size

    def forget(self, who: Who) -> None:
        """Take `who` out."""
        self._waiting.pop(who, None)
        self._tags.pop(who, None)
