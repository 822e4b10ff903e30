"""A socket that carries frames, with or without TLS, for either side.

TLS is an `ssl.MemoryBIO` over the shared read buffers. The event loops' own TLS transports keep hundreds of KiB
for each connection after a burst (552 KiB with uvloop, 287 KiB with asyncio); this keeps next to nothing.
"""

# Why: docs/decisions/001-one-socket-class.md
# Why: docs/decisions/015-closing-reads-to-the-end.md

import asyncio
import contextlib
import ssl
from typing import Any, Protocol, cast

from natpass_wire.aio import whereabouts
from natpass_wire.aio.runtime import ReadBuffers
from natpass_wire.aio.short_records import SHORT_RECORD, ShortRecords
from natpass_wire.errors import RemoteProtocolError
from natpass_wire.frame import Batch, FrameDecoder

#: Seconds for a closed socket to send waiting data; and, without any, for the peer to close its side.
CLOSE_SECONDS, LINGER_SECONDS = 5.0, 1.0


def plain_host(host: str) -> str:
    """Return the IPv4 address in a dual-stack socket's `::ffff:192.0.2.1`; any other address unchanged."""
    return host.removeprefix("::ffff:") if "." in host else host


class FrameHandler(Protocol):
    """The owner of a `FrameSocket`. All calls come from the event loop; none may block."""

    def socket_ready(self) -> None:
        """Frames can be sent: the connection is made, and TLS is up."""

    def batch_received(self, batch: Batch) -> None:
        """Take some frames; copy what is needed after the call.

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
    ) -> None:
        #: Receives the frames; another handler may take over at any time.
        self.handler = handler
        self._buffers = buffers.for_connection()
        self._high_water = high_water
        self._decoder = FrameDecoder()
        self._transport: asyncio.Transport | None = None
        self._error: Exception | None = None
        self._closing = False
        self._deadline: asyncio.TimerHandle | None = None
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = tls.wrap_bio(self._incoming, self._outgoing, server_side, server_name) if tls else None
        self._tls_up = False
        self._short_records = ShortRecords()
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
        return self._tls.getpeercert(binary_form=True) if self._tls and self._tls_up else None

    def write(self, data: bytes | memoryview) -> None:
        """Send whole frames. Never blocks: check `writable`. No-op once the connection is lost."""
        if self._transport is None or self._closing:
            return
        self.received_before_write = self.received_bytes
        if self._tls is None:
            # The transport keeps what it can't send at once: never give it a view of a buffer that may change.
            self._hand_over(bytes(data))
        else:
            self._encrypt(self._tls, data)
            self._hand_over(self._outgoing.read())

    def pause_reading(self) -> None:
        """Stop reading from the peer; TCP slows it down."""
        if self._transport is not None and not self._closing and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Read again."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def close(self) -> None:
        """Send waiting data, then close.

        What the peer still sends is read and dropped until it has closed its side. A socket that is closed with unread
        bytes is reset, and our last data may be lost with those on their way (RFC 2525 §2.17).
        """
        if self._transport is None or self._closing:
            return
        self.resume_reading()
        self._closing = self._leaving = True
        if self._tls is not None and self._tls_up:
            with contextlib.suppress(ssl.SSLError):  # the peer need not answer our closing alert
                self._tls.unwrap()
            self._hand_over(self._outgoing.read())
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
        self._transport.set_write_buffer_limits(high=self._high_water)
        if self._tls is None:
            self.handler.socket_ready()
        else:
            self._shake_hands()

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return the memory that the next read goes to."""
        return self._buffers.raw

    def buffer_updated(self, nbytes: int) -> None:
        """Take the bytes that were read, and hand on the frames in them."""
        self.received_bytes += nbytes
        if self._closing:
            return
        try:
            if self._tls is None:
                self._deliver(self._buffers.raw[:nbytes])
            else:
                self._incoming.write(self._buffers.raw[:nbytes])
                if self._tls_up or self._shake_hands():
                    self._deliver_decrypted(self._tls)
        except RemoteProtocolError as error:
            # The handler's last messages (a refusal, a notice) are sent first.
            self._error = error
            self.close()
        except ssl.SSLError as error:
            self.abort(RemoteProtocolError(f"TLS failed: {error.reason or error}"))

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
        if self._deadline is not None:
            self._deadline.cancel()
        # A peer that closed in order may be gone before our answer arrives: not an error of the connection.
        self.handler.socket_lost(self._error or (None if self._ended_in_order or self._leaving else exc))

    def _leave_out_tls(self) -> None:
        """Speak bare TCP after all; for a server that has not read a byte yet."""
        self._tls = None
        self.handler.socket_ready()

    def _encrypt(self, tls: ssl.SSLObject, data: bytes | memoryview) -> None:
        """Put TLS records into `_outgoing`."""
        short = self._short_records.take(len(data), asyncio.get_running_loop().time())
        if short <= SHORT_RECORD:
            tls.write(data)
            return
        view = memoryview(data)
        for start in range(0, short, SHORT_RECORD):
            tls.write(view[start : min(start + SHORT_RECORD, short)])
        if short < len(view):
            tls.write(view[short:])

    def _hand_over(self, data: bytes) -> None:
        """Give bytes, already encrypted, to the transport."""
        if self._transport is not None:
            self.sent_bytes += len(data)
            self._transport.write(data)

    def _deliver(self, plain: memoryview) -> None:
        for batch in self._decoder.feed(plain):
            self.handler.batch_received(batch)
            if self._closing:
                return

    def _deliver_decrypted(self, tls: ssl.SSLObject) -> None:
        plain = self._buffers.plain
        filled, want = 0, True
        while want and not self._closing:
            ended = False
            try:
                got = tls.read(len(plain) - filled, plain[filled:])
                want = bool(got)
                ended = not got  # the peer closed TLS in order
                filled += got  # type: ignore[operator]  # a number, where a buffer is given
            except ssl.SSLWantReadError:
                want = False
            if filled and (not want or len(plain) - filled < 16 * 1024):
                self._deliver(plain[:filled])
                filled = 0
            if ended and not self._closing:
                self._decoder.end_of_stream()
                self._ended_in_order = True
                self.close()
        if self._outgoing.pending and not self._closing:  # TLS itself has to answer, such as a key update
            self._hand_over(self._outgoing.read())

    def _shake_hands(self) -> bool:
        """Go on with the TLS handshake; return whether it is done."""
        if self._tls is None or self._transport is None:
            return False
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._hand_over(self._outgoing.read())
            return False
        except ssl.SSLError as error:
            self._transport.write(self._outgoing.read())  # the alert tells the peer the fault
            self._error = RemoteProtocolError(f"TLS failed: {error.reason or error}")
            self._closing = True
            self._transport.close()
            return False
        self._tls_up = True
        self._hand_over(self._outgoing.read())
        self.handler.socket_ready()
        return True
