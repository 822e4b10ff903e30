"""Flows of datagrams: one socket for each flow to a target; a listener's socket for all that come to it.

A flow ends when it was idle for a minute, or as long as its console says: UDP has no end.
"""

import asyncio
import contextlib
import socket
import time
from typing import Any, cast

from natpass_agent.links.forward.places import Holder, Place
from natpass_wire.channels.events import IDLE_SECONDS, Endpoint
from natpass_wire.errors import LocalProtocolError
from natpass_wire.pb.forward_pb2 import ChannelRefused

#: The least seconds after which a flow ends: what a console asks for is no reason to sweep all the time.
MIN_IDLE_SECONDS = 1.0
#: Bytes that wait for a socket; what comes then is dropped, as a full network card would.
_MOST_WAITING = 256 * 1024
#: Flows of one listener at once: anybody may send from as many ports as there are.
MOST_FLOWS = 256


class Flow:
    """A flow's side of a channel: the parts that both kinds share. `ChannelUser`.

    Args:
        session: the link.
        channel: its channel, 0 until there is one.
        place: where it goes to, or came to.
        idle: after how many seconds without a datagram it ends; 0: `IDLE_SECONDS`.
        listener: the listener's id, 0 if it goes to a target.
    """

    __slots__ = ("_is_over", "_session", "channel", "idle", "last", "listener", "place", "was_carried")

    def __init__(self, session: Holder, channel: int, place: Place, idle: float = 0.0, listener: int = 0) -> None:
        self._session = session
        self.channel = channel
        self.place = place
        self.listener = listener
        self.idle = max(idle, MIN_IDLE_SECONDS) if idle else IDLE_SECONDS
        self.last = time.monotonic()
        self._is_over = False
        self.was_carried = False

    def abort(self, reason: str) -> None:
        """End the flow and its channel. No-op if it has ended."""
        if not self._is_over:
            self._is_over = True
            self._session.link.reset(self.channel, reason)
            self._close()

    def opened(self, host: str, port: int) -> None:
        """Take note that the console has a way for it."""

    def not_opened(self, reason: ChannelRefused.Reason, text: str) -> None:
        """End it."""
        self.abort(text)

    def received(self, data: bytes) -> None:
        """Send a datagram."""
        self.last = time.monotonic()
        self._session.traffic.received += len(data)
        self._send(data)

    def ended(self) -> None:
        """Take no note: a flow has no end."""

    def was_reset(self, text: str) -> None:
        """End it."""
        self.abort(text)

    def writable(self) -> None:
        """Take no note: datagrams need no credit."""

    def came(self, data: bytes) -> None:
        """Pass a datagram on to the console."""
        self.last = time.monotonic()
        if self._session.link.write_datagram(self.channel, data):
            self._session.traffic.sent += len(data)

    def _send(self, data: bytes) -> None:
        raise NotImplementedError

    def _close(self) -> None:
        raise NotImplementedError


class TargetFlow(Flow, asyncio.DatagramProtocol):
    """A flow to a target."""

    __slots__ = ("_sock", "_transport")

    def __init__(self, session: Holder, channel: int, place: Place, sock: socket.socket, idle: float = 0.0) -> None:
        super().__init__(session, channel, place, idle)
        self._sock = sock
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Tell the console, and send what has come already."""
        self._transport = cast("asyncio.DatagramTransport", transport)
        self._session.carry(self)
        self._session.link.accept(self.channel, self.place.host, self.place.port)
        if not self._session.link.use(self.channel, self):
            self.abort("the console gave it up")

    def datagram_received(self, data: bytes, addr: Any) -> None:
        """Pass a datagram on."""
        self.came(data)

    def error_received(self, exc: Exception) -> None:
        """End it: nobody is there (an ICMP message says so)."""
        self.abort("connection refused" if isinstance(exc, ConnectionRefusedError) else "the target can't be reached")

    def connection_lost(self, exc: Exception | None) -> None:
        """End it."""
        self.abort("the socket was closed")

    def _send(self, data: bytes) -> None:
        _send(self._transport, self._sock, data, None)

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.close()
        self._session.freed(self)


class SourceFlow(Flow):
    """A flow that came to a listener here."""

    __slots__ = ("_at", "_source")

    def __init__(self, at: "DatagramListener", source: Any) -> None:
        super().__init__(at.session, 0, at.place, at.idle, at.listener)
        self._at = at
        self._source = source

    def begin(self) -> bool:
        """Ask the console, which knows where it goes to; return whether there is room for it."""
        if not self._session.take(self.listener):
            return False
        self._session.carry(self)
        try:
            source = f"{self._source[0]}:{self._source[1]}"
            self.channel = self._session.link.begin(self, Endpoint(datagrams=True), self.listener, source)
        except LocalProtocolError as error:
            self.abort(str(error))
            return False
        return True

    def _send(self, data: bytes) -> None:
        self._at.send(data, self._source)

    def _close(self) -> None:
        self._at.forget(self._source)
        self._session.freed(self)


class DatagramListener(asyncio.DatagramProtocol):
    """A UDP socket that waits for datagrams.

    Args:
        session: the link.
        place: where it is.
        listener: its id.
        sock: the socket.
        idle: after how many seconds without a datagram a flow ends; 0: `IDLE_SECONDS`.
    """

    def __init__(self, session: Holder, place: Place, listener: int, sock: socket.socket, idle: float = 0.0) -> None:
        self.idle = idle
        self._sock = sock
        self.session = session
        self.place = place
        self.listener = listener
        self._flows: dict[Any, SourceFlow] = {}
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        """Pass a datagram on in its flow; a new one replaces the idlest if there are too many."""
        flow = self._flows.get(addr)
        if flow is None:
            if len(self._flows) >= min(MOST_FLOWS, self.session.share):
                min(self._flows.values(), key=lambda each: each.last).abort("a newer flow needed its place")
            flow = SourceFlow(self, addr)
            if not flow.begin():
                return
            self._flows[addr] = flow
        flow.came(data)

    def error_received(self, exc: Exception) -> None:
        """Take no note: it tells of one of the sources."""

    def send(self, data: bytes, source: Any) -> None:
        """Send a datagram to a source."""
        _send(self._transport, self._sock, data, source)

    def forget(self, source: Any) -> None:
        """Forget a flow that has ended."""
        self._flows.pop(source, None)

    def close(self) -> None:
        """Stop listening."""
        if self._transport is not None:
            self._transport.close()


def _send(transport: asyncio.DatagramTransport | None, sock: socket.socket, data: bytes, where: Any) -> None:
    """Send a datagram, if the socket takes any."""
    if transport is None or transport.is_closing():
        return
    if not data:  # transports send no empty ones
        with contextlib.suppress(OSError):
            sock.send(data) if where is None else sock.sendto(data, where)
    elif cast("asyncio.WriteTransport", transport).get_write_buffer_size() < _MOST_WAITING:
        transport.sendto(data, where)
