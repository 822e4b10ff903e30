"""A socket behind a channel: bytes both ways at the pace of the slower, half-closes, and resets."""

import asyncio
import contextlib
import socket
import struct
from dataclasses import dataclass
from typing import cast

from natpass_wire.aio.channels import ChannelLink
from natpass_wire.frame import MAX_DATA_BYTES
from natpass_wire.pb.forward_pb2 import ChannelRefused

#: Bytes of one read: what one message carries, so that nothing is left over for a small one. All sockets share the
#: buffer, since the loop fills it and calls us at once.
_READ_BYTES = MAX_DATA_BYTES
#: Bytes that wait for a socket that takes no more, beyond which its channel gets no credit.
_HIGH_WATER = 128 * 1024
#: Bytes that the loop may have read beyond the credit: two of its reads. It was told to read no more by then.
_MOST_BEYOND = 128 * 1024
#: Seconds for a socket to take the last bytes, once both halves are closed: its channel is gone, and counts no more.
_LINGER_SECONDS = 30.0
#: The families whose sockets have TCP's options.
_INTERNET = frozenset({socket.AF_INET, socket.AF_INET6})
_buffer = memoryview(bytearray(_READ_BYTES))


@dataclass(slots=True)
class Traffic:
    """The bytes of one connection, or of several.

    Attributes:
        sent: bytes to the other end of the link.
        received: bytes from it.
    """

    sent: int = 0
    received: int = 0


class ChannelSocket(asyncio.BufferedProtocol):
    """The socket's side of a channel. Give it to the loop as a protocol; it may begin with bytes read before.

    Subclasses say what else happens when it is opened, or gone. It is gone when the socket is closed.

    Args:
        link: the link.
        traffic: counts its bytes.
    """

    __slots__ = (
        "_beyond",
        "_channel_ended",
        "_is_over",
        "_is_paused",
        "_linger",
        "_link",
        "_owed",
        "_reason",
        "_socket_ended",
        "_transport",
        "_waiting",
        "channel",
        "traffic",
    )

    def __init__(self, link: ChannelLink, traffic: Traffic | None = None) -> None:
        self._link = link
        self.traffic = Traffic() if traffic is None else traffic
        self.channel = 0
        self._transport: asyncio.Transport | None = None
        self._owed = 0  # bytes that have no credit yet: the socket takes no more
        self._waiting: bytearray | None = None  # of these, what the transport does not have yet
        self._beyond = bytearray()  # read beyond the credit, see `buffer_updated`
        self._linger: asyncio.TimerHandle | None = None
        self._reason: str | None = None  # why it is over, once it is
        self._is_paused = False
        self._is_over = False
        self._socket_ended = self._channel_ended = False

    # for subclasses

    def connected(self, transport: asyncio.Transport) -> None:
        """Begin or use the channel: set `channel`, and `abort` if there can't be one."""
        raise NotImplementedError

    def gone(self, reason: str) -> None:
        """Take note that the socket is closed; `reason` is empty if both halves were closed in order."""

    # the socket

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = transport = cast("asyncio.Transport", transport)  # uvloop's are none: no isinstance
        _set(transport, socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        transport.set_write_buffer_limits(_HIGH_WATER)
        self.connected(transport)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return where the loop puts the next bytes: no more than the channel takes; all, if it takes none."""
        return _buffer[: self._link.space(self.channel) or _READ_BYTES]

    def buffer_updated(self, size: int) -> None:
        """Send what came.

        Windows' loop goes on with what it has read already after `pause_reading`: that waits for credit.
        """
        self.traffic.sent += size
        if self._beyond or size > self._link.space(self.channel):
            self._keep(_buffer[:size])
            return
        self._link.write(self.channel, bytes(_buffer[:size]))
        if not self._link.space(self.channel) and self._transport is not None:
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        """Pass the end of the socket's half on; keep the other."""
        self._socket_ended = True
        if not self._beyond:
            self._link.end(self.channel)
            self._close_if_over()
        return True

    def pause_writing(self) -> None:
        """Give no credit for what the socket does not take."""
        self._is_paused = True

    def resume_writing(self) -> None:
        """Write on, and give credit for what it has taken."""
        self._is_paused = False
        self._write_waiting()
        if not self._is_paused:
            owed, self._owed = self._owed, 0
            self._link.consumed(self.channel, owed)

    def connection_lost(self, error: Exception | None) -> None:
        """Pass a reset on."""
        if self._reason is None:
            self._reason = "connection reset" if error is not None else "connection closed"
            self._link.reset(self.channel, self._reason)
        if self._linger is not None:
            self._linger.cancel()
            self._linger = None
        self._over()

    # the channel

    def opened(self, host: str, port: int) -> None:
        """Take note that the other end has connected."""

    def not_opened(self, reason: ChannelRefused.Reason, text: str) -> None:
        """End the socket at once: the other end could not connect."""
        self.abort(text)

    def received(self, data: bytes) -> None:
        """Write bytes."""
        self.traffic.received += len(data)
        transport = self._transport
        if transport is None or transport.is_closing():
            return  # its end is on the way
        if self._is_paused:
            if self._waiting is None:
                self._waiting = bytearray()
            self._waiting += data  # as one: the transport would keep each piece, and there may be many small ones
        else:
            transport.write(data)
        if self._is_paused:
            self._owed += len(data)
        else:
            self._link.consumed(self.channel, len(data))

    def ended(self) -> None:
        """Close the socket's other half, behind what is written."""
        self._channel_ended = True
        if self._transport is not None and not self._transport.is_closing():
            self._write_waiting()
            try:
                self._transport.write_eof()
            except OSError:  # asyncio's own transports: the peer has reset it, and nobody has read that yet
                self.abort("connection reset")
        self._close_if_over()

    def was_reset(self, text: str) -> None:
        """Reset the socket."""
        self.abort(text or "connection reset")

    def writable(self) -> None:
        """Read on."""
        if self._beyond and not self._write_beyond():
            return
        if self._transport is not None and not self._transport.is_closing() and not self._socket_ended:
            self._transport.resume_reading()

    def abort(self, reason: str) -> None:
        """End socket and channel with a reset; what waits is dropped. No-op if they have ended."""
        if self._reason is not None:
            return
        self._reason = reason
        self._link.reset(self.channel, reason)
        self._waiting = None
        if self._transport is None:
            self._over()
            return
        self._reset_socket()

    def _reset_socket(self) -> None:
        if self._transport is not None:
            _set(self._transport, socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # no end in order
            self._transport.abort()

    def _keep(self, data: memoryview) -> None:
        """Keep what was read beyond the credit, and read nothing until there is more."""
        self._beyond += data
        if len(self._beyond) > _MOST_BEYOND:
            self.abort("the event loop reads on though it was told not to")
        elif self._transport is not None:
            self._transport.pause_reading()

    def _write_beyond(self) -> bool:
        """Send what was read beyond the credit; return whether there is credit for more."""
        size = min(len(self._beyond), self._link.space(self.channel))
        self._link.write(self.channel, bytes(self._beyond[:size]))
        del self._beyond[:size]
        has_space = self._link.space(self.channel) > 0  # asked in any case: `writable` is called once it was 0
        if self._socket_ended and not self._beyond:
            self._link.end(self.channel)
            self._close_if_over()
        return has_space and not self._beyond

    def _write_waiting(self) -> None:
        """Give the transport all that waits for it."""
        waiting, self._waiting = self._waiting, None
        if waiting and self._transport is not None and not self._transport.is_closing():
            self._transport.write(bytes(waiting))

    def _close_if_over(self) -> None:
        is_over = self._socket_ended and self._channel_ended and not self._beyond
        if is_over and self._reason is None and self._transport is not None:
            self._reason = ""
            if self._transport.get_write_buffer_size():
                loop = asyncio.get_running_loop()
                self._linger = loop.call_later(_LINGER_SECONDS, self._reset_socket)
            self._transport.close()

    def _over(self) -> None:
        if not self._is_over:
            self._is_over = True
            self.gone(self._reason or "")


def _set(transport: asyncio.Transport, level: int, option: int, value: int | bytes) -> None:
    """Set an option of a TCP socket; no-op for others, and for one that is closed or reset already."""
    found = transport.get_extra_info("socket")
    if found is not None and found.family in _INTERNET:
        with contextlib.suppress(OSError, ValueError):  # uvloop's closed sockets have the number -1
            found.setsockopt(level, option, value)
