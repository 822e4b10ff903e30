"""Limits how long a slow client may hold up another one.

When a client does not take another's messages, the relay stops reading from the sender until the slow one has drained
(`connection`): nothing is lost, but all other links of the sender wait as well. This bounds the wait for plain links,
which have no credit. Only whole ticks without a pause count, so that a slow but steady client costs no one a link.
"""

# Why: docs/decisions/005-patience-with-plain-links.md

from collections.abc import Collection
from typing import Generic, TypeVar

#: Seconds held, less those not held since, after which a client's patience with another ends. About then a person
#: gives up on a frozen terminal. Dead lines are noticed earlier (SILENCE_V2), so this concerns live clients.
PATIENCE_SECONDS = 20.0

Who = TypeVar("Who")


class Patience(Generic[Who]):
    """How long one client has waited for each of the others: seconds held, less the seconds not held since."""

    def __init__(self) -> None:
        self._seconds: dict[Who, float] = {}

    def __len__(self) -> int:
        """Return the number of clients that it has waited for."""
        return len(self._seconds)

    def tick(self, holders: Collection[Who], passed: float) -> list[Who]:
        """Advance the clock; return the clients that have held this one up for too long.

        A returned client stays at the limit: if it holds this one again, the next tick returns it again.

        Args:
            holders: the clients that held this one up during all of this tick.
            passed: seconds since the last tick.
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
