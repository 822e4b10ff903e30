"""A socket behind a channel: bytes both ways at the pace of the slower, half-closes, and resets."""

import asyncio
import socket
import struct
from dataclasses import dataclass
from typing import cast

from natpass_wire.aio.channels import ChannelLink
from natpass_wire.pb.forward_pb2 import ChannelRefused

#: Bytes of one read. All sockets share the buffer, since the loop fills it and calls us at once.
_READ_BYTES = 64 * 1024
#: Bytes that wait for a socket that takes no more, beyond which its channel gets no credit.
_HIGH_WATER = 128 * 1024
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

    Subclasses say what else happens when it is opened, or gone.

    Args:
        link: the link.
        traffic: counts its bytes.
    """

    def __init__(self, link: ChannelLink, traffic: Traffic | None = None) -> None:
        self._link = link
        self.traffic = Traffic() if traffic is None else traffic
        self.channel = 0
        self._transport: asyncio.Transport | None = None
        self._owed = 0  # bytes that have no credit yet: the socket takes no more
        self._is_paused = False
        self._is_over = False
        self._has_ended = [False, False]  # the socket's half, the channel's

    # for subclasses

    def connected(self, transport: asyncio.Transport) -> None:
        """Begin or use the channel: set `channel`."""
        raise NotImplementedError

    def gone(self, reason: str) -> None:
        """Take note that the connection is over; `reason` is empty if both halves were closed."""

    # the socket

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = transport = cast("asyncio.Transport", transport)  # uvloop's are none: no isinstance
        found = transport.get_extra_info("socket")
        if found is not None and found.family in {socket.AF_INET, socket.AF_INET6}:
            found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        transport.set_write_buffer_limits(_HIGH_WATER)
        self.connected(transport)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return where the loop puts the next bytes: never more than the channel takes."""
        return _buffer[: max(1, min(_READ_BYTES, self._link.space(self.channel)))]

    def buffer_updated(self, size: int) -> None:
        """Send what came."""
        self.traffic.sent += size
        self._link.write(self.channel, bytes(_buffer[:size]))
        if not self._link.space(self.channel) and self._transport is not None:
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        """Pass the end of the socket's half on; keep the other."""
        self._has_ended[0] = True
        self._link.end(self.channel)
        self._close_if_over()
        return True

    def pause_writing(self) -> None:
        """Give no credit for what the socket does not take."""
        self._is_paused = True

    def resume_writing(self) -> None:
        """Give credit for what it has taken."""
        self._is_paused = False
        owed, self._owed = self._owed, 0
        self._link.consumed(self.channel, owed)

    def connection_lost(self, error: Exception | None) -> None:
        """Pass a reset on."""
        if not all(self._has_ended):
            reason = "connection reset" if error is not None else "connection closed"
            self._link.reset(self.channel, reason)
            self._over(reason)

    # the channel

    def opened(self, host: str, port: int) -> None:
        """Take note that the other end has connected."""

    def not_opened(self, reason: ChannelRefused.Reason, text: str) -> None:
        """End the socket at once: the other end could not connect."""
        self.abort(text)

    def received(self, data: bytes) -> None:
        """Write bytes."""
        self.traffic.received += len(data)
        if self._transport is None:
            return
        self._transport.write(data)
        if self._is_paused:
            self._owed += len(data)
        else:
            self._link.consumed(self.channel, len(data))

    def ended(self) -> None:
        """Close the socket's other half, behind what is written."""
        self._has_ended[1] = True
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write_eof()
        self._close_if_over()

    def was_reset(self, text: str) -> None:
        """Reset the socket."""
        self.abort(text or "connection reset")

    def writable(self) -> None:
        """Read on."""
        if self._transport is not None and not self._transport.is_closing() and not self._has_ended[0]:
            self._transport.resume_reading()

    def abort(self, reason: str) -> None:
        """End the socket with a reset; what waits for it is dropped."""
        self._has_ended = [True, True]
        if self._transport is not None:
            found = self._transport.get_extra_info("socket")
            if found is not None and found.family in {socket.AF_INET, socket.AF_INET6}:
                found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset, not an end
            self._transport.abort()
        self._over(reason)

    def _close_if_over(self) -> None:
        if all(self._has_ended) and self._transport is not None:
            self._transport.close()
            self._over("")

    def _over(self, reason: str) -> None:
        if not self._is_over:
            self._is_over = True
            self.gone(reason)
