"""The places for an agent's links, by kind and owner. Pure."""

# Why: docs/decisions/071-places-by-proved-key.md

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from natpass_agent.links.kind import Kind
from natpass_agent.policy import MAX_LINKS, Refusal
from natpass_wire.pb.link_pb2 import ConnectResponse
from natpass_wire.stream.places import EvictionClass, Owner, Places, Rank

Who = TypeVar("Who")


class LinkPlaces(Generic[Who]):
    """The places of links with a process, which all such kinds share, and those of kinds with a number of their own.

    Args:
        kinds: the link kinds that are served.
        max_links: how many links with a process there may be, at least 1.
    """

    def __init__(self, kinds: Iterable[Kind], max_links: int = MAX_LINKS) -> None:
        self._shared: Places[Who] = Places(max_links)
        most = {kind: kind.limits.places for kind in kinds}
        self._of_kind: dict[Kind, Places[Who]] = {
            kind: Places(max_links if places is None else places) for kind, places in most.items()
        }

    def ask(self, kind: Kind, owner: Owner, rank: Callable[[Who], Rank]) -> Refusal | list[Who]:
        """Return the links that have to go for another link, or why there can't be another.

        Args:
            kind: the kind of the link.
            owner: to whom it is counted.
            rank: returns what would be lost with a link.
        """
        own = self._of_kind[kind]
        most = kind.limits.places_of_key
        if most is not None:
            classes = [rank(link).eviction_class for link in own.links_of(owner)]
            going = classes.count(EvictionClass.ENDING)
            # Who closes one may open another at once. But each has a process until that has ended.
            if len(classes) - going >= most or going >= most:
                text = f"you have {len(classes)} {kind.wire_name} links to this agent already"
                return Refusal(text, ConnectResponse.REFUSED)
        room = own.room(owner, rank)
        if not room.granted:
            return _full(own, owner, f"{kind.wire_name} links")
        victims = [] if room.victim is None else [room.victim]
        if not kind.limits.holds_process or victims:  # a victim of this kind frees both places
            return victims
        room = self._shared.room(owner, rank)
        if not room.granted:
            return _full(self._shared, owner, "links")
        return [] if room.victim is None else [room.victim]

    def take(self, link: Who, kind: Kind, owner: Owner) -> None:
        """Give a link its places."""
        self._of_kind[kind].take(link, owner)
        if kind.limits.holds_process:
            self._shared.take(link, owner)

    def give_back(self, link: Who) -> None:
        """Free the places of a link. No-op if it has none."""
        for places in (self._shared, *self._of_kind.values()):
            places.give_back(link)


def _full(places: "Places[Who]", owner: Owner, what: str) -> Refusal:
    text = f"this agent has {len(places)} {what} already, {places.held(owner)} of them yours, and takes no more"
    return Refusal(text, ConnectResponse.REFUSED)
