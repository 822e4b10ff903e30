"""A socket that carries frames, with or without TLS, for either side.

What it reads goes to memory that all connections of a loop share, and from there through `TlsLayer` if there is TLS, to
the frame decoder and to the socket's handler. What is more than a turn's work is kept for later turns.
"""

# Why: docs/decisions/001-one-socket-class.md
# Why: docs/decisions/015-closing-reads-to-the-end.md
# Why: docs/decisions/077-work-in-one-turn.md

import asyncio
import contextlib
import socket
import ssl
from collections import deque
from typing import Any, Protocol, cast

from natpass_wire.aio import whereabouts
from natpass_wire.aio.runtime import ReadBuffers
from natpass_wire.aio.tls_layer import TlsLayer
from natpass_wire.errors import RemoteProtocolError
from natpass_wire.frame import Batch, FrameDecoder

#: Seconds for a closed socket to send waiting data; and, without any, for the peer to close its side.
CLOSE_SECONDS, LINGER_SECONDS = 5.0, 1.0
#: The size of a connection's first reads, and of those after a turn that left work over. Each read that is full and
#: cheap doubles it, up to the size of the shared buffer. What is left over is kept, so this bounds memory, too.
FIRST_READ_BYTES = 16 * 1024
#: Bytes that the system may have of us and not have sent: it would take 2 MB more before it says that it is full.
UNSENT_BYTES = 128 * 1024


def plain_host(host: str) -> str:
    """Return the IPv4 address in a dual-stack socket's `::ffff:192.0.2.1`; any other address unchanged."""
    return host.removeprefix("::ffff:") if "." in host else host


class FrameHandler(Protocol):
    """The owner of a `FrameSocket`. All calls come from the event loop; none may block."""

    def socket_ready(self) -> None:
        """Frames can be sent: the connection is made, and TLS is up."""

    def batch_received(self, batch: Batch) -> int | None:
        """Take some frames; copy what is needed after the call.

        Returns:
            How many were taken, at least one, if that is a turn's work: the others come again in a later turn. None for
            all of them.

        Raises:
            RemoteProtocolError: the peer broke the protocol. The socket is closed, and `socket_lost` gets the error.
        """

    def writable_changed(self, writable: bool) -> None:
        """The bytes that wait to be sent went above the high-water mark (False), or back below the low one (True)."""

    def socket_lost(self, error: Exception | None) -> None:
        """The connection is gone; `error` is None if either side closed it in order."""


class FrameSocket(asyncio.BufferedProtocol):
    """Frames over one TCP connection.

    Args:
        handler: receives the frames.
        buffers: the loop's read buffers.
        tls: the TLS context, None for bare TCP.
        server_side: which side of TLS this is.
        server_name: the name that a client asks for, and verifies if its context does.
        high_water: bytes that may wait for the network before `writable_changed(False)`.
        allowance: the most bytes that may come before `lift_allowance`; None: no limit.
    """

    def __init__(
        self,
        handler: FrameHandler,
        buffers: ReadBuffers,
        *,
        tls: ssl.SSLContext | None = None,
        server_side: bool = False,
        server_name: str | None = None,
        high_water: int = 64 * 1024,
        allowance: int | None = None,
    ) -> None:
        #: Receives the frames; another handler may take over at any time.
        self.handler = handler
        self._buffers = buffers.for_connection()
        #: Bytes that may wait for the network before `writable_changed(False)`; see `limit_waiting`.
        self.high_water = high_water
        self._decoder = FrameDecoder()
        self._allowance = allowance
        self._read_bytes = min(FIRST_READ_BYTES, len(self._buffers.raw))
        # What is left over for later turns: bytes that are not decrypted, and after that, frames that are not taken.
        self._undecrypted = memoryview(b"")
        self._untaken: deque[Batch] = deque()
        self._is_held = self._is_resting = False  # why it is not read: its owner said so; its turn is over
        self._is_reading = True
        self._transport: asyncio.Transport | None = None
        self._error: Exception | None = None
        self._closing = False
        self._deadline: asyncio.TimerHandle | None = None
        self._tls: TlsLayer | None = None
        if tls is not None:
            self._tls = TlsLayer(tls, server_side=server_side, server_name=server_name)
        self._ended_in_order = self._leaving = False
        #: Whether the waiting bytes are below the high-water mark.
        self.writable = True
        #: Bytes received so far, in frames or not; and that count when we last sent a frame, -1 if never.
        self.received_bytes = 0
        self.received_before_write = -1
        #: Bytes given to the transport so far. Without `waiting_bytes`: those that the network has accepted.
        self.sent_bytes = 0

    # what the owner calls

    @property
    def peer_address(self) -> str:
        """The other end's address, for logs."""
        if self.peer is None:
            return "unknown"
        host = plain_host(self.peer[0])
        return f"[{host}]:{self.peer[1]}" if ":" in host else f"{host}:{self.peer[1]}"

    @property
    def peer(self) -> tuple[Any, ...] | None:
        """The other end's socket address, None without a connection."""
        name = self._transport.get_extra_info("peername") if self._transport else None
        return name if isinstance(name, tuple) else None

    @property
    def own_host(self) -> str | None:
        """Our own end's address, None without a connection."""
        name = self._transport.get_extra_info("sockname") if self._transport else None
        return str(name[0]) if isinstance(name, tuple) else None

    @property
    def waiting_bytes(self) -> int:
        """How many bytes wait to be sent."""
        return self._transport.get_write_buffer_size() if self._transport else 0

    @property
    def untaken_bytes(self) -> int:
        """How many sent bytes have not reached the other end's system, as far as our system knows."""
        connection = self._transport.get_extra_info("socket") if self._transport else None
        return self.waiting_bytes + (0 if connection is None else whereabouts.untaken_bytes(connection.fileno()))

    def peer_certificate(self) -> bytes | None:
        """Return the certificate that the other side showed, in DER; None without TLS."""
        return self._tls.peer_certificate() if self._tls is not None else None

    def write(self, data: bytes | memoryview) -> None:
        """Send whole frames. Never blocks: check `writable`. No-op once the connection is lost."""
        if self._transport is None or self._closing:
            return
        self.received_before_write = self.received_bytes
        # The transport keeps what it can't send at once: never give it a view of memory that may change.
        tls = self._tls
        data = bytes(data) if tls is None else tls.encrypt(data, asyncio.get_running_loop().time())
        self.sent_bytes += len(data)
        self._transport.write(data)

    def limit_waiting(self, high_water: int) -> None:
        """Change how many bytes may wait for the network before `writable_changed(False)`."""
        self.high_water = high_water
        if self._transport is not None:
            self._transport.set_write_buffer_limits(high=high_water)

    def pause_reading(self) -> None:
        """Stop reading from the peer; TCP slows it down."""
        if self._transport is not None and not self._closing:
            self._is_held = True
            self._read_or_not()

    def resume_reading(self) -> None:
        """Read again."""
        self._is_held = False
        if self._has_work_left:
            self._go_on_later()
        else:
            self._read_or_not()

    def lift_allowance(self) -> None:
        """Allow any number of bytes: the peer has logged in."""
        self._allowance = None

    def close(self) -> None:
        """Send waiting data, then close.

        What the peer still sends is read and dropped until it has closed its side. A socket that is closed with unread
        bytes is reset, and our last data may be lost with those on their way (RFC 2525 §2.17).
        """
        if self._transport is None or self._closing:
            return
        self._closing = self._leaving = True
        self._drop_work()
        if self._tls is not None:
            self._tls.close()
            self._send_tls(self._tls)
            self._tls = None  # free its memory: what still comes is dropped, and it may take seconds
        seconds = CLOSE_SECONDS if self.waiting_bytes else LINGER_SECONDS
        self._deadline = asyncio.get_running_loop().call_later(seconds, self._transport.abort)
        if self._ended_in_order:  # nothing unread can come any more
            self._transport.close()
            return
        try:
            self._transport.write_eof()
        except OSError:  # it is gone already
            self._transport.abort()

    def abort(self, error: Exception | None = None) -> None:
        """Close at once; `socket_lost` gets `error`."""
        self._closing = True
        self._drop_work()
        self._error = self._error or error
        if self._transport is not None:
            self._transport.abort()

    # what the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, with TLS first if it is used."""
        self._transport = cast("asyncio.Transport", transport)
        if self._closing:  # given up while it was connected
            self._transport.abort()
            return
        self._transport.set_write_buffer_limits(high=self.high_water)
        _keep_unsent_short(self._transport)
        if self._tls is None:
            self.handler.socket_ready()
            return
        try:
            self._tls.shake_hands()
            self._send_tls(self._tls)
        except ssl.SSLError as error:
            self._tls_failed(self._tls, error)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return the memory that the next read goes to."""
        return self._buffers.raw[: self._read_bytes]

    def buffer_updated(self, nbytes: int) -> None:
        """Take the bytes that were read, and hand on the frames in them; end the turn if they are many."""
        self.received_bytes += nbytes
        if self._closing:
            return
        is_full = nbytes == self._read_bytes
        if not self._work(self._buffers.raw[:nbytes]):
            return
        if self._untaken or self._undecrypted:
            self._read_bytes = min(FIRST_READ_BYTES, len(self._buffers.raw))
            self._is_resting = True
            self._read_or_not()
            self._go_on_later()
        elif is_full:  # there is more. libuv would read it at once, up to 32 times, while all others wait
            self._read_bytes = min(2 * self._read_bytes, len(self._buffers.raw))
            self._is_resting = True
            self._read_or_not()
            asyncio.get_running_loop().call_soon(self._rested)

    def next_turn(self) -> None:
        """Go on with what was left over; read again when all of it is done."""
        if self._closing or self._is_held:
            return
        try:
            goes_on = self._work(memoryview(b""))
        except Exception as error:  # a bug of ours: the loop logs it, but nobody else would close the connection
            self.abort(error)
            raise
        if not goes_on:
            return
        if self._has_work_left:
            self._go_on_later()
        else:
            self._rested()

    def eof_received(self) -> bool:
        """Take the end of the peer's data: the connection is closed."""
        if self._leaving:  # the last bytes were not decoded
            return False
        try:
            self._decoder.end_of_stream()
        except RemoteProtocolError as error:
            self._error = self._error or error
        return False

    def pause_writing(self) -> None:
        """Record that too many bytes wait."""
        self.writable = False
        self.handler.writable_changed(False)

    def resume_writing(self) -> None:
        """Record that few enough bytes wait."""
        self.writable = True
        self.handler.writable_changed(True)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._closing = True
        self._transport = None
        self._drop_work()
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        self._tls = None  # left to the garbage collector, 2500 connections a second pile up to 1 GB
        error, self._error = self._error, None  # its traceback has our frames, and these have us
        # A peer that closed in order may be gone before our answer arrives: not an error of the connection.
        self.handler.socket_lost(error or (None if self._ended_in_order or self._leaving else exc))

    def _send_tls(self, tls: TlsLayer) -> None:
        """Send what TLS itself has to say."""
        if tls.outgoing.pending and self._transport is not None:
            data = tls.outgoing.read()
            self.sent_bytes += len(data)
            self._transport.write(data)

    def _tls_failed(self, tls: TlsLayer, error: ssl.SSLError) -> None:
        """Close: the peer broke TLS. One that did so in the handshake gets the alert that says how."""
        fault = RemoteProtocolError(f"TLS failed: {error.reason or error}")
        if tls.is_up or self._transport is None:
            self.abort(fault)
            return
        self._send_tls(tls)
        self._error = fault
        self._closing = True
        self._transport.close()

    @property
    def _has_work_left(self) -> bool:
        return bool(self._untaken or self._undecrypted)

    def _drop_work(self) -> None:
        """Forget what is left over, and read: the connection is closing, and what still comes is dropped."""
        self._untaken.clear()
        self._undecrypted = memoryview(b"")
        self._buffers.run_queue.forget(self)
        self._is_held = self._is_resting = False
        self._read_or_not()

    def _go_on_later(self) -> None:
        if not self._is_held and not self._closing:
            self._buffers.run_queue.later(self)

    def _rested(self) -> None:
        """Read again: the others had their turn."""
        if not self._has_work_left:
            self._is_resting = False
            self._read_or_not()

    def _read_or_not(self) -> None:
        is_reading = not (self._is_held or self._is_resting)
        if is_reading == self._is_reading or self._transport is None or self._transport.is_closing():
            return
        self._is_reading = is_reading
        if is_reading:
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()

    def _work(self, raw: memoryview) -> bool:
        """Do a turn's work: on what was left over, else on `raw`; keep what is left over of that.

        Returns:
            Whether the connection is still open.
        """
        try:
            if self._untaken:
                self._hand_on(self._untaken.popleft())
            elif self._undecrypted:
                self._undecrypted = self._undecrypted[self._take(self._undecrypted) :]
            elif raw:
                used = self._take(raw)
                if used < len(raw) and not self._closing:
                    self._undecrypted = memoryview(bytes(raw[used:]))  # the buffer is shared
            if self._tls is not None and self._tls.has_ended and not self._untaken and not self._closing:
                self._decoder.end_of_stream()
                self._ended_in_order = True
                self.close()
        except RemoteProtocolError as error:
            # The handler's last messages (a refusal, a notice) are sent first.
            self._error = error.with_traceback(None)  # whose frames have the memory of TLS
            self.close()
        except ssl.SSLError as error:
            if self._tls is not None:
                self._tls_failed(self._tls, error)
        return not self._closing

    def _take(self, raw: memoryview) -> int:
        """Take bytes, the last of those received; return how many, not all of them if the turn is over.

        Raises:
            RemoteProtocolError: the peer broke the protocol, or sends too much before its login.
            ssl.SSLError: it broke TLS.
        """
        allowed = raw
        if self._allowance is not None and self.received_bytes > self._allowance:
            allowed = raw[: max(0, len(raw) - (self.received_bytes - self._allowance))]
        tls, used, plain = self._tls, len(allowed), allowed
        if tls is not None:
            was_up = tls.is_up
            used, filled = tls.decrypt(allowed, self._buffers.plain)
            plain = self._buffers.plain[:filled]
            if tls.outgoing.pending:
                self._send_tls(tls)
            if tls.is_up and not was_up:
                self.handler.socket_ready()
                if self._closing:
                    return used
        if plain:
            for batch in self._decoder.feed(plain):
                if self._untaken:
                    self._untaken.append(batch.after(0))
                else:
                    self._hand_on(batch)
                if self._closing:
                    break
        is_over = used == len(allowed) < len(raw)
        if is_over and self._allowance is not None and not self._closing and not self._untaken:
            raise RemoteProtocolError(f"more than {self._allowance} bytes before the login")
        return used

    def _hand_on(self, batch: Batch) -> None:
        """Give frames to the handler, and keep those that it did not take."""
        taken = self.handler.batch_received(batch)
        if taken is not None and taken < len(batch.bounds) - 1 and not self._closing:
            self._untaken.appendleft(batch.after(taken))


def _keep_unsent_short(transport: asyncio.Transport) -> None:
    """Let the system take no more than it can send soon: what it has taken, nobody else's frames can overtake."""
    connection = transport.get_extra_info("socket")
    option = getattr(socket, "TCP_NOTSENT_LOWAT", None)  # Linux and macOS
    if option is not None and connection is not None and connection.family in {socket.AF_INET, socket.AF_INET6}:
        with contextlib.suppress(OSError):  # it is closed already
            connection.setsockopt(socket.IPPROTO_TCP, option, UNSENT_BYTES)
