"""Frames: the same bytes give the same frames, and the same fault, wherever they are cut."""

from natpass_wire.errors import RemoteProtocolError
from natpass_wire.frame import FrameDecoder, encode_frame

SEEDS = (
    b"\x03" + encode_frame(b"hello") + encode_frame(b"x" * 300),
    b"\x01" + encode_frame(b"a")[:-1],
    b"\x07" + bytes(20),
)


def target(data: bytes) -> None:
    """The first byte says how long the pieces are."""
    step, stream = (data[0] if data else 0) + 1, data[1:]
    assert _decoded(stream, len(stream) + 1) == _decoded(stream, step)


def _decoded(stream: bytes, step: int) -> tuple[list[bytes], bool]:
    decoder, found = FrameDecoder(), list[bytes]()
    try:
        for at in range(0, len(stream), step):
            for batch in decoder.feed(stream[at : at + step]):
                found += batch.payloads()
            assert decoder.waiting_bytes <= 6 + 0xFFFF
    except RemoteProtocolError:
        return found, True
    return found, False
