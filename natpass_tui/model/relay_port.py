"""What the model needs of a connection to a relay; `natpass_wire.aio.client.RelayClient` has it, tests fake it."""

from collections.abc import Callable
from typing import Protocol

from natpass_wire.aio.client import RelayStatus
from natpass_wire.aio.link import Link
from natpass_wire.pb.link_pb2 import ConnectRequest


class LinkOpener(Protocol):
    """Who opens links for tabs."""

    @property
    def is_online(self) -> bool:
        """Whether we are logged in."""
        ...

    @property
    def clock(self) -> Callable[[], float]:
        """The time in Unix seconds."""
        ...

    @property
    def unanswered(self) -> float:
        """Seconds for which the relay has not answered, 0 while there is nothing to say of it."""
        ...

    def shows_life(self, agent: str, seconds: float) -> bool | None:
        """Tell whether an agent is there, and was for so many seconds; have the relay ask it. None: no telling."""
        ...

    def relay_line(self) -> str:
        """Return one line on how we stand with the relay."""
        ...

    def news_of(self, peer: str) -> str:
        """Return, once, what a person should know of having met an agent: lines that are safe to print, or none."""
        ...

    async def open_link(self, peer: str, request: ConnectRequest) -> Link:
        """Open a link. Raises LinkEndedError."""
        ...


class ClientPort(Protocol):
    """A standing connection to a relay, see `natpass_wire.aio.client.RelayClient`."""

    status: RelayStatus

    @property
    def round_trip(self) -> float | None:
        """Seconds to the relay and back, None until measured."""
        ...

    async def run(self) -> None:
        """Stay logged in until cancelled."""

    async def open_link(self, peer: str, request: ConnectRequest, *, plain: bool = False) -> Link:
        """Open a link on the present connection, as existing natpass programs do if `plain`. Raises LinkEndedError."""
        ...

    def retry_links(self, peer: str) -> None:
        """Take note that `peer` is there (again): links to it that wait go on at once."""

    async def settled(self, seconds: float) -> None:
        """Wait until the ends of our links are acknowledged, but no longer than so many seconds."""

    async def online(self) -> object:
        """Wait until logged in; who waits makes the attempts more frequent."""
        ...

    def retry_now(self) -> None:
        """Make the next attempt at once."""
