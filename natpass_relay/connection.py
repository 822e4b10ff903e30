"""One client's connection: its login, its frames, and flow control.

When a client does not keep up, the relay stops reading from those that send to it until its connection has drained:
nothing is dropped, and TCP slows the senders down.
"""

# Why: docs/decisions/018-legacy-and-tls-at-one-port.md

import asyncio
import ssl
from collections.abc import Callable
from itertools import pairwise
from typing import Protocol

from natpass_relay.clients import Client
from natpass_relay.fastpath import FastRoutes
from natpass_relay.patience import Patience
from natpass_relay.proxy_protocol import ProxyHeader, looks_like_header
from natpass_relay.routing import Forward, Router
from natpass_wire import envelope
from natpass_wire.aio.runtime import ReadBuffers
from natpass_wire.aio.sockets import FrameSocket, plain_host
from natpass_wire.errors import RemoteProtocolError
from natpass_wire.frame import HEADER_BYTES, Batch
from natpass_wire.ids import RELAY_ID
from natpass_wire.keepalive import INTERVAL_LEGACY, RELAY_SILENCE_LEGACY, SILENCE_V2, Keepalive
from natpass_wire.pb.envelope_pb2 import Msg, MsgType, Notice

#: Bytes queued for one client before its senders are held: a quarter of a second at 8 Mbit/s. `tests.bench relay`
#: moves 60 KiB frames as fast as with 1 MiB; the shorter queue means less delay and shorter holds.
HIGH_WATER_BYTES = 256 * 1024
#: Bytes of a payload before login at most: a hello with all its capabilities is shorter.
MAX_LOGIN_BYTES = 4 * 1024
#: Bytes before login at most, TLS and all: a hello with a long TLS handshake is a fourth of it.
MAX_BYTES_BEFORE_LOGIN = 16 * 1024
#: What a client may have done for it in one turn of the loop: messages that the relay parses, and changes of the
#: receiver, each of which is a write. Each costs 5 to 20 µs.
WORK_A_TURN = 64
#: Seconds after which the relay closes a client that takes none of the bytes queued for it.
STUCK_SECONDS = 60.0
#: The first byte of a connection with TLS: a handshake TLS record (RFC 8446 §5.1). As the first byte of a frame it
#: would mean a length of 5632 to 5887 bytes, and every login is shorter.
TLS_FIRST_BYTE = 0x16
#: Ticks between two sweeps of ended links from the fast path; until then, it keeps clients in memory that are gone.
_SWEEP_TICKS = 60
#: Seconds between two ticks that count against a client at most: if more passed, we stalled, not the client.
_MOST_OF_TICK = 2.0


class ConnectionHub(Protocol):
    """What a connection needs from its relay."""

    router: Router

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
        self._waits_for: dict[Connection, int] = {}  # the value is the tick since which it waits
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
        #: The connections that have held this one up for too long; set by `tick`.
        self.too_slow: list[Connection] = []
        #: The client, once logged in.
        self.client: Client | None = None
        #: Whether it logged in with handshake v2 and understands our messages.
        self.speaks_v2 = False
        #: Whether it has been probed for a sign of life.
        self.is_probed = False
        #: Whether the relay ignores everything that still comes from it.
        self.is_closed = False
        #: The peer's address for logs, and its host alone.
        self.address = self.host = "unknown"
        #: Whether it speaks bare TCP to a relay that has TLS: for older dialects only.
        self.is_plain = False

    # what the relay calls

    @property
    def is_held(self) -> bool:
        """Whether reading is paused because another client is slow."""
        return bool(self._waits_for)

    def enter(self, client: Client, now: float, *, speaks_v2: bool, dead_after: float = SILENCE_V2) -> None:
        """Become a client; one that speaks handshake v2 is closed after `dead_after` seconds of silence."""
        self.client = client
        self.socket.lift_allowance()
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
        """Probe for a sign of life, and call `ConnectionHub.client_heard` when there is one."""
        self.is_probed = True
        self._probed_at_bytes = self.socket.received_bytes
        self.send(ping)

    def look_for_life(self) -> None:
        """Check for bytes since the probe, even part of a frame; a client whose reading is paused counts as alive."""
        if self.is_held or self.socket.received_bytes != self._probed_at_bytes:
            self._heard()

    def close(self, last_words: Msg | None = None) -> None:
        """Ignore further input, flush, and close."""
        if self.is_closed:
            return
        self.is_closed = True
        if last_words is not None:
            self.send(last_words)
        self.let_go()
        self.socket.close()

    def let_go(self) -> None:
        """Release the connections that wait for this one, and wait for none."""
        for waiter in list(self._waiters):
            waiter.go_on_without(self)
        for other in self._waits_for:
            other._waiters.discard(self)
        self._waits_for.clear()

    def wait_for(self, other: "Connection") -> None:
        """Pause reading until `other` can take more; no-op if it can."""
        if other.socket.writable or other.is_closed or self.is_closed:
            return
        if not self._waits_for:
            self.socket.pause_reading()
            if self._keepalive is not None:
                self._keepalive.listening(False)
        self._waits_for.setdefault(other, self._ticks)
        other._waiters.add(self)

    def go_on_without(self, other: "Connection") -> None:
        """Stop waiting for `other`."""
        other._waiters.discard(self)
        if self._waits_for.pop(other, None) is not None:
            self._go_on()

    def tick(self, now: float) -> str | None:
        """Advance the clock, about once a second; return why the client has to be closed, None if it need not be."""
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
        # A client that does not read the answers to its own questions holds up no others.
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

    def writable_changed(self, writable: bool) -> None:
        """Release the connections that waited for this one."""
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
            How many were routed, if that is a turn's work; None: all of them.
        """
        find = self._cache.find
        to: Connection | None = None  # where the frames from `run` to `start` go
        run = start = bounds[0]
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
                        self._pass_on(to, data[run:start])
                    run, to = start, None if fast_route is None else fast_route.to
                if fast_route is None:
                    like_size = -1
                    self._parse_and_route(data[start:end])
                    run = end
                    if self.is_closed:
                        return None
                else:
                    like_bytes, like_size = fast_route.prefix(end - at), end - start
            start = end
        if to is not None:
            self._pass_on(to, data[run:start])
        return bounds.index(start) if work > WORK_A_TURN else None

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
            self.wait_for(self)  # read no more questions from a client that does not take our answers
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
    """The relay's end of a client's connection; it limits what a client may send, and costs us, before login.

    On a relay with TLS, the first byte tells whether the client speaks it: existing natpass programs may not. Nothing
    is made for a connection before its first bytes have come and the hub says that it is its turn.

    Args:
        connection: what the connection means.
        hub: the relay.
        buffers: the loop's read buffers.
        tls: the relay's certificate, None for bare TCP.
        is_proxied: tells whether an address is that of a proxy which says first who a connection is from.
    """

    def __init__(
        self,
        connection: Connection,
        hub: ConnectionHub,
        buffers: ReadBuffers,
        tls: ssl.SSLContext | None,
        is_proxied: Callable[[str], bool] = lambda _: False,
    ) -> None:
        super().__init__(
            connection,
            buffers,
            server_side=True,
            high_water=HIGH_WATER_BYTES,
            allowance=MAX_BYTES_BEFORE_LOGIN,
        )
        self._connection = connection
        self._hub = hub
        self._context = tls
        self._is_proxied = is_proxied
        self._header: ProxyHeader | None = None
        self._first_bytes = b""
        self._has_begun = False
        connection.socket = self

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        name = transport.get_extra_info("peername")
        super().connection_made(transport)
        self._connection.address = self.peer_address
        host = self._connection.host = plain_host(name[0]) if isinstance(name, tuple) else ""
        if self._is_proxied(host):
            self._header = ProxyHeader()
        self._hub.connected(self._connection, is_proxied=self._header is not None)

    def buffer_updated(self, nbytes: int) -> None:
        """Take what was read."""
        if self._closing or self._has_begun:
            super().buffer_updated(nbytes)
            if self._connection.client is None and self._decoder.waiting_bytes > MAX_LOGIN_BYTES + HEADER_BYTES:
                self.abort(RemoteProtocolError("a long frame before the login"))
            return
        try:
            data = bytes(self._buffers.raw[: min(nbytes, MAX_BYTES_BEFORE_LOGIN + 1)])
            if self._header is not None:
                data = self._take_header(self._header, data)
            if data:
                self._speak(data)
        except RemoteProtocolError as error:
            self.abort(error)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._first_bytes = b""
        super().connection_lost(exc)

    def _take_header(self, header: ProxyHeader, data: bytes) -> bytes:
        """Take bytes of a proxy's header; return those that follow it."""
        rest = header.feed(data)
        if rest is None:
            return b""
        self._header = None
        if header.host is not None:
            self._connection.host = header.host
            shown = f"[{header.host}]" if ":" in header.host else header.host
            self._connection.address = f"{shown}:{header.port} (through {self._connection.address})"
            self._hub.relayed(self._connection)
        return b"" if self._closing else rest

    def _speak(self, data: bytes) -> None:
        """Keep the client's first bytes until it is its turn. Reading goes on, to see whether it gives up."""
        has_spoken = bool(self._first_bytes)
        self._first_bytes += data
        if len(self._first_bytes) > MAX_BYTES_BEFORE_LOGIN:
            raise RemoteProtocolError("too many bytes at once before the login")
        if looks_like_header(self._first_bytes):
            self._hub.came_with_header(self._connection)
            raise RemoteProtocolError("a PROXY header from an address that is not a --trusted-proxy")
        if not has_spoken:
            self._hub.spoke(self._connection, self._begin)

    def _begin(self) -> None:
        """Go on: it is this connection's turn."""
        data, self._first_bytes = self._first_bytes, b""
        if self._closing or not data:
            return
        self._has_begun = True
        if self._context is not None:
            if data[0] == TLS_FIRST_BYTE:
                self._begin_tls(self._context, server_side=True)
            else:
                self._connection.is_plain = True
                self._hub.came_plain(self._connection)
                if data[0] > MAX_LOGIN_BYTES >> 8:  # such as a browser's GET
                    self.abort(RemoteProtocolError("neither TLS nor a login"))
                    return
        self._buffers.raw[: len(data)] = data
        self.buffer_updated(len(data))
