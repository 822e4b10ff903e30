"""What the relay remembers of clients by id, in bounded number. No I/O.

Ids cost nothing, so they are shared by network: where there is no more room, the oldest of the network with the most is
forgotten. Whoever logs in with ever new ids forgets its own.
"""

# Why: docs/decisions/084-budgets-are-shared-by-network.md

from collections import Counter
from collections.abc import Hashable
from typing import Generic, TypeVar

from natpass_relay.sources import Source

Key = TypeVar("Key", bound=Hashable)


class SharedTable(Generic[Key]):
    """Keys, each of a network. To forget one takes as long as to look at all.

    Args:
        most: how many there may be.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._sources: dict[Key, Source] = {}  # the oldest first
        self._wide: Counter[str] = Counter()
        self._narrow: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._sources)

    def get(self, key: Key) -> Source | None:
        """Return the network of a key, None if it is not here."""
        return self._sources.get(key)

    def put(self, key: Key, source: Source) -> Key | None:
        """Add a key as the newest, or move it there; return the key that is forgotten for it, None if there is room."""
        self.remove(key)
        self._sources[key] = source
        self._wide[source.wide] += 1
        self._narrow[source.narrow] += 1
        if len(self._sources) <= self._most:
            return None
        forgotten = self._least_worth()
        self.remove(forgotten)
        return forgotten

    def remove(self, key: Key) -> None:
        """Forget a key; no-op if it is not here."""
        if (source := self._sources.pop(key, None)) is None:
            return
        for counter, network in ((self._wide, source.wide), (self._narrow, source.narrow)):
            counter[network] -= 1
            if not counter[network]:
                del counter[network]

    def _least_worth(self) -> Key:
        """Return the oldest key of the /64 with the most in the network with the most."""
        most = max(self._wide.values())
        wide = next(source.wide for source in self._sources.values() if self._wide[source.wide] == most)
        inside = [(key, source.narrow) for key, source in self._sources.items() if source.wide == wide]
        most = max(self._narrow[narrow] for _, narrow in inside)
        return next(key for key, narrow in inside if self._narrow[narrow] == most)
