"""What a sender keeps for an end that acknowledges late, or never: no more than the process has room for."""

import pytest

from natpass_wire.pb.stream_pb2 import StreamAck, StreamRecord
from natpass_wire.stream.core import StreamCore, StreamPhase
from natpass_wire.stream.receiver import MAX_WINDOW, PROCESS_WINDOWS, START_WINDOW, Room
from natpass_wire.stream.sender import PROCESS_KEPT, Sender
from tests.wire.stream.pair import STREAM_ID, Pair, message


def fill(sender: Sender, now: float) -> int:
    """Send all that may be sent; return the position behind it."""
    behind = 0
    while True:
        if sender.room():
            sender.put(message(bytes(8000)))
        if (record := sender.next(now)) is None:
            return behind
        behind = record.position + 64 + len(record.message)


def greedy(room: Room, owner: str = "greedy") -> Sender:
    """Return a sender whose other end takes as much as possible, a second late, and then acknowledges nothing."""
    sender, now = Sender(room, owner), 0.0
    for _ in range(40):
        behind = fill(sender, now)
        now += 1.0
        if behind:
            sender.acknowledged(StreamAck(consumed=behind, window=MAX_WINDOW), now)
    fill(sender, now)
    return sender


def test_ends_that_acknowledge_nothing_cost_no_more_than_the_budget_allows_them() -> None:
    room = Room(PROCESS_KEPT)
    senders = [greedy(room) for _ in range(20)]
    assert max(sender.kept_units for sender in senders) > 2 * 1024 * 1024  # each would keep 8 MiB
    assert sum(sender.kept_units for sender in senders) <= PROCESS_KEPT // 2 + len(senders) * 2 * START_WINDOW
    assert greedy(room, "other").kept_units > 2 * 1024 * 1024


def test_who_acknowledges_everything_gives_back_what_it_had() -> None:
    room = Room(PROCESS_KEPT)
    sender = greedy(room)
    assert room.units < PROCESS_KEPT
    sender.acknowledged(StreamAck(consumed=sender._on_link, window=MAX_WINDOW), 50.0)
    assert room.units == PROCESS_KEPT


def test_a_sender_without_a_budget_still_sends_a_window_at_a_time() -> None:
    sender = Sender(Room(0))
    sender.acknowledged(StreamAck(window=MAX_WINDOW), 0.0)
    consumed = 0
    for number in range(50):
        behind = fill(sender, float(number))
        assert behind > consumed
        assert behind - consumed <= START_WINDOW
        sender.acknowledged(StreamAck(consumed=behind, window=MAX_WINDOW), number + 0.01)
        consumed = behind


@pytest.mark.parametrize("ends", ["opener", "target"])
def test_a_stream_leaves_nothing_taken_whoever_ends_it(ends: str) -> None:
    windows, kept = Room(), Room(PROCESS_KEPT)
    pair = Pair()
    pair.target.core = StreamCore(STREAM_ID, room=windows, owner="key", kept=kept)
    pair.open()
    core = pair.target.core
    core.receive(StreamRecord(want=MAX_WINDOW).SerializeToString(), 0.0)
    assert windows.units < PROCESS_WINDOWS
    assert core.sender._may_keep(MAX_WINDOW)
    assert kept.units < PROCESS_KEPT
    side = pair.opener if ends == "opener" else pair.target
    pair.finish(side)
    pair.run()
    assert core.state is StreamPhase.ENDED
    assert (windows.units, kept.units) == (PROCESS_WINDOWS, PROCESS_KEPT)


def test_lost_pictures_are_skipped_although_the_budget_is_gone_meanwhile() -> None:
    """One skip stands for all of them: more than a window at first."""
    room = Room(8 * START_WINDOW)
    sender = Sender(room, "one")
    sender.acknowledged(StreamAck(window=MAX_WINDOW), 0.0)
    sender._pace.window = MAX_WINDOW
    ends = []
    for _ in range(5):
        sender.put(message(bytes(START_WINDOW // 2)), newest=True)
        record = sender.next(0.0)
        assert record is not None
        ends.append(record.position + 64 + len(record.message))
    assert ends[-1] > 2 * START_WINDOW
    sender.attach(ends[0], StreamAck(consumed=ends[0], window=MAX_WINDOW))
    sender._give_back()
    room.units = 0  # others have it now
    skip = sender.next(1.0)
    assert skip is not None
    assert skip.skip > START_WINDOW
    sender.acknowledged(StreamAck(consumed=ends[-1], window=MAX_WINDOW), 1.1)
    sender.put(message(b"on it goes"))
    assert sender.next(1.2) is not None
