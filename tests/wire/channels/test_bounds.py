"""What waits in the channels of a link whose other end reads nothing."""

from collections import defaultdict

from natpass_wire.channels.channel import LEAST_BYTES, LINK_BYTES, SEND_DATAGRAMS
from natpass_wire.channels.events import Endpoint
from natpass_wire.channels.mux import MAX_CHANNELS, MAX_FRAMES, ChannelMux
from natpass_wire.pb.forward_pb2 import ChannelFrame, ChannelOpen, Channels, ForwardAddress

UDP = Endpoint("10.0.0.7", 53, datagrams=True)


def filled(console: ChannelMux, channels: list[int], size: int = 64 * 1024) -> int:
    """Write what each channel takes, as sockets do that are read while there is space; return how much that was."""
    total = 0
    for channel in channels:
        while space := min(console.space(channel), size):
            console.write(channel, bytes(space))
            total += space
    return total


def test_what_waits_in_all_channels_of_a_link_is_bounded_and_each_still_has_its_turn() -> None:
    """Each target may send without an end to a console that reads nothing, and says that it takes everything."""
    mux = ChannelMux(is_console=False)
    ids = [2 * (number + 1) for number in range(MAX_CHANNELS)]
    for start in range(0, MAX_CHANNELS, MAX_FRAMES):
        opens = [
            ChannelFrame(id=each, open=ChannelOpen(address=ForwardAddress(host="x", port=1)))
            for each in ids[start : start + MAX_FRAMES]
        ]
        mux.receive(Channels(frames=opens))
        limits = [ChannelFrame(id=each, limit=1 << 40) for each in ids[start : start + MAX_FRAMES]]
        mux.receive(Channels(frames=limits))
    for each in ids:
        mux.accept(each)
    total = filled(mux, ids)
    assert LINK_BYTES <= total <= LINK_BYTES + MAX_CHANNELS * LEAST_BYTES
    for each in ids:  # nobody may write until some is sent
        assert mux.space(each) == 0
    sent: dict[int, int] = defaultdict(int)
    for _ in range(4 * MAX_CHANNELS):
        message = mux.next_message(16 * 1024)
        assert message is not None
        for frame in message[0].channels.frames:
            sent[frame.id] += len(frame.data)
        for each in mux.writable():
            filled(mux, [each])
        assert mux._queued <= LINK_BYTES + MAX_CHANNELS * LEAST_BYTES
    assert set(sent) == set(ids)
    mux.close()
    assert mux._queued == 0


def test_datagrams_that_wait_in_all_flows_of_a_link_are_bounded() -> None:
    mux = ChannelMux(is_console=True)
    ids = [mux.ask(UDP) for _ in range(MAX_CHANNELS)]
    for _ in range(SEND_DATAGRAMS):
        for each in ids:
            assert mux.write_datagram(each, bytes(2000))
    assert mux._queued <= LINK_BYTES + MAX_CHANNELS * LEAST_BYTES
    while (message := mux.next_message(60 * 1024)) is not None:
        assert message[0].channels.frames
    assert mux._queued == 0
