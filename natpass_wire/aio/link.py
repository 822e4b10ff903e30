"""One end of a virtual link, as the programs use it: a stream (`stream`), or a plain link (`plain_link`)."""

# Why: docs/decisions/100-what-an-end-leaves-waiting.md

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from natpass_wire.errors import NatpassError
from natpass_wire.links import End
from natpass_wire.pb.envelope_pb2 import Msg
from natpass_wire.pb.link_pb2 import ConnectResponse, LinkEnd

#: Messages that a link's reader gets before everybody else has a turn, however many wait: 8 MiB may be 100 000 of them.
MESSAGES_A_TURN = 128


class LinkEndedError(NatpassError):
    """The link is gone; `end` says why."""

    def __init__(self, end: End) -> None:
        super().__init__(end.text or end.cause)
        self.end = end


@dataclass(frozen=True, slots=True)
class Detached:
    """There is no way to the other end now; the link goes on when there is one.

    Attributes:
        reason: why, for a person, safe to print.
        since: when that began, in the loop's time.
    """

    reason: str
    since: float


class Link(Protocol):
    """A link that is open, or being opened.

    One task reads, any number send. Nothing is dropped: a slow reader slows the sender down.
    """

    @property
    def peer(self) -> str:
        """The other end's client id."""
        ...

    @property
    def peer_key(self) -> bytes | None:
        """The static key that the other end has proved to have, None if the link is not sealed."""
        ...

    @property
    def link_id(self) -> str:
        """The link's id."""
        ...

    @property
    def is_plain(self) -> bool:
        """Whether this is a plain link: the other end may be an existing natpass program."""
        ...

    @property
    def end(self) -> End | None:
        """Why the link ended, None while it has not."""
        ...

    @property
    def detached(self) -> Detached | None:
        """Why nothing gets through, None while the other end can be reached, or if the link has ended."""
        ...

    @property
    def resumes(self) -> int:
        """How many times the link has gone on over another connection."""
        ...

    @property
    def unacknowledged(self) -> int | None:
        """How many sent messages the other end's program has not consumed yet, as we know it.

        Once the link has ended: those that we do not know to be consumed. None for plain links, which do not report it.
        """
        ...

    def watch(self, watcher: Callable[[], None]) -> None:
        """Call `watcher` whenever `detached` changes, and when the link goes on after something was skipped."""

    @property
    def is_holding(self) -> bool:
        """Whether this link's unread data blocks other links as well; never with credit."""
        ...

    async def ended(self) -> End:
        """Wait until the link is gone; return why. Messages that came before its end may still be unread."""
        ...

    async def room(self) -> int:
        """Wait until there is room to send; return how many bytes of data one message should have at most.

        Call this before producing data, and produce no more: data that does not exist yet can still change (Ctrl+C).

        Raises:
            LinkEndedError: the link is gone.
        """
        ...

    async def send(self, message: Msg, *, newest: bool = False) -> None:
        """Send a message. Waits while the network is slow.

        Args:
            message: type and payload, without addresses: nothing removes them. Do not change it afterwards, nor send it
                again, since a plain link fills its own addresses in.
            newest: a newer message will replace this one, so it need not be sent again if lost.

        Raises:
            LinkEndedError: the link is gone.
            LocalProtocolError: it does not fit into a frame.
        """

    def put(self, message: Msg) -> None:
        """Send a message at once. Only for one message after `room` has returned.

        Args:
            message: without addresses, as for `send`.

        Raises:
            LinkEndedError: the link is gone.
            LocalProtocolError: it does not fit into a frame.
        """

    async def send_serialised(self, message: bytes, *, newest: bool = False) -> None:
        """Send a message that is serialised already and not parsed here. Waits as `send` does.

        Args:
            message: its type, and at most one payload field; no addresses.
            newest: as for `send`.

        Raises:
            LinkEndedError: the link is gone.
            LocalProtocolError: it does not fit into a frame.
        """

    def send_urgent(self, message: Msg) -> bool:
        """Send a small message that overtakes all others and needs no credit; return whether it was accepted.

        It is not if the link has ended or is not open yet, or if too many are on their way. Never blocks.

        Args:
            message: without addresses, as for `send`.

        Raises:
            LocalProtocolError: it is too large.
        """
        ...

    def on_urgent(self, handler: Callable[[Msg], None]) -> None:
        """Call `handler` with each message that overtakes, until the end; without a handler they are dropped.

        Set it before the first `await` after `accept`. The event loop calls it, and it must not block.
        """

    @property
    def has_unread(self) -> bool:
        """Whether `receive` would return at once."""
        ...

    async def receive(self) -> Msg:
        """Return the next message. This also marks the one before as consumed, so that the sender gets credit for it.

        Raises:
            LinkEndedError: the link is gone, and there is nothing left to read.
        """
        ...

    async def receive_batch(self) -> list[Msg]:
        """Return the next messages, at least one: all that have arrived, up to a limit in bytes.

        For readers whose own steps cost more than a message. The next call marks all of these as consumed.

        Raises:
            LinkEndedError: as for `receive`.
        """
        ...

    def close(
        self,
        text: str = "",
        cause: LinkEnd.Cause = LinkEnd.CLOSED,
        status: int | None = None,
        *,
        gives_up: bool = False,
    ) -> None:
        """End the link, and tell the other end why. No-op if it has ended.

        A target's sent messages are delivered first, unless it gives up what is not on its way yet. An opener always
        gives that up, and its request.
        """


class IncomingLink(Link, Protocol):
    """A link that a peer asks for: accept or refuse it, once."""

    def accept(self) -> None:
        """Accept the link: from now on both sides may send.

        Raises:
            LinkEndedError: the opener has given up already.
        """

    def refuse(self, text: str, reason: ConnectResponse.Reason = ConnectResponse.FAILED) -> None:
        """Refuse the link, with the reason for a person. No-op if it was answered, or the opener has given up."""

    @property
    def is_asked(self) -> bool:
        """Whether the link waits for our answer."""
        ...
