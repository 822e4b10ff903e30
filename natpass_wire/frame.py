"""Frames on a byte stream (docs/wire.md §1), without the stream.

size u16 big-endian | crc32 u32 big-endian (IEEE) | payload (size bytes)
"""

# Why: docs/decisions/002-frames-in-batches.md

from collections.abc import Iterator
from dataclasses import dataclass
from struct import Struct

from isal.isal_zlib import crc32  # the same sums as zlib.crc32, several times faster

from natpass_wire.errors import LocalProtocolError, RemoteProtocolError

#: Bytes before the payload.
HEADER_BYTES = 6
#: The size field has 16 bits.
MAX_PAYLOAD_BYTES = 0xFFFF
#: The most data that a sender puts in one frame, so that the envelope fits as well (docs/wire.md §5).
MAX_DATA_BYTES = 60 * 1024

_HEADER = Struct(">HI")
_unpack = _HEADER.unpack_from


def encode_frame(payload: bytes) -> bytes:
    """Return the frame that carries `payload`.

    Raises:
        LocalProtocolError: the payload is empty or longer than 65 535 bytes.
    """
    if not 0 < len(payload) <= MAX_PAYLOAD_BYTES:
        raise LocalProtocolError(f"a frame carries 1 to {MAX_PAYLOAD_BYTES} bytes, not {len(payload)}")
    return _HEADER.pack(len(payload), crc32(payload)) + payload


def encode_frame_of(*parts: bytes) -> bytes:
    """Return the frame whose payload is `parts` joined; they are copied once.

    Raises:
        LocalProtocolError: the payload is empty or longer than 65 535 bytes.
    """
    size, crc = 0, 0
    for part in parts:
        size += len(part)
        crc = crc32(part, crc)
    if not 0 < size <= MAX_PAYLOAD_BYTES:
        raise LocalProtocolError(f"a frame carries 1 to {MAX_PAYLOAD_BYTES} bytes, not {size}")
    return b"".join((_HEADER.pack(size, crc), *parts))


@dataclass(frozen=True, slots=True)
class Batch:
    """Whole, checked frames, one after another in a buffer.

    Frame `i` is `view[bounds[i]:bounds[i + 1]]`, header included. The view is valid until the next call of the decoder
    that returned it: copy bytes that are needed for longer.
    """

    view: memoryview
    bounds: list[int]

    def payloads(self) -> Iterator[bytes]:
        """Yield a copy of each frame's payload."""
        start = self.bounds[0]
        for end in self.bounds[1:]:
            yield bytes(self.view[start + HEADER_BYTES : end])
            start = end

    def after(self, count: int) -> "Batch":
        """Return a copy of the frames after the first `count`, which stays valid."""
        start = self.bounds[count]
        return Batch(memoryview(bytes(self.view[start : self.bounds[-1]])), [b - start for b in self.bounds[count:]])


class FrameDecoder:
    """Turns chunks of a byte stream into frames, wherever the chunks are cut.

    Only the incomplete frame at a chunk's end is copied (at most 65 540 bytes); all others are checked in place.
    """

    def __init__(self) -> None:
        self._rest = bytearray()

    @property
    def waiting_bytes(self) -> int:
        """How many bytes of an incomplete frame are held."""
        return len(self._rest)

    def feed(self, chunk: bytes | bytearray | memoryview) -> Iterator[Batch]:
        """Take the next bytes of the stream and yield the frames that they complete, in order.

        Iterate to the end: frames that are not iterated over are lost.

        Raises:
            RemoteProtocolError: a frame is empty or its crc32 is wrong; the good frames before it have been yielded.
                Do not use the decoder afterwards.
        """
        view = memoryview(chunk)
        views = [view]
        if self._rest:
            used = self._complete_rest(view)
            if used is None:
                return
            views = [memoryview(bytes(self._rest)), view[used:]]
            self._rest = bytearray()
        for view in views:
            bounds, start, length, fault = [0], 0, len(view), ""
            while length - start >= HEADER_BYTES:
                size, crc = _unpack(view, start)
                end = start + HEADER_BYTES + size
                if end > length:
                    break
                if not size:
                    fault = "an empty frame"
                    break
                if crc32(view[start + HEADER_BYTES : end]) != crc:
                    fault = f"a frame of {size} bytes has a wrong crc32"
                    break
                bounds.append(end)
                start = end
            if start:
                yield Batch(view, bounds)
            if fault:
                raise RemoteProtocolError(fault)
        if start < length:
            self._rest += view[start:]

    def end_of_stream(self) -> None:
        """Take the end of the stream.

        Raises:
            RemoteProtocolError: it ended within a frame.
        """
        if self._rest:
            raise RemoteProtocolError(f"the connection ended within a frame, {len(self._rest)} bytes after its start")

    def _complete_rest(self, view: memoryview) -> int | None:
        """Complete the incomplete frame from `view`; return how many bytes it took, None while it stays incomplete."""
        rest = self._rest
        used = 0
        if len(rest) < HEADER_BYTES:
            used = min(HEADER_BYTES - len(rest), len(view))
            rest += view[:used]
            if len(rest) < HEADER_BYTES:
                return None
        lacking = HEADER_BYTES + _unpack(rest)[0] - len(rest)
        rest += view[used : used + lacking]
        return used + lacking if used + lacking <= len(view) else None
