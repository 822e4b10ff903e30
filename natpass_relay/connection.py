"""One client's connection: its login, its frames, and whom it waits for.

Who sends to a client that does not keep up is read no further until that client's connection has drained: nothing is
dropped, and TCP slows the sender down.
"""

# Why: docs/decisions/018-legacy-and-tls-at-one-port.md

import asyncio
import ssl
from itertools import pairwise
from typing import Protocol

from natpass_relay.clients import Client
from natpass_relay.fastpath import FastRoutes
from natpass_relay.patience import Patience
from natpass_relay.routing import Forward, Router
from natpass_wire import envelope
from natpass_wire.aio.runtime import ReadBuffers
from natpass_wire.aio.sockets import FrameSocket, plain_host
from natpass_wire.errors import RemoteProtocolError
from natpass_wire.frame import HEADER_BYTES, Batch
from natpass_wire.ids import RELAY_ID
from natpass_wire.keepalive import INTERVAL_LEGACY, RELAY_SILENCE_LEGACY, SILENCE_V2, Keepalive
from natpass_wire.pb.envelope_pb2 import Msg, MsgType, Notice

#: Bytes that wait for one client before its senders are held: a quarter of a second at 8 Mbit/s. `tests.bench relay`
#: moves 60 KiB frames as fast as with 1 MiB; less waits behind what is sent already, and holds are shorter.
HIGH_WATER_BYTES = 256 * 1024
#: Payloads before login: a hello with all its capabilities is shorter.
MAX_LOGIN_BYTES = 4 * 1024
#: A client that takes none of the bytes that wait for it is given up after so many seconds.
STUCK_SECONDS = 60.0
#: What a connection with TLS begins with: a handshake record (RFC 8446 §5.1). As the first byte of a frame it would be
#: one of 5632 to 5887 bytes, which no login is.
TLS_FIRST_BYTE = 0x16
#: Ticks between two looks for ended links in the fast path: until then, it keeps clients in memory that are gone.
_SWEEP_TICKS = 60
#: Of the time between two ticks no more than this counts against a client: if more passed, we stalled, not it.
_MOST_OF_TICK = 2.0


class ConnectionHub(Protocol):
    """What a connection needs from the relay that it belongs to."""

    router: Router

    def visitor_says(self, connection: "Connection", message: Msg) -> None:
        """Take a message from before the login."""

    def client_says(self, connection: "Connection", message: Msg) -> None:
        """Take a client's message to the relay itself."""

    def client_heard(self, connection: "Connection") -> None:
        """Take note that a probed client shows life."""

    def connected(self, connection: "Connection", host: str) -> None:
        """Take a new connection from the address `host`."""

    def came_plain(self, connection: "Connection") -> None:
        """Take note that a new connection speaks bare TCP, where this relay has TLS."""

    def connection_to(self, client: Client) -> "Connection":
        """Return the connection of a registered client."""

    def drained(self, connection: "Connection") -> None:
        """Take note that a connection can take bytes again."""

    def lost(self, connection: "Connection", error: Exception | None) -> None:
        """Take note that a connection is gone."""


class Connection:
    """A connection from its first byte to its last; the handler of its socket."""

    def __init__(self, hub: ConnectionHub) -> None:
        self._hub = hub
        self._cache: FastRoutes[Connection] = FastRoutes()
        self._waits_for: dict[Connection, int] = {}  # and since which tick
        self._patience: Patience[Connection] = Patience()
        self._waiters: set[Connection] = set()
        self._keepalive: Keepalive | None = None
        self._seen_bytes = 0
        self._sent_bytes = 0
        self._taken_bytes = 0
        self._stuck = 0.0
        self._ticked_at = 0.0
        self._ticks = 0
        self._probed_at_bytes = 0
        self.socket: FrameSocket
        #: For whom it was read no further for too long; made by `tick`.
        self.too_slow: list[Connection] = []
        #: Who this is, once logged in.
        self.client: Client | None = None
        #: Whether it logged in with handshake v2, and so understands our messages.
        self.speaks_v2 = False
        #: Whether it is asked for a sign of life.
        self.is_probed = False
        #: Set when nothing more is taken from it.
        self.is_closed = False
        #: Where it comes from, for logs; and without the client.
        self.address = self.host = "unknown"
        #: Whether it speaks bare TCP, where this relay has TLS: for older dialects only.
        self.is_plain = False

    # what the relay calls

    @property
    def is_held(self) -> bool:
        """Whether it is not read now, since somebody else is slow."""
        return bool(self._waits_for)

    def enter(self, client: Client, now: float, *, speaks_v2: bool, dead_after: float = SILENCE_V2) -> None:
        """Become a client; one that speaks handshake v2 is given up after `dead_after` seconds of silence."""
        self.client = client
        self.speaks_v2 = speaks_v2
        if speaks_v2:
            self._keepalive = Keepalive.start(now, dead_after / 3, dead_after)
        else:
            self._keepalive = Keepalive.start(now, INTERVAL_LEGACY, RELAY_SILENCE_LEGACY)
        self._ticked_at = now

    def send(self, message: Msg) -> None:
        """Send a message at once."""
        self.socket.write(envelope.to_frame(message))

    def probe(self, ping: Msg) -> None:
        """Ask for a sign of life; `ConnectionHub.client_heard` is called when there is one."""
        self.is_probed = True
        self._probed_at_bytes = self.socket.received_bytes
        self.send(ping)

    def look_for_life(self) -> None:
        """See whether anything came since the probe, be it part of a frame; who is not listened to counts as alive."""
        if self.is_held or self.socket.received_bytes != self._probed_at_bytes:
            self._heard()

    def close(self, last_words: Msg | None = None) -> None:
        """Take nothing more, send what waits, and close."""
        if self.is_closed:
            return
        self.is_closed = True
        if last_words is not None:
            self.send(last_words)
        self.let_go()
        self.socket.close()

    def let_go(self) -> None:
        """Let those go on that wait for this connection, and wait for nobody."""
        for waiter in list(self._waiters):
            waiter.go_on_without(self)
        for other in self._waits_for:
            other._waiters.discard(self)
        self._waits_for.clear()

    def wait_for(self, other: "Connection") -> None:
        """Read no further until `other` can take more, if it can't now."""
        if other.socket.writable or other.is_closed or self.is_closed:
            return
        if not self._waits_for:
            self.socket.pause_reading()
            if self._keepalive is not None:
                self._keepalive.listening(False)
        self._waits_for.setdefault(other, self._ticks)
        other._waiters.add(self)

    def go_on_without(self, other: "Connection") -> None:
        """Wait for `other` no longer."""
        other._waiters.discard(self)
        if self._waits_for.pop(other, None) is not None:
            self._go_on()

    def tick(self, now: float) -> str | None:
        """Let time pass, about once a second; return why the client has to be given up, None if it has not."""
        if self._keepalive is None or self.client is None:
            return None
        self._ticks += 1
        if self._ticks % _SWEEP_TICKS == 0:
            self._cache.sweep()
        socket, keepalive = self.socket, self._keepalive
        if socket.received_bytes != self._seen_bytes:
            self._seen_bytes = socket.received_bytes
            keepalive.received()
        if socket.sent_bytes != self._sent_bytes:
            self._sent_bytes = socket.sent_bytes
            keepalive.sent(now)
        keepalive.tick(now)
        waiting = socket.waiting_bytes
        taken = socket.sent_bytes - waiting
        passed = min(now - self._ticked_at, _MOST_OF_TICK)
        self._stuck += passed
        if not waiting or taken != self._taken_bytes:
            self._stuck = 0.0
        self._taken_bytes = taken
        self._ticked_at = now
        # Who does not take answers to its own questions holds up nobody else.
        holders = [o for o, since in self._waits_for.items() if since < self._ticks - 1 and o is not self]
        self.too_slow = self._patience.tick(holders, passed)
        if keepalive.is_dead:
            return f"silent for {keepalive.silence:.0f} s"
        if self._stuck >= STUCK_SECONDS:
            return f"took none of {waiting} waiting bytes for {STUCK_SECONDS:.0f} s"
        if keepalive.is_due(now) and socket.writable:
            self.send(Msg(type=MsgType.keepalive, from_id=RELAY_ID, to=self.client.client_id))
        return None

    # FrameHandler: what the socket calls

    def socket_ready(self) -> None:
        """Nothing to do: clients speak first."""

    def batch_received(self, batch: Batch) -> None:
        """Take some frames."""
        if self.is_probed:
            self._heard()
        try:
            if self.client is None:
                self._before_login(batch)
            else:
                self._route(bytes(batch.view[: batch.bounds[-1]]), batch.bounds)
        except RemoteProtocolError as error:
            if self.speaks_v2 and self.client is not None:
                notice = Notice(code=Notice.PROTOCOL, text=f"protocol error: {error}")
                self.send(Msg(type=MsgType.notice, from_id=RELAY_ID, to=self.client.client_id, notice=notice))
            raise

    def writable_changed(self, writable: bool) -> None:
        """Let those go on who waited for this."""
        if not writable:
            return
        for waiter in list(self._waiters):
            waiter.go_on_without(self)
        self._hub.drained(self)

    def socket_lost(self, error: Exception | None) -> None:
        """End."""
        self.is_closed = True
        self.let_go()
        self._hub.lost(self, error)

    def _heard(self) -> None:
        if self.is_probed:
            self.is_probed = False
            self._hub.client_heard(self)

    def _go_on(self) -> None:
        if not self._waits_for and not self.is_closed:
            self.socket.resume_reading()
            if self._keepalive is not None:
                self._keepalive.listening(True)

    def _before_login(self, batch: Batch) -> None:
        for start, end in pairwise(batch.bounds):
            if self.is_closed:
                return
            frame = bytes(batch.view[start:end])
            if self.client is not None:  # frames that came right behind the login
                self._parse_and_route(frame)
                continue
            if end - start > HEADER_BYTES + MAX_LOGIN_BYTES:
                raise RemoteProtocolError(f"a frame of {end - start} bytes before the login")
            self._hub.visitor_says(self, envelope.parse(frame[HEADER_BYTES:]))

    def _route(self, data: bytes, bounds: list[int]) -> None:
        """Hand on frames: those that look like earlier ones in runs, one write for each run; others one by one.

        Args:
            data: the frames, one behind another.
            bounds: where they begin and end.
        """
        find = self._cache.find
        to: Connection | None = None  # where the frames from `run` to `start` go
        run = start = bounds[0]
        like_bytes, like_size = b"", -1  # what a frame looks like that goes where the one before it went
        for end in bounds[1:]:
            at = start + HEADER_BYTES
            if end - start != like_size or not data.startswith(like_bytes, at):
                fast_route = find(data, at, end)
                if fast_route is None or fast_route.to is not to:
                    if to is not None:
                        self._pass_on(to, data[run:start])
                    run, to = start, None if fast_route is None else fast_route.to
                if fast_route is None:
                    like_size = -1
                    self._parse_and_route(data[start:end])
                    run = end
                    if self.is_closed:
                        return
                else:
                    like_bytes, like_size = fast_route.prefix(end - at), end - start
            start = end
        if to is not None:
            self._pass_on(to, data[run:start])

    def _pass_on(self, to: "Connection", frames: bytes) -> None:
        to.socket.write(frames)
        if not to.socket.writable:
            self.wait_for(to)

    def _parse_and_route(self, frame: bytes) -> None:
        payload = frame[HEADER_BYTES:]
        message = envelope.parse(payload)
        if self.client is None:
            return
        if message.to == RELAY_ID and message.type != MsgType.connect_req:
            self._hub.client_says(self, message)
            self.wait_for(self)  # who does not take our answers asks no more questions
            return
        for command in self._hub.router.receive(self.client, message):
            to = self._hub.connection_to(command.client)
            if isinstance(command, Forward) and command.as_it_came and envelope.is_canonical(payload):
                to.socket.write(frame)
                self._cache.learn(payload, message.type, command.route, to)
            else:
                to.send(command.message)
            self.wait_for(to)


class ClientSocket(FrameSocket):
    """The relay's end of a client's connection: it knows where that comes from, and believes little before login.

    Where the relay has TLS, the first byte tells whether the client speaks it: existing natpass programs may not.
    """

    def __init__(
        self, connection: Connection, hub: ConnectionHub, buffers: ReadBuffers, tls: ssl.SSLContext | None
    ) -> None:
        super().__init__(connection, buffers, tls=tls, server_side=True, high_water=HIGH_WATER_BYTES)
        self._connection = connection
        self._hub = hub
        self._has_begun = False
        connection.socket = self

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        name = transport.get_extra_info("peername")
        super().connection_made(transport)
        self._connection.address = self.peer_address
        self._connection.host = plain_host(name[0]) if isinstance(name, tuple) else ""
        self._hub.connected(self._connection, self._connection.host)

    def buffer_updated(self, nbytes: int) -> None:
        """Take what was read."""
        if not self._has_begun:
            self._has_begun = True
            if self._tls is not None and self._buffers.raw[0] != TLS_FIRST_BYTE:
                self._connection.is_plain = True
                self._leave_out_tls()
                self._hub.came_plain(self._connection)
                if self._buffers.raw[0] > MAX_LOGIN_BYTES >> 8:  # a browser's GET, say: it may send no more than that
                    self.abort(RemoteProtocolError("neither TLS nor a login"))
        super().buffer_updated(nbytes)
        if self._connection.client is None and self._decoder.waiting_bytes > MAX_LOGIN_BYTES + HEADER_BYTES:
            self.abort(RemoteProtocolError("a long frame before the login"))
