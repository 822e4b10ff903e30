"""The carriers of one connection: links of the relay that carry streams."""

# Why: docs/decisions/072-arithmetic-in-turn.md

import asyncio
import logging
import secrets
from collections import OrderedDict
from collections.abc import Callable

from natpass_wire import envelope
from natpass_wire.aio.carrier import Carrier, Passenger
from natpass_wire.aio.sealing import NotTrustedError, Sealing
from natpass_wire.aio.sockets import FrameSocket
from natpass_wire.errors import RemoteProtocolError
from natpass_wire.links import End, LinkEnded, LinkOpened, LinkPhase, LinkReceived, LinkState, LinkTable
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.link_pb2 import ConnectRequest, ConnectResponse, LinkEnd, StreamAnswer, StreamOffer
from natpass_wire.repeats import Repeats
from natpass_wire.sealed.handshake import OpenerHandshake, TargetHandshake
from natpass_wire.stream import VERSION
from natpass_wire.stream.cookies import MAX_COOKIE_BYTES, prefix_of
from natpass_wire.stream.fair import Turns
from natpass_wire.stream.handshake_limiter import Offered, Verdict
from natpass_wire.stream.receiver import MAX_WINDOW
from natpass_wire.text import printable

log = logging.getLogger(__name__)

#: Bytes that may wait for us on one link, which we tell the relay in clear: the largest credit of its stream, and a
#: quarter more for what is around the records, whose content is 1 KiB or more in bulk.
CARRIER_WINDOW = MAX_WINDOW + MAX_WINDOW // 4
#: Records are found by their first bytes, of at most so many lengths; those of other carriers are parsed instead.
_MOST_HEAD_SIZES = 16
#: Peers whose cookies are remembered.
_MOST_COOKIES = 1024

#: Decides whether an offer gets the arithmetic of a handshake now; returns the cookie for COOKIE as well.
Judge = Callable[[Offered], tuple[Verdict, bytes]]


def accept_all(_offer: Offered) -> tuple[Verdict, bytes]:
    """Accept every offer."""
    return Verdict.ACCEPT, b""


class Carriers:
    """Makes and accepts carriers, and lets each send in its turn.

    Args:
        table: all links of the connection.
        socket: the connection.
        on_carrier: called with a carrier that a peer makes, returns whether we take it; None: we serve no streams.
        sealing: how carriers are sealed, None if they are not.
        judge: decides whether a sealed offer gets the arithmetic of a handshake now.
        allow_unsealed: also accept carriers that are not sealed.
    """

    def __init__(
        self,
        table: LinkTable,
        socket: FrameSocket,
        on_carrier: Callable[[Carrier], bool] | None,
        sealing: Sealing | None,
        judge: Judge = accept_all,
        *,
        allow_unsealed: bool,
    ) -> None:
        self._table = table
        self._socket = socket
        self._on_carrier = on_carrier
        self._sealing = sealing
        self._judge = judge
        self._cookies: OrderedDict[str, tuple[str, bytes]] = OrderedDict()  # by peer: for link ids with this prefix
        self._repeats = Repeats()
        self._allow_unsealed = allow_unsealed
        self._carriers: dict[LinkState, Carrier] = {}
        self._by_head: dict[int, dict[bytes, Carrier]] = {}  # by the first bytes of their records, and their number
        #: The carriers that wait to send.
        self.turns: Turns[Carrier] = Turns()

    def __contains__(self, state: LinkState) -> bool:
        """Tell whether a link is a carrier."""
        return state in self._carriers

    def carry(self, peer: str, passenger: Passenger) -> Carrier:
        """Make a carrier to `peer` for a stream. Unsealed records may follow the request at once.

        Raises:
            LocalProtocolError: there are too many links.
        """
        prefix, cookie = self._cookies.get(peer, ("", b""))
        own_id, link_id = self._table.client_id, prefix + secrets.token_hex(8)[len(prefix) :]
        handshake = self._sealing.opener(own_id, peer, link_id) if self._sealing is not None else None
        first = handshake.first() if handshake is not None else b""
        offer = StreamOffer(version=VERSION, handshake=first, window=CARRIER_WINDOW, cookie=cookie)
        state, message = self._table.open(peer, link_id, ConnectRequest(kind=ConnectRequest.stream, offer=offer))
        self._say(message)
        carrier = self._carrier(state, handshake)
        carrier.passenger = passenger
        self._add(carrier)
        return carrier

    def send(self) -> None:
        """Send the streams' records, each stream in its turn, while the socket accepts them."""
        while self._socket.writable and (carrier := self.turns.take()) is not None:
            frame = carrier.next_frame()
            if frame is None:
                continue  # until it is woken
            self._socket.write(frame)
            self.turns.sent(carrier, len(frame))
            if carrier.state.end is None:
                self.turns.wake(carrier)

    def end(self, carrier: Carrier, end: End) -> None:
        """End a carrier and notify its passenger. No-op if it has ended."""
        message = self._table.end(carrier.state, end)
        if message is not None:
            self._say(message)
        self.forget(carrier.state)

    def broken(self, carrier: Carrier, error: RemoteProtocolError | NotTrustedError) -> None:
        """End a carrier whose peer broke the protocol, or has the wrong key."""
        self._note(f"ended a link: {error}", carrier.state)
        if isinstance(error, NotTrustedError):
            self._distrust(carrier, error)
        else:
            self.end(carrier, End(LinkEnd.FAILED, f"protocol error: {error}"))

    # what the connection calls

    def receive_record(self, payload: bytes) -> bool:
        """Take a record whose envelope equals that of its link's other records, without parsing it; else return False.

        Equal bytes are equal fields: they were checked when the carrier was made.
        """
        for size, carriers in self._by_head.items():
            carrier = carriers.get(payload[:size])
            if carrier is not None and carrier.state.state is LinkPhase.OPEN:
                record = envelope.record_in(payload, size)
                if record is not None:
                    carrier.received(record)
                return record is not None
        return False

    def receive(self, event: LinkOpened | LinkReceived | LinkEnded) -> None:
        """Handle an event of a carrier."""
        match event:
            case LinkReceived(link, message) if message.type == MsgType.record:
                self._carriers[link].received(message.record.data)
            case LinkOpened(link, answer):
                self._answered(self._carriers[link], answer)
            case LinkEnded(link, answer):
                if answer.reason == ConnectResponse.RETRY and 0 < len(answer.cookie) <= MAX_COOKIE_BYTES:
                    self._cookies[link.peer] = (prefix_of(link.link_id), answer.cookie)
                    if len(self._cookies) > _MOST_COOKIES:
                        self._cookies.popitem(last=False)
                self.forget(link)

    def offered(self, state: LinkState, offer: StreamOffer, origin: bytes = b"") -> None:
        """Accept or refuse a link for a stream. Its first record names the stream and the request.

        Args:
            state: the link.
            offer: what its opener offers.
            origin: the relay's name for the opener's network; empty if the relay gives none.
        """
        if refusal := self._fault_of_offer(state.peer, offer):
            self._refuse(state, refusal, ConnectResponse.REFUSED)
            return
        if offer.handshake:
            verdict, cookie = self._judge(Offered(state.peer, state.link_id, origin, offer.cookie))
            if verdict is not Verdict.ACCEPT:
                text = f"{self._table.client_id} is asked for more links than it can answer now"
                self._refuse(state, text, ConnectResponse.RETRY, cookie)
                return
        sealing = self._sealing if offer.handshake else None
        handshake = sealing.target(self._table.client_id, state.peer, state.link_id) if sealing is not None else None
        carrier = self._carrier(state, handshake, origin)
        try:
            answer = carrier.answer(offer.handshake)
        except RemoteProtocolError as error:
            self._refuse(state, str(error), ConnectResponse.REFUSED)
            return
        if self._on_carrier is not None and not self._on_carrier(carrier):
            self._refuse(state, f"{self._table.client_id} takes no more links of yours now", ConnectResponse.RETRY)
            return
        self._say(self._table.accept(state, StreamAnswer(version=VERSION, handshake=answer, window=CARRIER_WINDOW)))
        self._add(carrier)

    def forget(self, state: LinkState) -> None:
        """Record that a link has ended."""
        carrier = self._carriers.pop(state, None)
        if carrier is None:
            return
        self.turns.forget(carrier)
        size = len(carrier.peer_head)
        if self._by_head.get(size, {}).pop(carrier.peer_head, None) is not None and not self._by_head[size]:
            del self._by_head[size]
        carrier.passenger.carrier_ended(carrier, state.end or End(LinkEnd.PEER_GONE))

    def _refuse(self, state: LinkState, text: str, reason: ConnectResponse.Reason, cookie: bytes = b"") -> None:
        self._note(f"refused a link: {text}", state)
        self._say(self._table.refuse(state, text, reason, cookie))

    def _note(self, text: str, state: LinkState) -> None:
        """Log what a peer did wrong: once, then with a count, since anybody may do it as often as they like."""
        if log.isEnabledFor(logging.DEBUG):
            log.debug("link %s of %s: %s", printable(state.link_id), printable(state.peer), text)
        if line := self._repeats.note(text, asyncio.get_running_loop().time()):
            log.warning("%s; the last one was of %s", line, printable(state.peer))

    def _fault_of_offer(self, peer: str, offer: StreamOffer) -> str:
        """Return why an offer is refused, empty if it is not. A peer that once sealed its links must go on."""
        own_id = self._table.client_id
        if self._on_carrier is None:
            return f"{own_id} serves no links"
        if offer.version < VERSION:
            return f"{own_id} speaks streams of version {VERSION} and no others"
        if offer.handshake:
            return "" if self._sealing is not None else f"{own_id} takes no sealed links"
        if not self._allow_unsealed or (self._sealing is not None and self._sealing.trust.is_sealed(peer)):
            return f"{own_id} takes only sealed links"
        return ""

    def _answered(self, carrier: Carrier, answer: ConnectResponse) -> None:
        """Take the answer to a carrier that we made."""
        if not answer.HasField("answer") or answer.answer.version != VERSION:
            text = f"{printable(carrier.peer)} does not speak our streams"
            self.end(carrier, End(LinkEnd.FAILED, text, reason=ConnectResponse.REFUSED))
            return
        try:
            frame = carrier.answered(answer.answer.handshake)
        except RemoteProtocolError as error:
            text = f"no sealed link to {printable(carrier.peer)}: {error}"
            self.end(carrier, End(LinkEnd.FAILED, text, reason=ConnectResponse.REFUSED))
        except NotTrustedError as error:
            self._distrust(carrier, error)
        else:
            if frame is not None:
                self._socket.write(frame)
                carrier.wake()

    def _distrust(self, carrier: Carrier, error: NotTrustedError) -> None:
        """End a carrier whose peer has the wrong key. The peer only learns that it is not trusted."""
        end = End(LinkEnd.FAILED, str(error), reason=ConnectResponse.REFUSED, is_alarm=True)
        message = self._table.end(carrier.state, end)
        if message is not None:
            message.end.text = "not trusted"
            self._say(message)
        self.forget(carrier.state)

    def _carrier(
        self, state: LinkState, handshake: OpenerHandshake | TargetHandshake | None, origin: bytes = b""
    ) -> Carrier:
        head = self._table.message(state, Msg(type=MsgType.record)).SerializeToString()
        peer_head = Msg(type=MsgType.record, from_id=state.peer, to=self._table.client_id, link_id=state.link_id)
        trust = self._sealing.trust if self._sealing is not None else None
        return Carrier(self, state, head, peer_head.SerializeToString(), handshake, trust=trust, origin=origin)

    def _add(self, carrier: Carrier) -> None:
        self._carriers[carrier.state] = carrier
        size = len(carrier.peer_head)
        if size in self._by_head or len(self._by_head) < _MOST_HEAD_SIZES:
            self._by_head.setdefault(size, {})[carrier.peer_head] = carrier

    def _say(self, message: Msg) -> None:
        self._socket.write(envelope.to_frame(message))
