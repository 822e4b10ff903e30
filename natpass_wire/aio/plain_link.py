"""A plain link, as existing natpass programs use it: it ends with its connection, and has no credit of its own."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol

from natpass_wire.aio.breaths import MESSAGE_BYTES
from natpass_wire.aio.link import MESSAGES_A_TURN, LinkEndedError
from natpass_wire.frame import MAX_DATA_BYTES
from natpass_wire.links import End, LinkPhase, LinkState
from natpass_wire.pb.envelope_pb2 import Msg
from natpass_wire.pb.link_pb2 import ConnectResponse, LinkEnd

#: Unread bytes of one link at which the whole connection stops reading, and at which it resumes. The data of a link
#: without credit has nowhere else to wait: this bounds memory, and TCP slows the sender down.
MAX_UNREAD_BYTES = 512 * 1024
RESUME_UNREAD_BYTES = 128 * 1024


class LinkOwner(Protocol):
    """What a link needs from its connection."""

    async def room_on(self, link: LinkState) -> None:
        """Wait while the connection is over its high-water mark, or until the link ends."""

    def send_on(self, link: LinkState, message: Msg) -> None:
        """Send a message of this link; no-op once it has ended."""

    def send_serialised_on(self, link: LinkState, message: bytes) -> None:
        """Send a serialised message as `send_on` does."""

    def end_link(self, link: LinkState, end: End) -> None:
        """End this link, and tell the other side."""

    def accept_link(self, link: LinkState) -> None:
        """Accept a link."""

    def refuse_link(self, link: LinkState, text: str, reason: ConnectResponse.Reason) -> None:
        """Refuse a link."""

    def hold(self, holder: "PlainLink", holds: bool) -> None:
        """Stop reading (or resume) on behalf of `holder`."""


class PlainLink:
    """A link that is open, or being opened.

    One task reads, any number send. Nothing is dropped: a slow reader slows the sender down. At an existing relay,
    which would drop, a slow reader loses the link (`Breaths`).
    """

    def __init__(self, owner: LinkOwner, state: LinkState) -> None:
        self._owner = owner
        self._state = state
        self._unread: deque[Msg] = deque()
        self._unread_bytes = 0
        self._read = 0  # messages since others had a turn
        self._holding = False
        self._is_held = False  # by the relay
        self._changed = asyncio.Event()
        self._released = asyncio.Event()

    @property
    def peer(self) -> str:
        """The other end's client id."""
        return self._state.peer

    @property
    def peer_key(self) -> None:
        """Return None: plain links are not sealed."""
        return

    @property
    def is_plain(self) -> bool:
        """Return True."""
        return True

    @property
    def link_id(self) -> str:
        """The link's id."""
        return self._state.link_id

    @property
    def end(self) -> End | None:
        """Why the link ended, None while it has not."""
        return self._state.end

    @property
    def detached(self) -> None:
        """Return None: a plain link ends with its connection."""
        return

    @property
    def resumes(self) -> int:
        """Return 0: a plain link never resumes."""
        return 0

    @property
    def unacknowledged(self) -> None:
        """Return None: plain links do not report it."""

    def watch(self, watcher: Callable[[], None]) -> None:
        """No-op: plain links never detach."""

    @property
    def is_holding(self) -> bool:
        """Whether this link's unread data keeps the whole connection from reading."""
        return self._holding

    @property
    def kept_bytes(self) -> int:
        """Bytes of memory of what is unread."""
        return self._unread_bytes + len(self._unread) * MESSAGE_BYTES

    def abandon(self, text: str) -> None:
        """End the link with a reason, and forget what is unread."""
        self._unread.clear()
        self._unread_bytes = 0
        self.close(text, LinkEnd.FAILED)

    async def ended(self) -> End:
        """Wait until the link is gone; return why. Messages that came before its end may still be unread."""
        while self._state.end is None:
            self._changed.clear()
            await self._changed.wait()
        return self._state.end

    async def room(self) -> int:
        """Wait until there is room to send; return how many bytes of data one message should have at most.

        Raises:
            LinkEndedError: the link is gone.
        """
        self._check()
        await self._owner.room_on(self._state)
        while self._is_held and self._state.end is None:
            self._released.clear()
            await self._released.wait()
            await self._owner.room_on(self._state)
        self._check()
        return MAX_DATA_BYTES

    async def send(self, message: Msg, *, newest: bool = False) -> None:
        """Send a message, see `Link`: its addresses are filled in. Waits while the network is slow.

        Args:
            message: the message.
            newest: ignored: nothing is ever sent again.

        Raises:
            LinkEndedError: the link is gone.
        """
        await self.room()
        self.put(message)

    def put(self, message: Msg) -> None:
        """Send a message at once, see `Link`."""
        self._check()
        self._owner.send_on(self._state, message)

    async def send_serialised(self, message: bytes, *, newest: bool = False) -> None:
        """Send a message that is serialised already, see `Link`."""
        await self.room()
        self._owner.send_serialised_on(self._state, message)

    def send_urgent(self, message: Msg) -> bool:
        """Return False: on a plain link nothing overtakes."""
        return False

    def on_urgent(self, handler: Callable[[Msg], None]) -> None:
        """No-op: plain links have no messages that overtake."""

    @property
    def has_unread(self) -> bool:
        """Whether a message waits to be read."""
        return bool(self._unread)

    async def receive(self) -> Msg:
        """Return the next message.

        Raises:
            LinkEndedError: the link is gone, and there is nothing left to read.
        """
        if self._read >= MESSAGES_A_TURN:
            self._read = 0
            await asyncio.sleep(0)
        while not self._unread:
            self._check()
            self._changed.clear()
            await self._changed.wait()
            self._read = 0
        message = self._unread.popleft()
        self._read += 1
        self._unread_bytes -= message.ByteSize()
        if self._holding and self._unread_bytes <= RESUME_UNREAD_BYTES:
            self._holding = False
            self._owner.hold(self, False)
        return message

    async def receive_batch(self) -> list[Msg]:
        """Return the next messages: all that have arrived, at least one.

        Raises:
            LinkEndedError: the link is gone, and there is nothing left to read.
        """
        batch = [await self.receive()]
        while self._unread and self._read < MESSAGES_A_TURN:
            batch.append(await self.receive())
        return batch

    def close(
        self,
        text: str = "",
        cause: LinkEnd.Cause = LinkEnd.CLOSED,
        status: int | None = None,
        *,
        gives_up: bool = False,
    ) -> None:
        """End the link; the other end gets the reason. No-op if it has ended."""
        self._owner.end_link(self._state, End(cause, text, status))
        self.wake()

    # what the connection calls

    def deliver(self, message: Msg) -> None:
        """Take a received message."""
        self._unread.append(message)
        self._unread_bytes += message.ByteSize()
        if self._unread_bytes >= MAX_UNREAD_BYTES and not self._holding:
            self._holding = True
            self._owner.hold(self, True)
        self._changed.set()

    def held(self, *, on: bool) -> None:
        """Send nothing, or go on, as the relay says: the other end does not keep up."""
        self._is_held = on
        self._released.set()

    def wake(self) -> None:
        """Let waiting tasks see that the link's state has changed."""
        self._changed.set()
        self._released.set()
        if self._holding and self._state.state is LinkPhase.ENDED:
            self._holding = False
            self._owner.hold(self, False)

    async def opened(self) -> None:
        """Wait until the other end has accepted.

        Raises:
            LinkEndedError: it refused, or the link is gone.
        """
        while self._state.state is LinkPhase.OPENING:
            self._changed.clear()
            await self._changed.wait()
        self._check()

    def _check(self) -> None:
        if self._state.end is not None:
            raise LinkEndedError(self._state.end)


class IncomingPlainLink(PlainLink):
    """A link that a peer asks for: accept or refuse it, once."""

    def accept(self) -> None:
        """Accept the link: from now on both sides may send.

        Raises:
            LinkEndedError: the opener has given up already.
        """
        self._check()
        self._owner.accept_link(self._state)

    def refuse(self, text: str, reason: ConnectResponse.Reason = ConnectResponse.FAILED) -> None:
        """Refuse the link, with the reason for a person. No-op if the opener has given up already."""
        if self._state.state is LinkPhase.ASKED:
            self._owner.refuse_link(self._state, text, reason)
            self.wake()

    @property
    def is_asked(self) -> bool:
        """Whether the link waits for our answer."""
        return self._state.state is LinkPhase.ASKED
