"""One connection to a relay, from its login to its end: keepalive, links, the relay's own messages."""

import asyncio
import logging
import secrets
import time
from collections.abc import Callable

from natpass_wire import envelope
from natpass_wire.aio.link import IncomingLink, Link, LinkEndedError
from natpass_wire.aio.plain_link import IncomingPlainLink, PlainLink
from natpass_wire.aio.record_link import Passenger, RecordLink
from natpass_wire.aio.sealing import NotTrustedError, Sealing
from natpass_wire.aio.sockets import FrameSocket
from natpass_wire.errors import LocalProtocolError, RemoteProtocolError
from natpass_wire.frame import Batch, encode_frame
from natpass_wire.ids import RELAY_ID
from natpass_wire.keepalive import Keepalive
from natpass_wire.links import Asked, End, Ended, LinkState, LinkTable, Opened, Received, Refuse, State
from natpass_wire.pb.envelope_pb2 import Msg, MsgType, Notice, Ping
from natpass_wire.pb.link_pb2 import ConnectRequest, ConnectResponse, LinkEnd, StreamAnswer, StreamOffer
from natpass_wire.sealed.handshake import OpenerHandshake, TargetHandshake
from natpass_wire.stream import VERSION
from natpass_wire.stream.fair import Turns
from natpass_wire.text import printable

log = logging.getLogger(__name__)

#: How long an opener waits for `connect_rep` (docs/wire.md §5: np-svr says nothing about an absent target).
OPEN_SECONDS = 10.0
_TICK_SECONDS = 1.0
#: Whoever sends and hears nothing for so long asks at once whether the relay is still there, in seconds.
_DOUBT_SECONDS = 2.0


class Session:
    """A logged-in connection. It ends once, with `ended`, and all its links with it.

    Args:
        socket: the connection; the session is its handler from now on.
        client_id: our id.
        keepalive: of this connection.
        pings: whether the relay answers pings; then they measure the round trip.
        on_link: takes a plain link that somebody asks us for.
        on_record_link: takes a link that somebody makes for a stream; returns whether it does.
        on_relay_message: takes the relay's own messages (roster, round-trip times).
        capabilities: what the relay announced at login.
        sealing: how links for streams are sealed; None: they are not.
        allow_unsealed: take links that are not sealed as well.
    """

    def __init__(
        self,
        socket: FrameSocket,
        client_id: str,
        keepalive: Keepalive,
        *,
        pings: bool,
        on_link: Callable[[IncomingLink, ConnectRequest], None] | None = None,
        on_record_link: Callable[[RecordLink], bool] | None = None,
        on_relay_message: Callable[[Msg], None] | None = None,
        capabilities: frozenset[str] = frozenset(),
        sealing: Sealing | None = None,
        allow_unsealed: bool = False,
    ) -> None:
        self.client_id = client_id
        #: What the relay understands beyond docs/wire.md §2: send nothing else of ours.
        self.capabilities = capabilities
        self._socket = socket
        self._keepalive = keepalive
        self._pings = pings
        self._on_link = on_link
        self._on_record_link = on_record_link
        self._on_relay_message = on_relay_message
        self._sealing = sealing
        self._allow_unsealed = allow_unsealed
        self._table = LinkTable(client_id, accepts=on_link is not None or on_record_link is not None)
        self._links: dict[LinkState, PlainLink] = {}
        self._record_links: dict[LinkState, RecordLink] = {}
        self._record_heads: dict[bytes, RecordLink] = {}  # the same, by what their frames begin with
        self._turns: Turns[RecordLink] = Turns()
        self._holders: set[object] = set()
        self._writable = asyncio.Event()
        if socket.writable:
            self._writable.set()
        self._loop = asyncio.get_running_loop()
        self._ping: tuple[int, float] | None = None
        self._shown_at = 0.0
        self._asked_at: float | None = None  # the first ping since the relay was heard last
        self._sent_since_heard = False
        self._heard, self._heard_at = 0, 0.0  # bytes received, and when that was seen
        #: Seconds from us to the relay and back, None until measured.
        self.round_trip: float | None = None
        #: How many pings the relay has answered, of those that were the last one then.
        self.answers = 0
        #: The relay's last words, if it said any.
        self.notice: Notice | None = None
        #: Set to the reason (safe to print) once the connection is gone.
        self.ended: asyncio.Future[str] = self._loop.create_future()

    @property
    def dropped(self) -> int:
        """How many messages came for links that do not exist."""
        return self._table.dropped

    @property
    def unanswered(self) -> float:
        """Seconds since the relay was asked for a sign of life, and gave none; 0 while there is nothing to doubt."""
        if self._asked_at is None or self._socket.received_bytes != self._heard or self._holders:
            return 0.0
        return self._loop.time() - self._asked_at

    async def open_link(self, peer: str, request: ConnectRequest, timeout: float = OPEN_SECONDS) -> Link:
        """Open a link to `peer` and wait for its answer.

        Raises:
            LinkEndedError: it was refused, or not answered in time, or the connection was lost.
            LocalProtocolError: the request does not fit into a frame, or there are too many links.
        """
        if self.ended.done():
            raise LinkEndedError(End(LinkEnd.PEER_GONE, self.ended.result()))
        state, message = self._table.open(peer, secrets.token_hex(8), request)
        link = PlainLink(self, state)
        self._links[state] = link
        try:
            self.send(message)
            async with asyncio.timeout(timeout):
                await link.opened()
        except TimeoutError as error:
            end = End(
                LinkEnd.FAILED,
                f"{printable(peer)} did not answer within {timeout:.0f} s",
                reason=ConnectResponse.ABSENT,
            )
            self.end_link(state, end)
            raise LinkEndedError(end) from error
        except (asyncio.CancelledError, LocalProtocolError):
            self.end_link(state, End(LinkEnd.CLOSED))
            raise
        return link

    def carry(self, peer: str, passenger: Passenger) -> RecordLink:
        """Make a link to `peer` for a stream. Where it is not sealed, its records go out behind the request.

        Raises:
            LocalProtocolError: there are too many links.
        """
        link_id = secrets.token_hex(8)
        handshake = self._sealing.opener(self.client_id, peer, link_id) if self._sealing is not None else None
        offer = StreamOffer(version=VERSION, handshake=handshake.first() if handshake is not None else b"")
        state, message = self._table.open(peer, link_id, ConnectRequest(kind=ConnectRequest.stream, offer=offer))
        self.send(message)
        link = self._record_link(state, handshake)
        link.passenger = passenger
        self._add_record_link(link)
        return link

    def wake(self, link: RecordLink) -> None:
        """Take note that the stream on this link may have something to send."""
        if link.state in self._record_links:
            self._turns.wake(link)
            self._send_records()

    def end_record_link(self, link: RecordLink, end: End) -> None:
        """End a link that carries a stream; its passenger is told. Nothing happens if it had ended."""
        message = self._table.end(link.state, end)
        if message is not None:
            self.send(message)
        self._forget(link.state)

    def send(self, message: Msg) -> None:
        """Send a message at once. For small ones: data waits for `send_on`."""
        self._socket.write(envelope.to_frame(message))
        self._note_sent()

    async def run(self) -> str:
        """Keep the connection alive until it ends; return why it did."""
        self._heard, self._heard_at = self._socket.received_bytes, self._loop.time()
        self._show_life()  # the first round trip is measured at once
        while not self.ended.done():
            now = self._loop.time()
            self._keepalive.tick(now)
            self._listen(now)
            if self._keepalive.is_dead:
                self._socket.abort(TimeoutError(f"no sign of life for {self._keepalive.silence:.0f} s"))
            elif (
                self._keepalive.is_due(now)
                or (self._pings and now - self._shown_at >= self._keepalive.interval)
                or (
                    self._pings
                    and self._asked_at is None
                    and self._sent_since_heard
                    and now - self._heard_at >= _DOUBT_SECONDS
                )
            ):
                self._show_life()  # who sends all the time still wants to know the round trip
            await asyncio.wait([self.ended], timeout=min(_TICK_SECONDS, self._keepalive.interval / 2))
        return self.ended.result()

    def measure(self) -> None:
        """Measure the round trip anew, because the last time says how busy this process was."""
        if self._pings:
            self.round_trip = None
            self._show_life()

    def ask(self) -> bool:
        """Ask the relay for a sign of life, which counts as one of `answers`; return False if answers are not read."""
        if not self._pings or self._holders or self.ended.done():
            return False
        self._show_life()
        return True

    def close(self) -> None:
        """End the connection in order."""
        self._socket.close()

    # Carrier: what links call

    async def room_on(self, link: LinkState) -> None:
        """Wait while the connection is over its high-water mark, or until the link ends."""
        while not self._writable.is_set() and link.end is None:
            await self._writable.wait()

    async def send_on(self, link: LinkState, message: Msg) -> None:
        """Send a message of this link; wait while the connection is over its high-water mark."""
        await self.room_on(link)
        if link.end is None:
            self.send(self._table.message(link, message))

    async def send_payload_on(self, link: LinkState, message_type: MsgType, payload: bytes) -> None:
        """Send a message whose payload is serialised already; wait as `send_on` does."""
        await self.room_on(link)
        if link.end is None:
            # A payload field behind the fields of the envelope, all of lower numbers: a canonical message.
            head = self._table.message(link, Msg(type=message_type)).SerializeToString()
            self._socket.write(encode_frame(head + payload))
            self._note_sent()

    def end_link(self, link: LinkState, end: End) -> None:
        """End this link, and tell the other side."""
        message = self._table.end(link, end)
        if message is not None:
            self.send(message)
        self._forget(link)

    def accept_link(self, link: LinkState) -> None:
        """Say yes to an asked link."""
        self.send(self._table.accept(link))

    def refuse_link(self, link: LinkState, text: str, reason: ConnectResponse.Reason) -> None:
        """Say no to an asked link."""
        self.send(self._table.refuse(link, text, reason))
        self._forget(link)

    def hold(self, holder: object, holds: bool) -> None:
        """Read no further (or again) on behalf of `holder`."""
        before = bool(self._holders)
        (self._holders.add if holds else self._holders.discard)(holder)
        if before == bool(self._holders):
            return
        self._keepalive.listening(not self._holders)
        if self._holders:
            self._socket.pause_reading()
        else:
            self._socket.resume_reading()

    # FrameHandler: what the socket calls

    def socket_ready(self) -> None:
        """Not called: the socket was made by the login."""

    def batch_received(self, batch: Batch) -> None:
        """Take some frames."""
        for payload in batch.payloads():
            if not self._receive_record(payload):
                self._receive(envelope.parse(payload))

    def writable_changed(self, writable: bool) -> None:
        """Hold back senders, or let them go on."""
        if writable:
            self._writable.set()
            self._send_records()
        else:
            self._writable.clear()

    def socket_lost(self, error: Exception | None) -> None:
        """End the session."""
        if self.ended.done():
            return
        reason = "the relay closed the connection"
        if self.notice is not None and self.notice.text:
            reason = printable(self.notice.text)
        elif error is not None:
            reason = printable(getattr(error, "strerror", None) or str(error)) or reason
        self.ended.set_result(reason)
        self._writable.set()
        for state in self._table.end_all(End(LinkEnd.PEER_GONE, f"connection to the relay lost: {reason}")):
            self._forget(state)

    def _receive(self, message: Msg) -> None:
        if message.from_id == RELAY_ID and not message.link_id:
            self._receive_from_relay(message)
            return
        match self._table.receive(message):
            case Received(link, record) if link in self._record_links:
                if record.type == MsgType.record:
                    self._take_record(self._record_links[link], record.record.data)
            case Opened(link, answer) if link in self._record_links:
                self._answered(self._record_links[link], answer)
            case Opened(link) | Received(link) as event if link in self._links:
                if isinstance(event, Received):
                    self._links[link].deliver(event.message)
                else:
                    self._links[link].wake()
            case Ended(link):
                self._forget(link)
            case Refuse(reply):
                self.send(reply)
            case Asked(link, request) if request.HasField("offer"):
                self._offered(link, request.offer)
            case Asked(link, request) if self._on_link is not None:
                incoming = IncomingPlainLink(self, link)
                self._links[link] = incoming
                self._on_link(incoming, request)
            case Asked(link):
                self.refuse_link(link, f"{self.client_id} serves no plain links", ConnectResponse.REFUSED)
            case _:
                pass

    def _offered(self, state: LinkState, offer: StreamOffer) -> None:
        """Take a link for a stream, if it is one that we can carry. What is asked for comes in its first record."""
        sealing = self._sealing if offer.handshake else None
        handshake = sealing.target(self.client_id, state.peer, state.link_id) if sealing is not None else None
        link = self._record_link(state, handshake)
        answer = b""
        refusal = self._fault_of_offer(state.peer, offer)
        if not refusal:
            try:
                answer = link.answer(offer.handshake)
            except RemoteProtocolError as error:
                refusal = str(error)
        if not refusal and self._on_record_link is not None and not self._on_record_link(link):
            refusal = f"{self.client_id} takes no more links of yours at the moment"
        if refusal:
            log.warning("refused a link of %s: %s", printable(state.peer), refusal)
            self.refuse_link(state, refusal, ConnectResponse.REFUSED)
            return
        self.send(self._table.accept(state, StreamAnswer(version=VERSION, handshake=answer)))
        self._add_record_link(link)

    def _fault_of_offer(self, peer: str, offer: StreamOffer) -> str:
        """Return why an offer is not taken, empty if it is. Who once sealed their links is not spoken to otherwise."""
        if self._on_record_link is None:
            return f"{self.client_id} serves no links"
        if offer.version < VERSION:
            return f"{self.client_id} speaks streams of version {VERSION} and no others"
        if offer.handshake:
            return "" if self._sealing is not None else f"{self.client_id} takes no sealed links"
        if not self._allow_unsealed or (self._sealing is not None and self._sealing.trust.is_sealed(peer)):
            return f"{self.client_id} takes only sealed links"
        return ""

    def _answered(self, link: RecordLink, answer: ConnectResponse) -> None:
        """Take the answer to a link that we made for a stream."""
        if not answer.HasField("answer") or answer.answer.version != VERSION:
            text = f"{printable(link.peer)} does not speak our streams"
            self.end_record_link(link, End(LinkEnd.FAILED, text, reason=ConnectResponse.REFUSED))
            return
        try:
            frame = link.answered(answer.answer.handshake)
        except RemoteProtocolError as error:
            text = f"no sealed link to {printable(link.peer)}: {error}"
            self.end_record_link(link, End(LinkEnd.FAILED, text, reason=ConnectResponse.REFUSED))
        except NotTrustedError as error:
            self._distrust(link, error)
        else:
            if frame is not None:
                self._socket.write(frame)
                self.wake(link)

    def _distrust(self, link: RecordLink, error: NotTrustedError) -> None:
        """End a link whose other end is not who it should be. It is told no more than that."""
        end = End(LinkEnd.FAILED, str(error), reason=ConnectResponse.REFUSED, is_alarm=True)
        message = self._table.end(link.state, end)
        if message is not None:
            message.end.text = "not trusted"
            self.send(message)
        self._forget(link.state)

    def _record_link(self, state: LinkState, handshake: OpenerHandshake | TargetHandshake | None) -> RecordLink:
        head = self._table.message(state, Msg(type=MsgType.record)).SerializeToString()
        peer_head = Msg(type=MsgType.record, from_id=state.peer, to=self.client_id, link_id=state.link_id)
        trust = self._sealing.trust if self._sealing is not None else None
        return RecordLink(state, head, peer_head.SerializeToString(), handshake, trust)

    def _add_record_link(self, link: RecordLink) -> None:
        self._record_links[link.state] = self._record_heads[link.peer_head] = link

    def _receive_record(self, payload: bytes) -> bool:
        """Take a record whose envelope looks like all others of its link, without parsing it; return whether it was.

        Equal bytes are equal fields: what a parser would make of them was decided when the link was made.
        """
        end = envelope.canonical_envelope_end(memoryview(payload), 0, len(payload))
        link = self._record_heads.get(payload[:end]) if end else None
        if link is None or link.state.state is not State.OPEN:
            return False
        record = envelope.record_in(payload, end)
        if record is None:
            return False
        self._take_record(link, record)
        return True

    def _take_record(self, link: RecordLink, data: bytes) -> None:
        """Take a record. A peer that breaks the protocol of its stream loses this link, and no other one does."""
        try:
            link.received(data)
        except RemoteProtocolError as error:
            log.warning("link %s with %s: %s", printable(link.state.link_id), printable(link.peer), error)
            self.end_record_link(link, End(LinkEnd.FAILED, f"protocol error: {error}"))
        except NotTrustedError as error:
            log.warning("link %s with %s: %s", printable(link.state.link_id), printable(link.peer), error)
            self._distrust(link, error)

    def _send_records(self) -> None:
        """Send what streams have to say, each in its turn, as far as the socket takes it."""
        while self._socket.writable and not self.ended.done() and (link := self._turns.take()) is not None:
            frame = link.next_frame()
            if frame is None:
                continue  # until it is woken
            self._socket.write(frame)
            self._turns.sent(link, len(frame))
            if link.state in self._record_links:
                self._turns.wake(link)
            self._note_sent()

    def _receive_from_relay(self, message: Msg) -> None:
        match message.type:
            case MsgType.keepalive:
                pass
            case MsgType.ping:
                answer = Ping(nonce=message.ping.nonce)  # no more of it: with all it may hold, the pong would not fit
                self.send(Msg(type=MsgType.pong, from_id=self.client_id, to=RELAY_ID, ping=answer))
            case MsgType.pong:
                if self._ping is not None and self._ping[0] == message.ping.nonce:
                    self.round_trip = time.perf_counter() - self._ping[1]
                    self._ping = None
                    self.answers += 1
            case MsgType.notice:
                self.notice = message.notice
            case _ if self._on_relay_message is not None:
                self._on_relay_message(message)

    def _listen(self, now: float) -> None:
        """Take note of what came since the last time: any byte is life, even of a frame that takes its time."""
        if self._socket.received_bytes != self._heard:
            self._heard, self._heard_at = self._socket.received_bytes, now
            self._keepalive.received()
            self._asked_at, self._sent_since_heard = None, False

    def _note_sent(self) -> None:
        now = self._loop.time()
        self._listen(now)  # what came before is no answer
        self._keepalive.sent(now)
        self._sent_since_heard = True

    def _show_life(self) -> None:
        self._shown_at = self._loop.time()
        self._listen(self._shown_at)
        message = Msg(type=MsgType.keepalive, from_id=self.client_id, to=RELAY_ID)
        if self._pings:
            # The loop's own time has a resolution of 1 ms with uvloop, and stands still between its turns.
            self._ping = (secrets.randbits(64), time.perf_counter())
            message = Msg(type=MsgType.ping, from_id=self.client_id, to=RELAY_ID, ping=Ping(nonce=self._ping[0]))
            if self._asked_at is None:
                self._asked_at = self._shown_at
        self.send(message)

    def _forget(self, state: LinkState) -> None:
        link = self._links.pop(state, None)
        if link is not None:
            link.wake()
        carried = self._record_links.pop(state, None)
        if carried is not None:
            self._turns.forget(carried)
            del self._record_heads[carried.peer_head]
            carried.passenger.link_ended(carried, state.end or End(LinkEnd.PEER_GONE))
