"""How long one client is held up by another that does not keep up.

A client whose messages another one does not take is read no further until that one has drained (`connection`): nothing
is lost, but all its other links wait as well. Until links have credit of their own, this bounds the wait: what counts
are whole ticks without a pause, so that who is slow but steady costs nobody a link.
"""

# Why: docs/decisions/005-patience-with-plain-links.md

from collections.abc import Collection
from typing import Generic, TypeVar

#: Held for so many seconds more than not, a client's patience with another one ends. A person gives up on a frozen
#: terminal about then; a dead line is noticed earlier (SILENCE_V2), so this is about those that live.
PATIENCE_SECONDS = 20.0

Who = TypeVar("Who")


class Patience(Generic[Who]):
    """What one client has waited for each of the others: seconds held, less the seconds not held since."""

    def __init__(self) -> None:
        self._seconds: dict[Who, float] = {}

    def __len__(self) -> int:
        """Return with how many others it lost some patience."""
        return len(self._seconds)

    def tick(self, holders: Collection[Who], passed: float) -> list[Who]:
        """Let time pass; return for whom this client has waited too long.

        Who is returned stays at the limit: held again, it is returned at the next tick.

        Args:
            holders: for whom the client has waited during all of this tick.
            passed: seconds.
        """
        if not holders and not self._seconds:
            return []
        for who in [who for who in self._seconds if who not in holders]:
            rest = self._seconds[who] - passed
            if rest > 0:
                self._seconds[who] = rest
            else:
                del self._seconds[who]
        for who in holders:
            self._seconds[who] = min(self._seconds.get(who, 0.0) + passed, PATIENCE_SECONDS)
        return [who for who in holders if self._seconds[who] >= PATIENCE_SECONDS]
