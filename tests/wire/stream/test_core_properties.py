"""Whatever the network does, each byte arrives once, in order and within credit, and nothing stands still for ever."""

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from natpass_wire.errors import LocalProtocolError, RemoteProtocolError
from natpass_wire.pb.stream_pb2 import StreamAck, StreamRecord, StreamUrgent
from natpass_wire.stream.core import StreamPhase
from natpass_wire.stream.receiver import MAX_WINDOW, START_WINDOW
from natpass_wire.stream.urgent import MOST_BYTES, MOST_ON_WAY
from tests.wire.stream.pair import Pair, Side, message

SIDES = st.sampled_from(["opener", "target"])
SIZES = st.one_of(st.integers(0, 300), st.integers(300, 60 * 1024))


def check_delivery(pair: Pair) -> None:
    """Every side has got, in order and once, what the other has sent; of what may be skipped, some."""
    for side in pair.sides:
        sent, got = pair.other(side).sent, side.everything()
        wanted = [data for data in sent if data not in pair.other(side).newest]
        kept = [data for data in got if data not in pair.other(side).newest]
        assert kept == wanted[: len(kept)]
        rest = iter(sent)
        assert all(data in rest for data in got), "out of order, or twice"
        urgent = pair.other(side).urgent_sent
        assert side.urgent_got == urgent[: len(side.urgent_got)]


class Network(RuleBasedStateMachine):
    """Two ends over links that come, go, and are cut for one end only."""

    def __init__(self) -> None:
        super().__init__()
        self.pair = Pair()
        self.number = 0

    def side(self, name: str) -> Side:
        return self.pair.opener if name == "opener" else self.pair.target

    @initialize(early=st.booleans())
    def begin(self, early: bool) -> None:
        self.pair.connect()
        if not early:
            self.pair.run()
            self.pair.accept()

    @rule()
    def connect(self) -> None:
        self.pair.connect()

    @rule(sees=st.tuples(st.booleans(), st.booleans()))
    def cut(self, sees: tuple[bool, bool]) -> None:
        self.pair.cut(opener_sees=sees[0], target_sees=sees[1])

    @rule(name=SIDES, times=st.integers(1, 5), seconds=st.sampled_from([0.0, 0.001, 0.3, 12.0]))
    def deliver(self, name: str, times: int, seconds: float) -> None:
        for _ in range(times):
            self.pair.deliver(self.side(name), seconds)

    @precondition(lambda self: self.pair.target.core.state is StreamPhase.ASKED)
    @rule()
    def accept(self) -> None:
        self.pair.accept()

    @rule(name=SIDES, size=SIZES, newest=st.booleans(), times=st.integers(1, 4))
    def send(self, name: str, size: int, newest: bool, times: int) -> None:
        for _ in range(times):
            self.number += 1
            data = self.number.to_bytes(4, "big") + bytes(size)
            self.pair.send(self.side(name), data, newest=newest)

    @rule(name=SIDES, times=st.integers(1, 20))
    def send_urgent(self, name: str, times: int) -> None:
        for _ in range(times):
            self.number += 1
            self.pair.send_urgent(self.side(name), self.number.to_bytes(4, "big"))

    @rule(name=SIDES, times=st.integers(1, 5), most=st.integers(1, 5))
    def read(self, name: str, times: int, most: int) -> None:
        for _ in range(times):
            self.side(name).read(most)
        self.pair.pump()

    @precondition(lambda self: self.pair.opener.core.state is StreamPhase.OPEN)
    @rule(name=SIDES)
    def finish(self, name: str) -> None:
        self.pair.finish(self.side(name))

    @invariant()
    def nothing_is_lost_or_twice(self) -> None:
        check_delivery(self.pair)

    @invariant()
    def within_credit(self) -> None:
        for side in self.pair.sides:
            assert side.unconsumed <= MAX_WINDOW
            assert side.core.kept_units <= 2 * MAX_WINDOW + 2 * 64 * 1024

    def teardown(self) -> None:
        """Give it a network that works, and programs that read: everything gets there, and both ends are done."""
        pair = self.pair
        pair.cut()
        for _ in range(3):  # a hello that finds the target not answering yet, and what follows
            pair.connect()
            pair.run()
            if pair.target.core.state is StreamPhase.ASKED:
                pair.accept()
                pair.run()
        check_delivery(pair)
        if StreamPhase.ENDED in {side.core.state for side in pair.sides}:
            return
        for side in pair.sides:
            assert pair.send(side, b"the last"), "no room, though everything was read"
        pair.run()
        for side in pair.sides:
            assert side.got[-1] == b"the last"
            wanted = [data for data in pair.other(side).sent if data not in pair.other(side).newest]
            assert [data for data in side.got if data not in pair.other(side).newest] == wanted
            assert side.urgent_got == pair.other(side).urgent_sent
        pair.finish(pair.target)
        pair.run()
        assert pair.opener.end is not None
        assert pair.opener.end.status == 3
        assert pair.target.finished


TestNetwork = Network.TestCase
TestNetwork.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)


@given(
    messages=st.lists(st.tuples(SIZES, st.booleans()), min_size=1, max_size=200),
    cuts=st.sets(st.integers(0, 20) | st.integers(0, 400), max_size=30),
    batch=st.integers(1, 8),
)
@example(messages=[(0, False), (0, True), (0, False)], cuts={1}, batch=8)  # a lost one within a batch
def test_a_flood_one_way_arrives_whole(messages: list[tuple[int, bool]], cuts: set[int], batch: int) -> None:
    """Of those that a newer one replaces, what was not lost; the reader takes several at once."""
    pair = Pair()
    pair.open()
    todo = [(index.to_bytes(4, "big") + bytes(size), newest) for index, (size, newest) in enumerate(messages)]
    todo.append((b"last", False))
    step = 0
    while b"last" not in pair.opener.got:
        while todo and pair.send(pair.target, todo[0][0], newest=todo[0][1]):
            del todo[0]
        if step in cuts:
            pair.cut()
            pair.connect()
        is_busy = pair.deliver(pair.target) | pair.deliver(pair.opener)
        if not is_busy or len(pair.opener.unread) >= batch:
            pair.opener.read(batch)
        pair.pump()
        step += 1
        assert step < 20 * (len(messages) + 1 + len(cuts)) + 100, "it stands still"
    check_delivery(pair)
    assert [data for data in pair.opener.got if data not in pair.target.newest] == [
        data for data in pair.target.sent if data not in pair.target.newest
    ]
    assert pair.opener.unconsumed == 0
    while pair.deliver(pair.target) | pair.deliver(pair.opener):
        pass
    assert pair.target.core.unconsumed == 0


def test_an_opener_that_gives_up_is_heard_by_a_target_that_consumes_nothing() -> None:
    pair = Pair()
    pair.open()
    while pair.send(pair.opener, bytes(30_000)):
        pair.deliver(pair.target)
    pair.finish(pair.opener, "given up")
    pair.cut()
    pair.connect()
    pair.run(read=False)
    assert pair.target.end is not None
    assert pair.target.end.text == "given up"
    assert pair.opener.finished


def test_an_urgent_message_passes_a_target_that_consumes_nothing_and_survives_a_cut() -> None:
    pair = Pair()
    pair.open()
    while pair.send(pair.opener, bytes(30_000)):
        pair.deliver(pair.target)
    assert not pair.opener.core.room()
    assert pair.send_urgent(pair.opener, b"one")
    pair.cut()  # on its way
    assert pair.send_urgent(pair.opener, b"two")
    pair.connect()
    pair.run(read=False)
    assert pair.target.urgent_got == [b"one", b"two"]
    assert not pair.target.got


def test_urgent_messages_are_few_and_small() -> None:
    pair = Pair()
    pair.open()
    pair.cut()
    taken = [pair.send_urgent(pair.opener, b"x") for _ in range(MOST_ON_WAY + 1)]
    assert taken == [True] * MOST_ON_WAY + [False]
    pair.connect()
    pair.run()
    assert pair.send_urgent(pair.opener, b"x")
    with pytest.raises(LocalProtocolError):
        pair.opener.core.send_urgent(bytes(MOST_BYTES + 1))


@pytest.mark.parametrize(
    "record",
    [
        StreamRecord(urgent=StreamUrgent(number=0, message=message(b""))),
        StreamRecord(urgent=StreamUrgent(number=2, message=message(b""))),
        StreamRecord(urgent=StreamUrgent(number=1, message=message(bytes(MOST_BYTES)))),
        StreamRecord(urgent=StreamUrgent(number=1, message=b"\xff")),
        StreamRecord(ack=StreamAck(window=START_WINDOW, urgent=1)),
    ],
    ids=["not the first", "not the next", "too large", "no message", "an answer to nothing"],
)
def test_an_urgent_message_that_can_not_be_breaks_the_protocol(record: StreamRecord) -> None:
    pair = Pair()
    pair.open()
    with pytest.raises(RemoteProtocolError):
        pair.target.core.receive(record.SerializeToString(), 0.0)


@given(data=st.data())
def test_what_is_no_record_of_the_other_end_is_the_other_ends_fault(data: Any) -> None:
    """Bytes that a hostile end sends end the stream, or mean something that is allowed; nothing else happens."""
    pair = Pair()
    pair.open()
    side = pair.target if data.draw(st.booleans()) else pair.opener
    for record in data.draw(st.lists(st.binary(max_size=60), max_size=10)):
        try:
            side.core.receive(record, pair.now)
        except RemoteProtocolError:
            return
