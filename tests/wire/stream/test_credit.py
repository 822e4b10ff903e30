"""Who gets a larger window: a sender that could make use of it, while its reader keeps up."""

import pytest

from natpass_wire.links import End
from natpass_wire.pb.link_pb2 import LinkEnd
from natpass_wire.pb.stream_pb2 import StreamRecord
from natpass_wire.stream.core import StreamCore
from natpass_wire.stream.receiver import PROCESS_WINDOWS, START_WINDOW, Room
from tests.wire.stream.pair import STREAM_ID, Pair, message


def open_target(room: Room) -> StreamCore:
    """Return a target that takes records."""
    pair = Pair()
    pair.target.core = StreamCore(STREAM_ID, room=room)
    pair.open()
    while pair.target.core.next(0.0) is not None:
        pass
    return pair.target.core


def record(position: int, size: int, want: int) -> bytes:
    """Return a record that counts `size` units."""
    overhead = len(message(bytes(size))) - size
    return StreamRecord(position=position, message=message(bytes(size - 64 - overhead)), want=want).SerializeToString()


def window(core: StreamCore) -> int:
    told = core.next(0.0)
    assert told is not None
    return StreamRecord.FromString(told).ack.window


@pytest.mark.parametrize("size", [1000, START_WINDOW // 2 + 1, START_WINDOW])
def test_a_reader_that_keeps_up_gives_more_however_large_the_records_are(size: int) -> None:
    core = open_target(Room())
    core.receive(record(0, size, 2 * START_WINDOW), 0.0)
    assert window(core) == 2 * START_WINDOW


def test_a_reader_that_is_behind_gives_nothing_more() -> None:
    core = open_target(Room())
    size = START_WINDOW // 2 + 1000
    core.receive(record(0, size, 0), 0.0)
    core.receive(record(size, 1000, 2 * START_WINDOW), 0.0)
    core.consumed(size)
    assert window(core) == START_WINDOW


def test_a_stream_that_ends_while_it_asks_for_more_leaves_nothing_taken() -> None:
    room = Room()
    core = open_target(room)
    end = StreamRecord(position=0, want=2 * START_WINDOW, end=End(LinkEnd.CLOSED).to_message())
    core.receive(end.SerializeToString(), 0.0)
    assert room.units == PROCESS_WINDOWS
    core.receive(StreamRecord(want=4 * START_WINDOW).SerializeToString(), 0.0)
    assert room.units == PROCESS_WINDOWS
