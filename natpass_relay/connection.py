"""One client's connection: its login, what it is sent, its signs of life, and for whom it is read no further.

`forwarding` has what happens to the frames that it sends.
"""

# Why: docs/decisions/065-a-sender-pays-for-its-receiver.md
# Why: docs/decisions/066-holding-a-plain-link.md
# Why: docs/decisions/085-who-reads-no-answers-is-not-read.md

import asyncio
from collections.abc import Callable
from itertools import pairwise
from typing import Protocol

from natpass_relay.clients import Client
from natpass_relay.forwarding import ConnectionDelivery, Forwarding
from natpass_relay.life import Life
from natpass_relay.outbox import Outbox
from natpass_relay.patience import Patience
from natpass_relay.routing import Route, Router
from natpass_relay.sources import Source
from natpass_wire import envelope
from natpass_wire.aio.sockets import FrameSocket
from natpass_wire.errors import RemoteProtocolError
from natpass_wire.frame import HEADER_BYTES, Batch
from natpass_wire.ids import RELAY_ID
from natpass_wire.keepalive import SILENCE_V2
from natpass_wire.pb.envelope_pb2 import Msg, MsgType, Notice

#: Waiting bytes of control frames that a client has caused for itself, its answers: past the first number it is read no
#: further, until there are no more than the second. A link needs about 400, and may have 2 KiB: all that was asked for
#: before is still answered.
MOST_OWN_CONTROL_BYTES, FEW_OWN_CONTROL_BYTES = 32 * 1024, 16 * 1024
#: Of the control frames of a link's target so many bytes each are charged to the opener, who asked for them, and the
#: rest to the target: honest ones are shorter.
_ANSWER_BYTES = 1024
#: Bytes of a payload before login at most: a hello with all its capabilities is shorter.
MAX_LOGIN_BYTES = 4 * 1024
#: Ticks between two sweeps of ended links from the fast path; until then, it keeps clients in memory that are gone.
_SWEEP_TICKS = 60


class ConnectionHub(Protocol):
    """What a connection needs from its relay."""

    router: Router

    @property
    def delivery(self) -> "ConnectionDelivery[Connection]":
        """Delivers messages about links."""
        ...

    def visitor_says(self, connection: "Connection", message: Msg) -> None:
        """Take a message from before the login."""

    def client_says(self, connection: "Connection", message: Msg) -> None:
        """Take a client's message to the relay itself."""

    def client_heard(self, connection: "Connection") -> None:
        """Record that a probed client shows life."""

    def connected(self, connection: "Connection", *, is_proxied: bool) -> None:
        """Take a new connection; `is_proxied` if it is from a proxy that says first who it is from."""

    def relayed(self, connection: "Connection") -> None:
        """Record that a proxy has said who a connection is from."""

    def spoke(self, connection: "Connection", begin: Callable[[], None]) -> None:
        """Take a connection's first bytes; `begin` is called when it is its turn."""

    def came_with_header(self, connection: "Connection") -> None:
        """Record that a connection that is no trusted proxy's began as if it were."""

    def came_plain(self, connection: "Connection") -> None:
        """Record that a new connection speaks bare TCP to a relay that has TLS."""

    def connection_to(self, client: Client) -> "Connection":
        """Return the connection of a registered client."""

    def drained(self, connection: "Connection") -> None:
        """Record that a connection can take bytes again."""

    def lost(self, connection: "Connection", error: Exception | None) -> None:
        """Record that a connection is gone."""


class Connection:
    """A connection from its first byte to its last; the handler of its socket."""

    def __init__(self, hub: ConnectionHub) -> None:
        self._hub = hub
        self._forwarding: Forwarding[Connection] = Forwarding(self, hub)
        self.outbox: Outbox[Connection] = Outbox(hub.delivery.account, self)
        self._is_answering = False
        self._waits_for: dict[Connection, int] = {}  # the value is the tick since which it waits
        self._patience: Patience[Connection] = Patience()
        self._waiters: set[Connection] = set()
        self._life: Life | None = None
        self._keepalive = b""  # its frame
        self._ticks = 0
        self.socket: FrameSocket
        #: The connections that have held this one up for too long; set by `tick`.
        self.too_slow: list[Connection] = []
        #: The client, once logged in.
        self.client: Client | None = None
        #: Whether it logged in with handshake v2 and understands our messages.
        self.speaks_v2 = False
        #: Whether it waits with a plain link when told so by `link_hold`.
        self.takes_holds = False
        #: Whether it is read no further: too many answers to its own messages wait for it.
        self.is_behind = False
        #: Whether it has been probed for a sign of life.
        self.is_probed = False
        #: Whether it has caused more than it may and is about to be dropped.
        self.is_overdrawn = False
        #: Whether the relay ignores everything that still comes from it.
        self.is_closed = False
        #: The peer's address for logs, and its host alone.
        self.address = self.host = "unknown"
        #: Where it is from, once logged in.
        self.source = Source(self.host, self.host)
        #: Whether it speaks bare TCP to a relay that has TLS: for older dialects only.
        self.is_plain = False

    # what the relay calls

    @property
    def is_held(self) -> bool:
        """Whether reading is paused because another client is slow; only of those that can't be told to wait."""
        return bool(self._waits_for)

    def enter(
        self,
        client: Client,
        source: Source,
        now: float,
        *,
        speaks_v2: bool,
        dead_after: float = SILENCE_V2,
        takes_holds: bool = False,
    ) -> None:
        """Become a client; one that speaks handshake v2 is closed after `dead_after` seconds of silence."""
        self.client = client
        self.source = source
        self.socket.lift_allowance()
        self.speaks_v2 = speaks_v2
        self.takes_holds = takes_holds
        self._life = Life.begin(now, dead_after if speaks_v2 else None)
        self._keepalive = envelope.to_frame(Msg(type=MsgType.keepalive, from_id=RELAY_ID, to=client.client_id))

    def send(self, message: Msg, *, is_answer: bool = False) -> None:
        """Send a message of the relay itself; an answer is charged to this client, which has asked for it."""
        frame = envelope.to_frame(message)
        if self.client is None or self.outbox.is_free:
            self.socket.write(frame)
        elif is_answer or self._is_answering:
            self.put_control(frame, self, ((self, len(frame)),))
        else:
            self.put_control(frame, self)

    def hold(self, route: Route, *, on: bool) -> None:
        """Tell this client to send nothing on a plain link, or to go on."""
        if self.client is None or route.ended:
            return
        other = route.other(self.client)
        hold = Msg(type=MsgType.link_hold, from_id=other.client_id, from_idx=other.idx, to=self.client.client_id)
        hold.link_id = route.link_id
        hold.hold.on = on
        self.send(hold, is_answer=True)

    def put_control(
        self, frame: bytes, sender: "Connection", charges: "tuple[tuple[Connection, int], ...]" = ()
    ) -> None:
        """Send a control frame in its sender's turn; whoever has caused too many that wait, waits as well, or goes."""
        if self.is_closed:
            return
        self.outbox.put_control(sender, frame, charges)
        if self.outbox.own_control > MOST_OWN_CONTROL_BYTES and not self.is_behind:
            self.is_behind = True
            self.socket.pause_reading()
        self._hub.delivery.keep_budgets(self, [payer for payer, _ in charges])

    def put_link_control(self, frame: bytes, sender: "Connection", opener: "Connection") -> None:
        """Send a frame that opens, answers or ends a link, in the turn of the link's other end; see `Outbox.post`."""
        if self.outbox.post(frame):
            return
        to_opener = len(frame) if sender is opener else min(len(frame), _ANSWER_BYTES)
        charges = [(opener, to_opener)]
        if to_opener < len(frame):
            charges.append((sender, len(frame) - to_opener))
        self.put_control(frame, sender, tuple(each for each in charges if not each[0].is_closed))

    def say_to_relay(self, message: Msg) -> None:
        """Take a message of this client to the relay itself. What the relay says to it meanwhile is an answer."""
        self._is_answering = True
        try:
            self._hub.client_says(self, message)
        finally:
            self._is_answering = False

    def probe(self, ping: Msg) -> None:
        """Probe for a sign of life, and call `ConnectionHub.client_heard` when there is one."""
        self.is_probed = True
        if self._life is not None:
            self._life.probe(self.socket)
        self.send(ping)

    def look_for_life(self) -> None:
        """Check for a sign of life since the probe; a client that others hold up counts as alive."""
        if self.is_held or (self._life is not None and self._life.is_shown(self.socket, is_behind=self.is_behind)):
            self._heard()

    def close(self, last_words: Msg | None = None) -> None:
        """Ignore further input, flush, and close."""
        if self.is_closed:
            return
        self.is_closed = True
        if last_words is not None:
            self.socket.write(envelope.to_frame(last_words))
        self.let_go()
        self.socket.close()

    def let_go(self) -> None:
        """Release the connections that wait for this one, wait for none, and forget what waits for it."""
        self.outbox.close()
        for waiter in list(self._waiters):
            waiter.go_on_without(self)
        for other in self._waits_for:
            other._waiters.discard(self)
        self._waits_for.clear()

    def wait_for(self, other: "Connection") -> None:
        """Pause reading until `other` can take more; no-op if it can."""
        if other.outbox.is_free or other.is_closed or self.is_closed:
            return
        if not self._waits_for:
            self.socket.pause_reading()
            if self._life is not None:
                self._life.keepalive.listening(False)
        self._waits_for.setdefault(other, self._ticks)
        other._waiters.add(self)

    def go_on_without(self, other: "Connection") -> None:
        """Stop waiting for `other`."""
        other._waiters.discard(self)
        if self._waits_for.pop(other, None) is not None:
            self._go_on()

    def tick(self, now: float) -> str | None:
        """Advance the clock, about once a second; return why the client has to be closed, None if it need not be."""
        if self._life is None or self.client is None:
            return None
        self._ticks += 1
        if self._ticks % _SWEEP_TICKS == 0:
            self._forwarding.sweep()
        passed = self._life.tick(self.socket, now, is_behind=self.is_behind)
        if self._waits_for or self._patience:
            holders = [other for other, since in self._waits_for.items() if since < self._ticks - 1]
            self.too_slow = self._patience.tick(holders, passed)
        else:
            self.too_slow = []
        if (fault := self._life.fault) is not None:
            return fault
        if self._life.is_due(now) and self.outbox.is_free:
            self.socket.write(self._keepalive)
        return None

    # FrameHandler: what the socket calls

    def socket_ready(self) -> None:
        """No-op: clients speak first."""

    def batch_received(self, batch: Batch) -> int | None:
        """Take some frames; return how many if that is a turn's work."""
        if self.is_probed:
            self._heard()
        try:
            if self.client is None:
                return self._before_login(batch)
            return self._forwarding.route(bytes(batch.view[: batch.bounds[-1]]), batch.bounds)
        except RemoteProtocolError as error:
            if self.speaks_v2 and self.client is not None:
                notice = Notice(code=Notice.PROTOCOL, text=f"protocol error: {error}")
                self.send(Msg(type=MsgType.notice, from_id=RELAY_ID, to=self.client.client_id, notice=notice))
            raise
        finally:
            self._forwarding.write_posted()

    def writable_changed(self, writable: bool) -> None:
        """Send what waits, and let its senders go on."""
        if writable:
            self._flush()

    def socket_lost(self, error: Exception | None) -> None:
        """End."""
        self.is_closed = True
        self.let_go()
        self._hub.lost(self, error)
        self._forwarding.close()
        self.outbox.disown()

    def _flush(self) -> None:
        """Write what waits; tell the senders that were held to go on, and send the rest of the roster."""
        if self.is_closed:
            return
        drained, has_more = self.outbox.flush()
        for route in drained:
            sender = self.outbox.held.pop(route, None)
            if sender is not None:
                sender.hold(route, on=False)
        if self.is_behind and self.outbox.own_control <= FEW_OWN_CONTROL_BYTES:
            self.is_behind = False
            self._go_on()
        if has_more:
            asyncio.get_running_loop().call_soon(self._flush)
        for waiter in list(self._waiters):
            if not self.outbox.waits_from(waiter):
                waiter.go_on_without(self)
        self._hub.drained(self)

    def _heard(self) -> None:
        if self.is_probed:
            self.is_probed = False
            self._hub.client_heard(self)

    def _go_on(self) -> None:
        """Read again, if there is no other reason not to."""
        if self.is_closed or self._waits_for:
            return
        if self._life is not None:
            self._life.keepalive.listening(True)
        if not self.is_behind:
            self.socket.resume_reading()

    def _before_login(self, batch: Batch) -> int | None:
        for number, (start, end) in enumerate(pairwise(batch.bounds)):
            if self.is_closed:
                return None
            frame = bytes(batch.view[start:end])
            if self.client is not None:  # what follows the login in the same batch is routed in the next turn
                return number
            if end - start > HEADER_BYTES + MAX_LOGIN_BYTES:
                raise RemoteProtocolError(f"a frame of {end - start} bytes before the login")
            self._hub.visitor_says(self, envelope.parse(frame[HEADER_BYTES:]))
        return None
