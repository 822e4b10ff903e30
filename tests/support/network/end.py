"""The proxy's side of one socket: reads, writes and closes it."""

import asyncio
import contextlib
import socket
import struct
from typing import Protocol, cast

#: Bytes waiting for this end's socket at which the other end is no longer read.
_HIGH_WATER = 256 * 1024
#: SO_LINGER with a time of zero: closing sends a RST.
_RESET = struct.pack("ii", 1, 0)


class EndOwner(Protocol):
    """The owner of two ends."""

    def made(self, end: "End") -> None: ...
    def received(self, end: "End", data: bytes) -> None: ...
    def finished(self, end: "End") -> None: ...
    def lost(self, end: "End") -> None: ...
    def full(self, end: "End", is_full: bool) -> None: ...


class End(asyncio.Protocol):
    """One socket of a connection.

    Attributes:
        is_finished: whether a FIN was sent to it.
        is_closed: whether it is closed in both directions.
        arrived: the number of bytes sent to it.
    """

    def __init__(self, owner: EndOwner, receive_bytes: int = 0) -> None:
        self._owner = owner
        self._receive_bytes = receive_bytes  # size of the kernel's buffer; 0: the default
        self._transport: asyncio.Transport | None = None
        self._holds: set[str] = set()  # the reasons not to read it
        self.is_finished = False
        self.is_closed = False
        self.arrived = 0

    @property
    def is_open(self) -> bool:
        """Whether the socket exists."""
        return self._transport is not None and not self.is_closed

    # called by the connection

    def hold(self, why: str) -> None:
        """Stop reading, for one more reason."""
        if not self._holds and self.is_open:
            self._pause(reading=False)
        self._holds.add(why)

    def release(self, why: str) -> None:
        """Read again if no other reason remains."""
        if why in self._holds:
            self._holds.discard(why)
            if not self._holds and self.is_open:
                self._pause(reading=True)

    def _pause(self, *, reading: bool) -> None:
        assert self._transport is not None
        if not self._transport.is_closing():
            (self._transport.resume_reading if reading else self._transport.pause_reading)()

    def write(self, data: bytes) -> None:
        """Send bytes; they are lost if the socket is closed, as in a network."""
        if self._transport is not None and not self.is_finished and not self._transport.is_closing():
            self.arrived += len(data)
            self._transport.write(data)

    def finish(self) -> None:
        """Send a FIN after pending data; the peer may still send."""
        if self._transport is not None and not self.is_finished and not self._transport.is_closing():
            self.is_finished = True
            self._transport.write_eof()

    def close(self) -> None:
        """Send pending data, then a FIN; stop reading."""
        if self._transport is not None and not self.is_closed:
            self._transport.close()

    def reset(self) -> None:
        """Send a RST."""
        if self._transport is None or self.is_closed:
            return
        with contextlib.suppress(OSError):
            self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._transport.abort()

    # called by asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is not a subclass
        self._transport.set_write_buffer_limits(_HIGH_WATER)
        end = transport.get_extra_info("socket")
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._receive_bytes:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._receive_bytes)
        self._owner.made(self)
        asyncio.get_running_loop().call_soon(self._hold_on)

    def _hold_on(self) -> None:
        if self._holds and self.is_open:  # uvloop starts reading after `connection_made`, even if paused
            self._pause(reading=False)

    def data_received(self, data: bytes) -> None:
        self._owner.received(self, data)

    def eof_received(self) -> bool:
        self._owner.finished(self)
        return True  # the other direction stays open

    def pause_writing(self) -> None:
        self._owner.full(self, True)

    def resume_writing(self) -> None:
        self._owner.full(self, False)

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_closed = True
        self._owner.lost(self)
