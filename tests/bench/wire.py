"""The speed of decoding frames and reading envelopes, beside crc32 and a copy of the same bytes."""

import os

from isal.isal_zlib import crc32

from natpass_wire import envelope
from natpass_wire.frame import HEADER_BYTES, FrameDecoder
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.shell_pb2 import ShellData
from tests.bench.limits import memcpy_bytes_per_second, per_second

CHUNK = 256 * 1024


def message_of(size: int) -> Msg:
    """Return terminal output whose frame has about `size` bytes."""
    data = ShellData(data=os.urandom(max(size - 60, 1)))
    return Msg(type=MsgType.shell_data, from_id="agent", to="tui-host-0123abcd", link_id="0" * 16, sdata=data)


def measure(size: int) -> None:
    """Print the figures for frames of about `size` bytes."""
    message = message_of(size)
    frame = envelope.to_frame(message)
    payload = frame[HEADER_BYTES:]
    count = max(1, CHUNK // len(frame))
    stream = frame * count
    decoder = FrameDecoder()

    def decode() -> None:
        for batch in decoder.feed(stream):
            assert len(batch.bounds) == count + 1

    view = memoryview(payload)
    frames = per_second(decode) * count
    crc = per_second(lambda: crc32(payload))
    copy = memcpy_bytes_per_second(len(stream))
    print(f"frames of {len(frame)} bytes, {count} a read:")
    rate = frames * len(frame)
    print(f"  decode: {frames / 1e6:.3f} M frames/s, {rate / 1e6:.0f} MB/s")
    print(f"    of crc32 alone ({crc / 1e6:.2f} M/s): {frames / crc:.2f}")
    print(f"    of a copy ({copy / 1e9:.1f} GB/s): {rate / copy:.2f}")
    for name, work in {
        "canonical envelope": lambda: envelope.canonical_envelope_end(view, 0, len(payload)),
        "parse": lambda: envelope.parse(payload),
        "to_frame": lambda: envelope.to_frame(message),
    }.items():
        done = per_second(work)
        print(f"  {name}: {done / 1e6:.3f} M/s, {done * len(frame) / 1e6:.0f} MB/s, {done / crc:.2f} of crc32 alone")


def main() -> int:
    """Measure small and large frames."""
    for size in (64, 60 * 1024):
        measure(size)
    return 0


if __name__ == "__main__":
    main()
