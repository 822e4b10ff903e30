"""The links of a tab of forwards: the tab opens them, and `Forwards` carries connections in them."""

# Why: docs/decisions/091-a-tab-of-forwards-has-one-link.md

import asyncio
from collections.abc import Callable

from natpass_tui.model.relay_port import LinkSource
from natpass_wire.aio.link import Link
from natpass_wire.pb.link_pb2 import ConnectRequest


class HandedLinks(LinkSource):
    """A source of links that are open already.

    Args:
        relay: where the tab opens them.
    """

    def __init__(self, relay: LinkSource) -> None:
        self._relay = relay
        self._link: Link | None = None
        self._handed = asyncio.Event()

    @property
    def is_online(self) -> bool:
        """Whether we are logged in."""
        return self._relay.is_online

    @property
    def clock(self) -> Callable[[], float]:
        """The time in Unix seconds."""
        return self._relay.clock

    def hand(self, link: Link) -> None:
        """Let `open_link` return this link, once."""
        self._link = link
        self._handed.set()

    async def open_link(self, peer: str, request: ConnectRequest) -> Link:
        """Return the tab's next link, once it is open; the tab has made the request."""
        while (link := self._link) is None or link.end is not None:
            self._handed.clear()
            await self._handed.wait()
        self._link = None
        return link
