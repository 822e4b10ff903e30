"""One client's connection: its login, its frames, and flow control.

What a client does not take at once waits in its `Outbox`. Its senders are read on, so that one slow or hostile client
costs them nothing: a stream's link is bounded by the credit that its ends have told, a plain link by telling its sender
to wait. Only senders that understand neither (existing programs) are read no further until their part has drained.
Nor is a client while too many answers to its own messages wait for it.
"""

# Why: docs/decisions/065-a-sender-pays-for-its-receiver.md
# Why: docs/decisions/066-holding-a-plain-link.md
# Why: docs/decisions/085-who-reads-no-answers-is-not-read.md

import asyncio
from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Protocol

from natpass_relay.backlog import Ledger
from natpass_relay.clients import Client
from natpass_relay.fastpath import FastRoutes
from natpass_relay.life import Life
from natpass_relay.outbox import Outbox
from natpass_relay.patience import Patience
from natpass_relay.routing import Forward, Route, Router, Send
from natpass_relay.sources import Source
from natpass_wire import envelope
from natpass_wire.aio.sockets import FrameSocket
from natpass_wire.errors import RemoteProtocolError
from natpass_wire.frame import HEADER_BYTES, Batch, encode_frame
from natpass_wire.ids import RELAY_ID
from natpass_wire.keepalive import SILENCE_V2
from natpass_wire.pb.envelope_pb2 import Msg, MsgType, Notice

#: Waiting bytes of a plain link at which its sender is told to wait, and at which the link ends because it does not.
#: The buffers of two sockets may be full when it is told: Linux lets them grow to 10 MB.
HOLD_BYTES, MOST_PLAIN_BYTES = 64 * 1024, 12 * 1024 * 1024
#: Waiting bytes of control frames that a client has caused for itself, its answers: past the first number it is read no
#: further, until there are no more than the second. A link needs about 400, and may have 2 KiB: all that was asked for
#: before is still answered.
MOST_OWN_CONTROL_BYTES, FEW_OWN_CONTROL_BYTES = 32 * 1024, 16 * 1024
#: Of the control frames of a link's target so many bytes each are charged to the opener, who asked for them, and the
#: rest to the target: honest ones are shorter.
_ANSWER_BYTES = 1024
#: Frames that wait are queued in pieces of about so many bytes, so that senders take short turns.
_PIECE_BYTES = 16 * 1024
#: Bytes of a payload before login at most: a hello with all its capabilities is shorter.
MAX_LOGIN_BYTES = 4 * 1024
#: What a client may have done for it in one turn of the loop: messages that the relay parses, and changes of the
#: receiver, each of which is a write. Each costs 5 to 20 µs.
WORK_A_TURN = 64
#: Read once: a lookup in a protobuf enum costs as much as a small parse.
_CONNECT_REQ = MsgType.connect_req
#: Ticks between two sweeps of ended links from the fast path; until then, it keeps clients in memory that are gone.
_SWEEP_TICKS = 60


class ConnectionDelivery(Protocol):
    """What a connection needs to send messages about links, and when too much waits."""

    #: What waits in the whole relay.
    ledger: "Ledger[Connection, Route]"

    def deliver(self, send: Send) -> None:
        """Send what the router says."""

    def cut(self, route: Route, slow: "Connection") -> None:
        """End a link because too much of it waits for `slow`."""

    def keep_budgets(self, connection: "Connection", payers: "Sequence[Connection]" = ()) -> None:
        """End links if too much waits for `connection`, or in the whole relay; drop who has caused too much."""


class ConnectionHub(Protocol):
    """What a connection needs from its relay."""

    router: Router

    @property
    def delivery(self) -> ConnectionDelivery:
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
        self._cache: FastRoutes[Connection] = FastRoutes()
        self.outbox: Outbox[Connection] = Outbox(hub.delivery.ledger, self)
        self._is_answering = False
        self._posted_to: set[Connection] = set()
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
            self._cache.sweep()
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
            return self._route(bytes(batch.view[: batch.bounds[-1]]), batch.bounds)
        except RemoteProtocolError as error:
            if self.speaks_v2 and self.client is not None:
                notice = Notice(code=Notice.PROTOCOL, text=f"protocol error: {error}")
                self.send(Msg(type=MsgType.notice, from_id=RELAY_ID, to=self.client.client_id, notice=notice))
            raise
        finally:
            self._write_posted()

    def writable_changed(self, writable: bool) -> None:
        """Send what waits, and let its senders go on."""
        if writable:
            self._flush()

    def socket_lost(self, error: Exception | None) -> None:
        """End."""
        self.is_closed = True
        self.let_go()
        self._hub.lost(self, error)

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

    def _write_posted(self) -> None:
        """Write what this batch has posted to others."""
        for to in self._posted_to:
            to.outbox.write_posted()
        self._posted_to.clear()

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

    def _route(self, data: bytes, bounds: list[int]) -> int | None:
        """Forward frames: those that look like earlier ones in runs, one write for each run; others one by one.

        Args:
            data: the frames, concatenated.
            bounds: where they begin and end.

        Returns:
            How many were routed, if that is a turn's work, or the client is behind; None: all of them.
        """
        find = self._cache.find
        to: Connection | None = None  # where the frames from `marks[0]` to `start` go
        marks: list[tuple[int, Route]] = []  # where the frames of each link begin in them
        start = bounds[0]
        work = 0
        like_bytes, like_size = b"", -1  # prefix and size of frames that go where the last one went
        for end in bounds[1:]:
            at = start + HEADER_BYTES
            if end - start != like_size or not data.startswith(like_bytes, at):
                fast_route = find(data, at, end)
                if fast_route is None or fast_route.to is not to:
                    if (work := work + 1) > WORK_A_TURN:
                        break
                    if to is not None:
                        self._pass_on(to, data, bounds, marks, start)
                        if self.is_closed:
                            return None
                    if fast_route is None:
                        to, like_size = None, -1
                        self._parse_and_route(data[at:end])
                        if self.is_closed:
                            return None
                        start = end
                        if self.is_behind:
                            break
                        continue
                    to, marks = fast_route.to, [(start, fast_route.route)]
                elif fast_route.route is not marks[-1][1]:
                    marks.append((start, fast_route.route))
                like_bytes, like_size = fast_route.prefix(end - at), end - start
            start = end
        if to is not None:
            self._pass_on(to, data, bounds, marks, start)
        return bounds.index(start) if work > WORK_A_TURN or self.is_behind else None

    def _pass_on(
        self, to: "Connection", data: bytes, bounds: list[int], marks: list[tuple[int, Route]], end: int
    ) -> None:
        """Forward the frames from `marks[0]` to `end`.

        What a sender that is about to be held has sent before is not worth a queue: it is one read at most.
        """
        outbox = to.outbox
        fits = end - marks[0][0] <= to.socket.high_water
        if (outbox.is_free and fits) or (not outbox.has_backlog and all(self._is_held_by(route) for _, route in marks)):
            to.socket.write(data[marks[0][0] : end])
            if not to.socket.writable and any(self._is_held_by(route) for _, route in marks):
                self.wait_for(to)
            return
        for (start, route), (stop, _) in pairwise([*marks, (end, marks[-1][1])]):
            at = start
            while at < stop:
                piece = bounds[max(bisect_right(bounds, at + _PIECE_BYTES) - 1, bisect_right(bounds, at))]
                piece = min(piece, stop)
                self._put_data(to, route, data[at:piece])
                at = piece

    def _put_data(self, to: "Connection", route: Route, frames: bytes) -> None:
        """Queue data for `to`, within the bound of its link."""
        if route.ended or to.is_closed or to.client is None:
            return
        waiting = to.outbox.put_data(self, route, frames)
        if not waiting:
            if not to.socket.writable and self._is_held_by(route):
                self.wait_for(to)
            return
        if route.is_stream:
            if waiting > route.window_of(to.client):
                self._hub.delivery.cut(route, to)
        elif self._is_held_by(route):
            self.wait_for(to)
        elif waiting > MOST_PLAIN_BYTES:
            self._hub.delivery.cut(route, to)
        elif waiting > HOLD_BYTES and route not in to.outbox.held:
            to.outbox.held[route] = self
            self.hold(route, on=True)
        self._hub.delivery.keep_budgets(to)

    def _is_held_by(self, route: Route) -> bool:
        """Tell whether this sender is read no further while a link of it waits: it can't be told to wait."""
        return not route.is_stream and not self.takes_holds

    def _parse_and_route(self, payload: bytes) -> None:
        message = envelope.parse(payload)
        client = self.client
        if client is None or self.is_overdrawn:
            return
        kind = message.type
        if kind != _CONNECT_REQ and message.to == RELAY_ID:
            self._is_answering = True
            try:
                self._hub.client_says(self, message)
            finally:
                self._is_answering = False
            return
        for command in self._hub.router.receive(client, message):
            if isinstance(command, Forward):
                to = self._hub.connection_to(command.client)
                if command.as_it_came and envelope.is_canonical(payload):
                    self._cache.learn(payload, kind, command.route, to)
                    frame = encode_frame(payload)
                else:
                    frame = envelope.to_frame(command.message)
                self._put_data(to, command.route, frame)
            elif (route := command.route) is None or command.client is client:
                self._hub.delivery.deliver(command)
            else:
                if route.ended:
                    self.outbox.drop(route)  # who ends a link reads no more of it
                to = self._hub.connection_to(command.client)
                frame = envelope.to_frame(command.message)
                self._posted_to.add(to)
                to.put_link_control(frame, self, self if route.opener is client else to)
