"""One end of a virtual link, as the programs use it: a stream (`stream`), or a plain link (`plain_link`)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from natpass_wire.errors import NatpassError
from natpass_wire.links import End
from natpass_wire.pb.envelope_pb2 import Msg
from natpass_wire.pb.link_pb2 import ConnectResponse, LinkEnd


class LinkEndedError(NatpassError):
    """The link is gone; `end` says why."""

    def __init__(self, end: End) -> None:
        super().__init__(end.text or end.cause)
        self.end = end


@dataclass(frozen=True, slots=True)
class Detached:
    """There is no way to the other end at the moment; the link goes on when there is one.

    Attributes:
        reason: why, for a person, safe to print.
        since: since when, in the loop's time.
    """

    reason: str
    since: float


class Link(Protocol):
    """A link that is open, or being opened.

    One task reads, any number send. Nothing is dropped: who does not read slows the sender down.
    """

    @property
    def peer(self) -> str:
        """The other end's client id."""
        ...

    @property
    def peer_key(self) -> bytes | None:
        """The static key that the other end has proved to have; None: the link is not sealed."""
        ...

    @property
    def link_id(self) -> str:
        """The link's id."""
        ...

    @property
    def is_plain(self) -> bool:
        """Whether the other end may be an existing natpass program: it did not have to announce itself."""
        ...

    @property
    def end(self) -> End | None:
        """Why the link ended, None while it has not."""
        ...

    @property
    def detached(self) -> Detached | None:
        """How it comes that nothing gets through; None while the other end can be reached, or if the link has ended."""
        ...

    @property
    def resumes(self) -> int:
        """How many times the link went on over another connection."""
        ...

    @property
    def unacknowledged(self) -> int | None:
        """How many of the messages that were sent the other end's program is not done with, as far as we know.

        Once the link has ended: which it was not known to be done with. None where nobody tells (plain links).
        """
        ...

    def watch(self, watcher: Callable[[], None]) -> None:
        """Have `watcher` called whenever `detached` changes, and when the link goes on after something was skipped."""

    @property
    def is_holding(self) -> bool:
        """Whether so much waits for this link's reader that others wait as well; never with credit."""
        ...

    async def ended(self) -> End:
        """Wait until the link is gone; return why. Messages that came before its end may still be unread."""
        ...

    async def room(self) -> int:
        """Wait until something can be sent; return how many bytes of data one message should have at most.

        Who makes data asks first, and makes no more than that: what is not made yet can still change (Ctrl+C).

        Raises:
            LinkEndedError: the link is gone.
        """
        ...

    async def send(self, message: Msg, *, newest: bool = False) -> None:
        """Send a message (type and payload, no addresses). Waits while the network is slow.

        Args:
            message: the message; it belongs to the link then.
            newest: something newer will follow, so that this one need not be sent again should it be lost.

        Raises:
            LinkEndedError: the link is gone.
            LocalProtocolError: it does not fit into a frame.
        """

    def put(self, message: Msg) -> None:
        """Send a message at once. For who has just waited for `room`, and sends one message for it.

        Args:
            message: the message, as for `send`.

        Raises:
            LinkEndedError: the link is gone.
            LocalProtocolError: it does not fit into a frame.
        """

    async def send_serialised(self, message: bytes, *, newest: bool = False) -> None:
        """Send a message that somebody else has serialised: it is not parsed here. Waits as `send` does.

        Args:
            message: its type, and one payload field or none; no addresses.
            newest: as for `send`.

        Raises:
            LinkEndedError: the link is gone.
            LocalProtocolError: it does not fit into a frame.
        """

    def send_urgent(self, message: Msg) -> bool:
        """Send a small message that overtakes all others and waits for no credit; return whether it was taken.

        It is not if the link has ended or is not open yet, or if too many are on their way. Never blocks.

        Raises:
            LocalProtocolError: it is too large.
        """
        ...

    def on_urgent(self, handler: Callable[[Msg], None]) -> None:
        """Have `handler` called with each message that overtakes, until the end; without one they are dropped.

        To be set before the first `await` behind `accept`. It is called from the event loop, and must not block.
        """

    @property
    def has_unread(self) -> bool:
        """Whether `receive` would return at once."""
        ...

    async def receive(self) -> Msg:
        """Return the next message. Who asks for another one is done with the one before: the sender gets credit for it.

        Raises:
            LinkEndedError: the link is gone, and everything that came before its end has been returned.
        """
        ...

    async def receive_batch(self) -> list[Msg]:
        """Return the next messages, at least one: as many as are here, but a bounded number of bytes.

        For those whose own steps cost more than a message does. Who asks for more is done with all of these.

        Raises:
            LinkEndedError: as for `receive`.
        """
        ...

    def close(self, text: str = "", cause: LinkEnd.Cause = LinkEnd.CLOSED, status: int | None = None) -> None:
        """End the link, and tell the other end why. Nothing happens if it had ended.

        What a target has sent is delivered before that; an opener gives up what it asked for, and what it has not sent.
        """


class IncomingLink(Link, Protocol):
    """A link that somebody asks us for: accept or refuse it, once."""

    def accept(self) -> None:
        """Say yes: from now on both sides may send.

        Raises:
            LinkEndedError: the opener has given up already.
        """

    def refuse(self, text: str, reason: ConnectResponse.Reason = ConnectResponse.FAILED) -> None:
        """Say no, with the reason for a person. Nothing happens if it was answered, or the opener has given up."""

    @property
    def is_asked(self) -> bool:
        """Whether the link waits for our answer."""
        ...
