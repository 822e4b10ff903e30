"""Who gets a larger window: a sender that could make use of it, while its reader keeps up."""

import pytest

from natpass_wire.errors import LocalProtocolError
from natpass_wire.links import End
from natpass_wire.pb.link_pb2 import LinkEnd
from natpass_wire.pb.stream_pb2 import StreamRecord
from natpass_wire.stream.core import StreamCore
from natpass_wire.stream.receiver import MAX_WINDOW, PROCESS_WINDOWS, START_WINDOW, Receiver, Room
from natpass_wire.stream.records import RECORD_UNITS
from tests.wire.stream.pair import STREAM_ID, Pair, message


def open_target(room: Room, owner: str = "") -> StreamCore:
    """Return a target that takes records."""
    pair = Pair()
    pair.target.core = StreamCore(STREAM_ID, room=room, owner=owner)
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


def test_an_owner_leaves_others_half_of_what_there_is() -> None:
    room = Room()
    greedy = [Receiver(room, "greedy") for _ in range(100)]
    for receiver in greedy:
        receiver.wants(MAX_WINDOW)
    other = Receiver(room, "other")
    other.wants(MAX_WINDOW)
    assert other.window == MAX_WINDOW
    for receiver in greedy:
        receiver.close()
    other.close()
    assert room == Room()


@pytest.mark.parametrize("owner", ["greedy", "other"])
def test_a_stream_of_another_owner_gets_a_window_beside_greedy_ones(owner: str) -> None:
    room = Room()
    want = StreamRecord(want=MAX_WINDOW).SerializeToString()
    cores = [open_target(room, "greedy") for _ in range(10)]
    for core in cores:
        core.receive(want, 0.0)
    core = open_target(room, owner)
    core.receive(want, 0.0)
    told = core.next(0.0)
    assert (told is not None and StreamRecord.FromString(told).ack.window == MAX_WINDOW) == (owner == "other")


def test_skips_that_wait_in_a_row_are_one() -> None:
    receiver = Receiver()
    position = receiver.take(StreamRecord(message=b"x"))
    for _ in range(1000):
        receiver.skip(receiver.take(StreamRecord(position=position, skip=1)))
        position += 1
    assert len(receiver._skips) == 1
    receiver.consume(65)
    assert receiver.consumed == receiver.received == position


def test_messages_around_a_skip_may_be_consumed_at_once() -> None:
    """A batch that was read together: everything is consumed then, the skip within it as well."""
    receiver = Receiver()
    position = 0
    for each in (
        StreamRecord(message=b"before"),
        StreamRecord(skip=500),
        StreamRecord(message=b"between"),
        StreamRecord(skip=7),
        StreamRecord(message=b"last"),
    ):
        each.position = position
        size = receiver.take(each)
        if each.skip:
            receiver.skip(size)
        position += size
    receiver.consume(2 * RECORD_UNITS + len(b"before" + b"between"))
    assert receiver.consumed == position - RECORD_UNITS - len(b"last")
    receiver.consume(RECORD_UNITS + len(b"last"))
    assert receiver.consumed == receiver.received == position
    with pytest.raises(LocalProtocolError):
        receiver.consume(1)
