"""Who listens where: a console that was killed leaves its listeners to the next one of the same key."""

# Why: docs/decisions/098-a-killed-consoles-listeners.md

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from typing import Protocol, TypeVar

from natpass_agent.links.forward.places import Place
from natpass_agent.links.who import who_of
from natpass_agent.targets.reasons import RefusedError
from natpass_wire.aio.link import Link
from natpass_wire.channels.events import Endpoint
from natpass_wire.identity.patterns import IpAddress
from natpass_wire.pb.forward_pb2 import ChannelRefused

log = logging.getLogger(__name__)

#: Times that a place is tried again once its listener was told to close, and seconds between two: a socket of datagrams
#: closes a turn or two of the loop later.
_TRIES, _PAUSE_SECONDS = 100, 0.01
T = TypeVar("T")


class Claim(Protocol):
    """An open listener, see `natpass_agent.links.forward.listeners.OpenListener`."""

    @property
    def link(self) -> Link:
        """The link that it is in."""

    @property
    def places(self) -> Sequence[Place]:
        """Where it listens."""

    @property
    def is_udp(self) -> bool:
        """Whether it takes datagrams."""

    def close(self, reason: str) -> None:
        """Stop listening."""


class ListenClaims:
    """The open listeners of all links of an agent."""

    def __init__(self) -> None:
        self._open: set[Claim] = set()

    def add(self, listener: "Claim") -> None:
        """Add a listener that is open."""
        self._open.add(listener)

    def remove(self, listener: "Claim") -> None:
        """Remove one that is closed. No-op if it is not there."""
        self._open.discard(listener)

    async def bind(
        self,
        bind: Callable[[], T],
        link: Link,
        address: Endpoint,
        ips: Collection[IpAddress] = (),
        path: str = "",
    ) -> T:
        """Return what `bind` returns, for which a listener of the same key may have to go, if its console is away.

        Args:
            bind: binds the place; raises RefusedError if it can't.
            link: the link whose console asks.
            address: what it asks for.
            ips: the addresses that this means.
            path: or the path without links.

        Raises:
            RefusedError: as `bind` does; somebody else's listener is named.
        """
        has_closed = False
        for _ in range(_TRIES):
            try:
                return bind()
            except RefusedError as error:
                holder = self._holder(address, ips, path)
                if error.reason != ChannelRefused.IN_USE or (holder is None and not has_closed):
                    raise
                if holder is not None:
                    _take_over(holder, link, str(error))
                    has_closed = True
                    continue
            await asyncio.sleep(_PAUSE_SECONDS)
        return bind()

    def _holder(self, address: Endpoint, ips: Collection[IpAddress], path: str) -> "Claim | None":
        for listener in self._open:
            for place in listener.places:
                if path or place.path:
                    if place.path == path:
                        return listener
                elif (place.port, listener.is_udp) == (address.port, address.datagrams) and any(
                    ip.version == place.ip.version and (ip == place.ip or ip.is_unspecified or place.ip.is_unspecified)
                    for ip in ips
                ):
                    return listener
        return None


def _take_over(holder: "Claim", link: Link, what: str) -> None:
    """Close a listener for a console. Raises RefusedError: it is not for this one."""
    who = who_of(holder.link)
    if holder.link.peer_key is None or holder.link.peer_key != link.peer_key:
        raise RefusedError(ChannelRefused.IN_USE, f"in use by {who}, whose link natpass-agent end there ends: {what}")
    if holder.link.detached is None:
        text = f"in use by {who}, your own key, which is connected; natpass-agent end there ends its link: {what}"
        raise RefusedError(ChannelRefused.IN_USE, text)
    places = ", ".join(map(str, holder.places))
    log.info("no longer listening at %s for %s, which is out of reach: %s takes it over", places, who, who_of(link))
    holder.close("another console of the same key listens there now")
