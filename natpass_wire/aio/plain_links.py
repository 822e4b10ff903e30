"""The plain links of one connection, as existing natpass programs use them."""

import asyncio
import secrets
from collections.abc import Callable

from natpass_wire import envelope
from natpass_wire.aio.breaths import Breaths
from natpass_wire.aio.life_signs import LifeSigns
from natpass_wire.aio.link import IncomingLink, Link, LinkEndedError
from natpass_wire.aio.plain_link import IncomingPlainLink, PlainLink
from natpass_wire.aio.sockets import FrameSocket
from natpass_wire.errors import LocalProtocolError
from natpass_wire.frame import encode_frame
from natpass_wire.links import End, LinkEnded, LinkOpened, LinkReceived, LinkState, LinkTable
from natpass_wire.pb.envelope_pb2 import Msg
from natpass_wire.pb.link_pb2 import ConnectRequest, ConnectResponse, LinkEnd
from natpass_wire.text import printable

#: Seconds for which an opener waits for `connect_rep` (docs/wire.md §5: np-svr says nothing about an absent target).
OPEN_SECONDS = 10.0


class PlainLinks:
    """Opens and accepts plain links, sends for them, and stops reading while one of them has too much unread.

    Args:
        table: all links of the connection.
        socket: the connection.
        life: told when reading is paused.
        on_link: called with links that peers ask for; None: we take none.
        relay_drops: whether the relay, an existing one, drops what we do not read in time.
    """

    def __init__(
        self,
        table: LinkTable,
        socket: FrameSocket,
        life: LifeSigns,
        on_link: Callable[[IncomingLink, ConnectRequest], None] | None,
        *,
        relay_drops: bool = False,
    ) -> None:
        self._table = table
        self._socket = socket
        self._life = life
        self._on_link = on_link
        self._links: dict[LinkState, PlainLink] = {}
        self._holders: set[PlainLink] = set()
        self._breaths = Breaths(socket.pause_reading, socket.resume_reading, breathes=relay_drops)
        self._over: End | None = None
        self._writable = asyncio.Event()
        self.writable_changed(socket.writable)

    async def open(self, peer: str, request: ConnectRequest, timeout: float = OPEN_SECONDS) -> Link:
        """Open a link to `peer` and wait for its answer.

        Raises:
            LinkEndedError: it was refused, or not answered in time, or the connection was lost.
            LocalProtocolError: the request does not fit into a frame, or there are too many links.
        """
        if self._over is not None:
            raise LinkEndedError(self._over)
        state, message = self._table.open(peer, secrets.token_hex(8), request)
        link = self._links[state] = PlainLink(self, state)
        try:
            self._send(message)
            async with asyncio.timeout(timeout):
                await link.opened()
        except TimeoutError as error:
            text = f"{printable(peer)} did not answer within {timeout:.0f} s"
            end = End(LinkEnd.FAILED, text, reason=ConnectResponse.ABSENT)
            self.end_link(state, end)
            raise LinkEndedError(end) from error
        except (asyncio.CancelledError, LocalProtocolError):
            self.end_link(state, End(LinkEnd.CLOSED))
            raise
        return link

    # what the connection calls

    def asked(self, state: LinkState, request: ConnectRequest) -> None:
        """Take a link that a peer asks for."""
        if self._on_link is None:
            text = f"{self._table.client_id} serves no plain links"
            self.refuse_link(state, text, ConnectResponse.REFUSED)
            return
        link = self._links[state] = IncomingPlainLink(self, state)
        self._on_link(link, request)

    def receive(self, event: LinkOpened | LinkReceived | LinkEnded) -> None:
        """Handle an event of a link."""
        link = self._links.get(event.link)
        match event:
            case LinkEnded():
                self.forget(event.link)
            case LinkReceived(_, message) if link is not None:
                link.deliver(message)
                self._breaths.took(message.ByteSize(), self._holders)
            case LinkOpened() if link is not None:
                link.wake()

    def held(self, state: LinkState, *, on: bool) -> None:
        """Wait with a link, or go on: its other end does not keep up. No-op for links that are not plain."""
        link = self._links.get(state)
        if link is not None:
            link.held(on=on)

    def writable_changed(self, writable: bool) -> None:
        """Hold back senders, or let them go on."""
        (self._writable.set if writable else self._writable.clear)()

    def forget(self, state: LinkState) -> None:
        """Record that a link has ended."""
        link = self._links.pop(state, None)
        if link is not None:
            link.wake()

    def lost(self, end: End) -> None:
        """Record that the connection is gone: nothing waits for it any more."""
        self._over = end
        self._breaths.stop()
        self._writable.set()

    # LinkOwner: what links call

    async def room_on(self, link: LinkState) -> None:
        """Wait while the connection is over its high-water mark, or until the link ends."""
        while not self._writable.is_set() and link.end is None:
            await self._writable.wait()

    def send_on(self, link: LinkState, message: Msg) -> None:
        """Send a message of this link; no-op once it has ended."""
        if link.end is None:
            self._send(self._table.message(link, message))

    def send_serialised_on(self, link: LinkState, message: bytes) -> None:
        """Send a serialised message as `send_on` does."""
        if link.end is None:
            message_type, at = envelope.type_of(message)
            # The payload field comes after the envelope's fields, whose numbers are lower: a canonical message.
            head = self._table.message(link, Msg(type=message_type)).SerializeToString()
            self._socket.write(encode_frame(head + message[at:]))

    def end_link(self, link: LinkState, end: End) -> None:
        """End this link, and tell the other side."""
        message = self._table.end(link, end)
        if message is not None:
            self._send(message)
        self.forget(link)

    def accept_link(self, link: LinkState) -> None:
        """Accept a link."""
        self._send(self._table.accept(link))

    def refuse_link(self, link: LinkState, text: str, reason: ConnectResponse.Reason) -> None:
        """Refuse a link."""
        self._send(self._table.refuse(link, text, reason))
        self.forget(link)

    def hold(self, holder: PlainLink, holds: bool) -> None:
        """Stop reading (or resume) on behalf of `holder`."""
        before = bool(self._holders)
        (self._holders.add if holds else self._holders.discard)(holder)
        if before == bool(self._holders):
            return
        self._life.listening(not self._holders)
        self._breaths.hold(self._holders)

    def _send(self, message: Msg) -> None:
        self._socket.write(envelope.to_frame(message))
