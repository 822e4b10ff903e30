"""What the model needs of a connection to a relay; `natpass_wire.aio.client.RelayClient` has it, tests fake it."""

from collections.abc import Callable
from typing import Protocol

from natpass_wire.aio.client import RelayStatus
from natpass_wire.aio.link import Detached, Link
from natpass_wire.links import End
from natpass_wire.pb.envelope_pb2 import Msg
from natpass_wire.pb.link_pb2 import ConnectRequest


class LinkPort(Protocol):
    """An open link, see `natpass_wire.aio.link.Link`."""

    @property
    def peer_key(self) -> bytes | None:
        """The agent's static key; None: the link is not sealed, the relay can read and change what it carries."""
        ...

    @property
    def is_plain(self) -> bool:
        """Whether the agent may be an existing natpass program."""
        ...

    @property
    def end(self) -> End | None:
        """Why the link ended, None while it has not."""
        ...

    @property
    def detached(self) -> Detached | None:
        """How it comes that nothing gets through at the moment; None while something does, or if the link has ended."""
        ...

    @property
    def resumes(self) -> int:
        """How many times the link went on over another connection."""
        ...

    @property
    def unacknowledged(self) -> int | None:
        """How many messages the agent is not (known to be) done with; None where nobody tells."""
        ...

    def watch(self, watcher: Callable[[], None]) -> None:
        """Have `watcher` called whenever `detached` changes."""

    async def room(self) -> int:
        """Wait until something can be sent; return how much data to put into one message. Raises LinkEndedError."""
        ...

    async def send(self, message: Msg, *, newest: bool = False) -> None:
        """Send a message; waits while the network is slow, or not there. Raises LinkEndedError."""

    def send_urgent(self, message: Msg) -> bool:
        """Send a small message that overtakes all others; return whether it was taken. Never blocks."""
        ...

    @property
    def has_unread(self) -> bool:
        """Whether `receive` would return at once."""
        ...

    async def receive(self) -> Msg:
        """Return the next message: the one before is done with. Raises LinkEndedError after the last."""
        ...

    async def receive_batch(self) -> list[Msg]:
        """Return the next messages, those that are here: the ones before are done with. Raises as `receive` does."""
        ...

    def close(self) -> None:
        """End the link."""


class LinkOpener(Protocol):
    """Who opens links for tabs."""

    @property
    def is_online(self) -> bool:
        """Whether we are logged in."""
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

    async def open_link(self, peer: str, request: ConnectRequest) -> LinkPort:
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
