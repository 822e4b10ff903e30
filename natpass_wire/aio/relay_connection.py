"""One connection to a relay, from its login to its end: it dispatches what it receives."""

import asyncio
from collections.abc import Callable
from itertools import pairwise

from natpass_wire import envelope
from natpass_wire.aio.carrier import Carrier
from natpass_wire.aio.carriers import Carriers, Judge, accept_all
from natpass_wire.aio.life_signs import LifeSigns
from natpass_wire.aio.link import IncomingLink
from natpass_wire.aio.plain_links import PlainLinks
from natpass_wire.aio.sealing import Sealing
from natpass_wire.aio.sockets import FrameSocket
from natpass_wire.frame import HEADER_BYTES, Batch
from natpass_wire.ids import RELAY_ID
from natpass_wire.keepalive import Keepalive
from natpass_wire.links import End, LinkAsked, LinkEnded, LinkHeld, LinkOpened, LinkReceived, LinkTable, Refuse
from natpass_wire.pb.envelope_pb2 import Msg, MsgType, Notice, Ping
from natpass_wire.pb.link_pb2 import ConnectRequest, LinkEnd
from natpass_wire.text import printable

#: Frames that a relay may have us take in one turn of the loop: each may cost some 30 µs.
FRAMES_A_TURN = 128


class RelayConnection:
    """A logged-in connection, the handler of its socket. It ends once, with `ended`; all its links end with it.

    Args:
        socket: the connection.
        client_id: our id.
        keepalive: the keepalive of this connection.
        pings: whether the relay answers pings; then they measure the round trip.
        on_link: called with plain links that peers ask for.
        on_carrier: called with a carrier that a peer makes for a stream; returns whether we take it.
        judge: decides whether an offer gets the arithmetic of a handshake now; by default all do.
        on_relay_message: called with the relay's own messages (roster, round-trip times).
        capabilities: what the relay announced at login.
        sealing: how carriers are sealed, None if they are not.
        allow_unsealed: also accept carriers that are not sealed.
    """

    def __init__(
        self,
        socket: FrameSocket,
        client_id: str,
        keepalive: Keepalive,
        *,
        pings: bool,
        on_link: Callable[[IncomingLink, ConnectRequest], None] | None = None,
        on_carrier: Callable[[Carrier], bool] | None = None,
        judge: Judge = accept_all,
        on_relay_message: Callable[[Msg], None] | None = None,
        capabilities: frozenset[str] = frozenset(),
        sealing: Sealing | None = None,
        allow_unsealed: bool = False,
    ) -> None:
        self.client_id = client_id
        #: What the relay supports beyond docs/wire.md: send it nothing else of ours.
        self.capabilities = capabilities
        self._socket = socket
        self._on_relay_message = on_relay_message
        self._table = LinkTable(client_id, accepts=on_link is not None or on_carrier is not None)
        #: Whether the relay is still there, and its round trip.
        self.life = LifeSigns(socket, client_id, keepalive, pings=pings)
        #: Its plain links.
        self.plain_links = PlainLinks(self._table, socket, self.life, on_link, relay_drops=not pings)
        #: Its links that carry streams.
        self.carriers = Carriers(self._table, socket, on_carrier, sealing, judge, allow_unsealed=allow_unsealed)
        #: Why the relay closes the connection, None unless it said so.
        self.notice: Notice | None = None
        #: Set to the reason (safe to print) once the connection is gone.
        self.ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    @property
    def dropped(self) -> int:
        """How many messages came for links that do not exist."""
        return self._table.dropped

    def send(self, message: Msg) -> None:
        """Send a message at once. Only for small ones: data waits for room on its link."""
        self._socket.write(envelope.to_frame(message))

    async def run(self) -> str:
        """Keep the connection alive until it ends; return why it ended."""
        await self.life.watch(self.ended)
        return self.ended.result()

    def close(self) -> None:
        """Close the connection in order."""
        self._socket.close()

    # FrameHandler: what the socket calls

    def socket_ready(self) -> None:
        """Not called: the socket was made by the login."""

    def batch_received(self, batch: Batch) -> int | None:
        """Take some frames; return how many if that is a turn's work."""
        for number, (start, end) in enumerate(pairwise(batch.bounds)):
            if number == FRAMES_A_TURN:
                return number
            payload = bytes(batch.view[start + HEADER_BYTES : end])
            if not self.carriers.receive_record(payload):
                self._receive(envelope.parse(payload))
        return None

    def writable_changed(self, writable: bool) -> None:
        """Hold back senders, or let them go on."""
        self.plain_links.writable_changed(writable)
        self.carriers.send()

    def socket_lost(self, error: Exception | None) -> None:
        """End."""
        if self.ended.done():
            return
        reason = "the relay closed the connection"
        if self.notice is not None and self.notice.text:
            reason = printable(self.notice.text)
        elif error is not None:
            reason = printable(getattr(error, "strerror", None) or str(error)) or reason
        self.ended.set_result(reason)
        self.plain_links.lost(End(LinkEnd.PEER_GONE, reason))
        for state in self._table.end_all(End(LinkEnd.PEER_GONE, f"connection to the relay lost: {reason}")):
            self.plain_links.forget(state)
            self.carriers.forget(state)

    def _receive(self, message: Msg) -> None:
        if message.from_id == RELAY_ID and not message.link_id:
            self._receive_from_relay(message)
            return
        match self._table.receive(message):
            case LinkOpened(link) | LinkReceived(link) | LinkEnded(link) as event:
                (self.carriers if link in self.carriers else self.plain_links).receive(event)
            case LinkHeld(link, on):
                self.plain_links.held(link, on=on)
            case Refuse(reply):
                self.send(reply)
            case LinkAsked(link, request) if request.HasField("offer"):
                self.carriers.offered(link, request.offer, request.origin)
            case LinkAsked(link, request):
                self.plain_links.asked(link, request)

    def _receive_from_relay(self, message: Msg) -> None:
        match message.type:
            case MsgType.keepalive:
                pass
            case MsgType.ping:
                answer = Ping(nonce=message.ping.nonce)  # nothing else of it: a pong with all its fields might not fit
                self.send(Msg(type=MsgType.pong, from_id=self.client_id, to=RELAY_ID, ping=answer))
            case MsgType.pong:
                self.life.answered(message.ping.nonce)
            case MsgType.notice:
                self.notice = message.notice
            case _ if self._on_relay_message is not None:
                self._on_relay_message(message)
