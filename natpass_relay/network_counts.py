"""Networks by how they have behaved and how many of a room's places they take; the worst is found at once."""

from collections.abc import Callable, Hashable
from enum import IntEnum
from typing import Generic, TypeVar

Item = TypeVar("Item", bound=Hashable)


class NetworkRank(IntEnum):
    """How a network stands; whoever has a higher number goes first."""

    KNOWN = 0  # clients have logged in from it lately, and it has no more visitors than that explains
    STRANGE = 1
    BAD = 2  # penalised, or takes more than its share


class Bag(Generic[Item]):
    """Things of which any can be taken, each in O(1)."""

    def __init__(self) -> None:
        self._items: list[Item] = []
        self._places: dict[Item, int] = {}

    def __len__(self) -> int:
        return len(self._items)

    def add(self, item: Item) -> None:
        """Add a thing that is not there."""
        self._places[item] = len(self._items)
        self._items.append(item)

    def remove(self, item: Item) -> None:
        """Remove a thing that is there."""
        place, last = self._places.pop(item), self._items.pop()
        if last is not item and last != item:
            self._items[place] = last
            self._places[last] = place

    def pick(self, random: float) -> Item:
        """Return one; `random` is uniform in [0, 1)."""
        return self._items[int(random * len(self._items))]


class NetworkCounts:
    """The networks of one room. `now` is in seconds of one monotonic clock.

    Args:
        rank: says how a network stands with so many visitors, now.
        random: returns numbers that are uniform in [0, 1).
    """

    def __init__(self, rank: Callable[[str, int, float], NetworkRank], random: Callable[[], float]) -> None:
        self._rank = rank
        self._random = random
        self._places: dict[str, tuple[NetworkRank, int]] = {}
        self._cells: tuple[dict[int, Bag[str]], ...] = tuple({} for _ in NetworkRank)
        self._largest = [0 for _ in NetworkRank]

    def count(self, network: str) -> int:
        """Return how many visitors a network has."""
        place = self._places.get(network)
        return place[1] if place is not None else 0

    def change(self, network: str, by: int, now: float) -> None:
        """Record that a network has so many visitors more; with 0, look again how it stands."""
        count = self.count(network) + by
        self._take_out(network)
        if count > 0:
            self._put(network, self._rank(network, count, now), count)

    def worst(self, now: float) -> tuple[str, NetworkRank] | None:
        """Return a network of those that stand worst, and of these one with the most visitors; None if there is none.

        A penalty that has ended meanwhile is found out here. One that has begun is told by `change`.
        """
        for rank in reversed(NetworkRank):
            cells = self._cells[rank]
            while cells:
                count = self._largest[rank]
                if count not in cells:
                    self._largest[rank] -= 1
                    continue
                network = cells[count].pick(self._random())
                stands = self._rank(network, count, now)
                if stands == rank:
                    return network, rank
                self._take_out(network)
                self._put(network, stands, count)
                if stands > rank:
                    return self.worst(now)
        return None

    def _put(self, network: str, rank: NetworkRank, count: int) -> None:
        self._places[network] = (rank, count)
        self._cells[rank].setdefault(count, Bag()).add(network)
        self._largest[rank] = max(self._largest[rank], count)

    def _take_out(self, network: str) -> None:
        place = self._places.pop(network, None)
        if place is None:
            return
        rank, count = place
        cell = self._cells[rank][count]
        cell.remove(network)
        if not cell:
            del self._cells[rank][count]
