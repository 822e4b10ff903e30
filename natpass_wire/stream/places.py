"""Places: how many links there may be, shared fairly between their owners. Pure.

An owner is a path: a listed key by itself, `(("key", KEY),)`, or `("unlisted", ORIGIN, CLIENT_ID)`. At each step the
siblings that hold or ask for a place have equal shares. An owner may hold more than its share while places are free.
When they are not, an owner below its share takes one from the largest holder, which always holds more than its own.
"""

# Why: docs/decisions/071-places-by-proved-key.md

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Generic, TypeVar

#: Who pays for a link: each element belongs to the one before it.
Owner = tuple[Hashable, ...]

Who = TypeVar("Who", bound=Hashable)


def listed(key: bytes) -> Owner:
    """Return the owner of the links of a key that the target knows by name."""
    return (("key", key),)


def unlisted(origin: bytes, client_id: str) -> Owner:
    """Return the owner of the links of any other client: all of them share one part of the places.

    Args:
        origin: the relay's name for its network; empty if the relay gives none.
        client_id: its id, which it can choose; a connection to the relay has only one.
    """
    return ("unlisted", origin, client_id)


class EvictionClass(IntEnum):
    """What would be lost with a link; the lowest goes first."""

    ENDING = 0  # it has ended, and frees its place soon
    CLOSING = 1  # its end waits for an acknowledgement
    AWAY = 2  # its opener is out of reach
    ACTIVE = 3


@dataclass(frozen=True, slots=True, order=True)
class Rank:
    """A link's place in the order of eviction: the lowest goes first.

    Attributes:
        eviction_class: what would be lost.
        order: decides among equals, such as the time since which it is away.
    """

    eviction_class: EvictionClass
    order: float = 0.0


@dataclass(frozen=True, slots=True)
class PlaceAnswer(Generic[Who]):
    """The answer to an owner that asks for a place.

    Attributes:
        granted: whether it gets one.
        victim: the link that has to give up its place for it, None if one was free.
    """

    granted: bool
    victim: Who | None = None


@dataclass(slots=True)
class _Node(Generic[Who]):
    """One element of the owners' paths, with all that is below it."""

    count: int = 0
    children: dict[Hashable, "_Node[Who]"] = field(default_factory=dict)
    links: dict[Who, None] = field(default_factory=dict)

    def largest(self, but: Hashable = None) -> "_Node[Who] | None":
        """Return the child with most places, other than `but`."""
        others = (child for name, child in self.children.items() if name != but)
        return max(others, key=lambda child: child.count, default=None)

    def all_links(self) -> list[Who]:
        """Return the links of this node and of all below it."""
        found = list(self.links)
        for child in self.children.values():
            found += child.all_links()
        return found


class Places(Generic[Who]):
    """Places for links, by owner. All owners have paths of which none is the beginning of another.

    Args:
        most: how many places there are.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._root: _Node[Who] = _Node()
        self._owners: dict[Who, Owner] = {}

    def __len__(self) -> int:
        return len(self._owners)

    def __contains__(self, who: object) -> bool:
        return who in self._owners

    def held(self, owner: Owner) -> int:
        """Return how many places an owner has; for the beginning of a path, all owners below it together."""
        node: _Node[Who] | None = self._root
        for name in owner:
            node = node.children.get(name) if node is not None else None
        return 0 if node is None else node.count

    def links_of(self, owner: Owner) -> list[Who]:
        """Return the links of an owner, oldest first."""
        return [who for who, its_owner in self._owners.items() if its_owner == owner]

    def take(self, who: Who, owner: Owner) -> None:
        """Give a link a place. The caller has asked for `room`, and the victim has given up its place."""
        self.give_back(who)
        self._owners[who] = owner
        node = self._root
        node.count += 1
        for name in owner:
            node = node.children.setdefault(name, _Node())
            node.count += 1
        node.links[who] = None

    def give_back(self, who: Who) -> None:
        """Free a link's place. No-op if it has none."""
        owner = self._owners.pop(who, None)
        if owner is None:
            return
        node = self._root
        node.count -= 1
        for name in owner:
            parent, node = node, node.children[name]
            node.count -= 1
            if not node.count:
                del parent.children[name]
        node.links.pop(who, None)

    def room(self, owner: Owner, rank: Callable[[Who], Rank]) -> PlaceAnswer[Who]:
        """Return whether an owner gets another place, and whose.

        An owner at its share gets one of its own that is away. Where owners outnumber the places, nobody has a share:
        then one without any place gets one that nobody uses.

        Args:
            owner: who asks.
            rank: returns what would be lost with a link.
        """
        if len(self) < self.most:
            return PlaceAnswer(granted=True)
        node, places = self._root, self.most
        for name in owner:
            child = node.children.get(name)
            share = places // (len(node.children) + (child is None))
            if (0 if child is None else child.count) < share:
                return _evicted_from(node.largest(but=name), rank)
            if child is None:
                return _idle(node.all_links(), rank, EvictionClass.ENDING)
            node, places = child, child.count
        return _idle(node.links, rank, EvictionClass.AWAY)


def _evicted_from(node: _Node[Who] | None, rank: Callable[[Who], Rank]) -> PlaceAnswer[Who]:
    """Return the first to go of the largest holder below a node."""
    while node is not None and node.children:
        node = node.largest()
    if node is None or not node.links:
        return PlaceAnswer(granted=False)
    return PlaceAnswer(granted=True, victim=min(node.links, key=rank))


def _idle(links: "dict[Who, None] | list[Who]", rank: Callable[[Who], Rank], least: EvictionClass) -> PlaceAnswer[Who]:
    """Return the first to go of links that nobody uses: from `least` to AWAY."""
    ranked = [(rank(link), link) for link in links]
    idle = [(found, link) for found, link in ranked if least <= found.eviction_class <= EvictionClass.AWAY]
    if not idle:
        return PlaceAnswer(granted=False)
    return PlaceAnswer(granted=True, victim=min(idle, key=lambda pair: pair[0])[1])
