"""The interface that the model needs of a relay client; `natpass_wire.aio.client.RelayClient` or a test's fake."""

from collections.abc import Callable
from typing import Protocol

from natpass_wire.aio.client import RelayStatus
from natpass_wire.aio.link import Link
from natpass_wire.pb.link_pb2 import ConnectRequest


class LinkSource(Protocol):
    """The source of an agent's links."""

    @property
    def is_online(self) -> bool:
        """Whether we are logged in."""
        ...

    @property
    def clock(self) -> Callable[[], float]:
        """The time in Unix seconds."""
        ...

    async def open_link(self, peer: str, request: ConnectRequest) -> Link:
        """Open a link. Raises LinkEndedError."""
        ...


class LinkOpener(LinkSource, Protocol):
    """The opener of links for tabs."""

    @property
    def unanswered(self) -> float:
        """Seconds for which the relay has not answered, 0 while that is normal."""
        ...

    def shows_life(self, agent: str, seconds: float) -> bool | None:
        """Have the relay ping an agent; return whether it answered in the last so many seconds, None if unknown."""
        ...

    def relay_line(self) -> str:
        """Return one line on the relay's status."""
        ...

    def news_of(self, peer: str) -> str:
        """Return, once, the lines for the user about a newly met agent; safe to print, "" if there are none."""
        ...


class ClientPort(Protocol):
    """A client that stays connected to a relay, see `natpass_wire.aio.client.RelayClient`."""

    status: RelayStatus

    @property
    def round_trip(self) -> float | None:
        """The round-trip time to the relay in seconds, None until measured."""
        ...

    async def run(self) -> None:
        """Stay logged in until cancelled."""

    async def open_link(self, peer: str, request: ConnectRequest, *, plain: bool = False) -> Link:
        """Open a link on the current connection, as existing natpass programs do if `plain`. Raises LinkEndedError."""
        ...

    def retry_links(self, peer: str) -> None:
        """Note that `peer` is connected (again): waiting links to it resume at once."""

    async def settled(self, seconds: float) -> None:
        """Wait until the ends of our links are acknowledged, at most so many seconds."""

    async def online(self) -> object:
        """Wait until logged in; attempts are more frequent meanwhile."""
        ...

    def retry_now(self) -> None:
        """Make the next attempt at once."""
