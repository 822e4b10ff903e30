"""When what is consumed is acknowledged: with the next record, before the credit runs out, or when it is time."""

from natpass_wire.stream.core import StreamPhase
from natpass_wire.stream.receiver import START_WINDOW
from natpass_wire.stream.records import parse
from tests.wire.stream.pair import Pair, message


def received(size: int = 10) -> Pair:
    """Return a pair whose target has consumed a message, and not acknowledged it."""
    pair = Pair()
    pair.open()
    pair.opener.core.send(message(bytes(size)))
    sent = pair.opener.core.next(pair.now)
    assert sent is not None
    pair.target.take(pair.target.core.receive(sent, pair.now))
    assert pair.target.read()
    return pair


def test_an_acknowledgement_waits_for_a_record_to_go_with() -> None:
    pair = received()
    target = pair.target.core
    assert target.is_ack_owed
    assert target.next(pair.now) is None
    target.send(message(b"the answer"))
    answer = target.next(pair.now)
    assert answer is not None
    assert parse(answer).HasField("message")
    assert parse(answer).ack.consumed > 0
    target.acknowledge()
    assert target.next(pair.now) is None  # it is said already


def test_an_acknowledgement_goes_alone_when_it_is_time() -> None:
    pair = received()
    target = pair.target.core
    target.acknowledge()
    assert target.has_output(pair.now)
    record = target.next(pair.now)
    assert record is not None
    assert parse(record).WhichOneof("content") is None
    pair.opener.core.receive(record, pair.now)
    assert not pair.opener.core.sender.unacknowledged
    assert target.next(pair.now) is None


def test_a_quarter_of_the_window_is_acknowledged_at_once() -> None:
    pair = received(START_WINDOW // 4)
    record = pair.target.core.next(pair.now)
    assert record is not None
    assert parse(record).ack.consumed >= START_WINDOW // 4


def test_an_end_is_acknowledged_at_once() -> None:
    pair = received()
    pair.finish(pair.opener)
    assert pair.deliver(pair.target)
    assert not pair.target.core.is_ack_owed
    assert pair.deliver(pair.opener)
    assert pair.opener.core.state is StreamPhase.ENDED
