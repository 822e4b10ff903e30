"""Whose record a connection sends next: start-time fair queueing (Goyal, Vin, Cheng, 1996).

Each party has a tag: the bytes that it has sent, on a shared clock. The smallest tag goes next. A party that comes back
after a pause starts at the clock's present time, ahead of all that were served meanwhile: a key press goes before a
bulk transfer, and two bulk transfers share evenly.
"""

import heapq
from typing import Generic, TypeVar

Who = TypeVar("Who")


class Turns(Generic[Who]):
    """The parties that wait to send, in their order. They are compared by identity."""

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
        """Record that `who` has something to send."""
        if who in self._waiting:
            return
        self._entries += 1
        self._waiting[who] = self._entries
        heapq.heappush(self._heap, (max(self._tags.get(who, 0), self._now), self._entries, who))

    def take(self) -> Who | None:
        """Remove and return the next party, None if none waits. Call `wake` if it has more to send."""
        while self._heap:
            tag, entry, who = heapq.heappop(self._heap)
            if self._waiting.get(who) == entry:
                del self._waiting[who]
                self._now = tag
                return who
        return None

    def sent(self, who: Who, size: int) -> None:
        """Record that `who`, whose turn it was, has sent `size` bytes."""
        self._tags[who] = self._now + size

    def forget(self, who: Who) -> None:
        """Remove `who`."""
        self._waiting.pop(who, None)
        self._tags.pop(who, None)
