"""What counts as jitter: neither a queue that stands, nor one that grows or drains."""

import pytest

from natpass_wire.stream.jitter import Jitter, LineRate

#: A line that takes 1 ms for a record.
SIZE, RATE = 1000, 1e6


def jitter_of(round_trips: list[float]) -> float:
    jitter = Jitter()
    jitter.round_ended(int(RATE), 1.0)
    for round_trip in round_trips:
        jitter.measure(round_trip, SIZE)
    return jitter.seconds


def test_a_queue_of_ours_is_none_whatever_it_does() -> None:
    grows = [0.020 + 0.001 * number for number in range(100)]
    stands = [grows[-1]] * 100
    drains = [grows[-1] - 0.001 * number for number in range(100)]
    assert jitter_of(grows + stands + drains) == pytest.approx(0.0, abs=1e-9)


def test_late_records_are_measured() -> None:
    assert jitter_of([0.020, 0.040] * 200) == pytest.approx(0.019, rel=0.1)


def test_nothing_is_known_without_the_lines_rate() -> None:
    jitter = Jitter()
    for round_trip in [0.020, 0.040] * 20:
        jitter.measure(round_trip, SIZE)
    assert jitter.seconds == 0.0


def test_what_comes_after_a_pause_is_not_compared_with_what_came_before() -> None:
    jitter = Jitter()
    jitter.round_ended(int(RATE), 1.0)
    for _ in range(20):
        jitter.measure(0.5, SIZE, is_last=True)
        jitter.measure(0.02, SIZE, is_last=True)
    assert jitter.seconds == 0.0


def test_a_line_that_has_become_slow_is_known_after_two_periods() -> None:
    jitter = Jitter()
    jitter.round_ended(int(RATE), 1.0)
    jitter.period_ended()
    jitter.round_ended(int(RATE), 100.0)
    jitter.period_ended()
    for round_trip in [0.5, 0.45] * 50:  # a record takes 100 ms now
        jitter.measure(round_trip, SIZE)
    assert jitter.seconds == 0.0


def test_acknowledgements_that_come_at_once_do_not_make_a_line_look_faster() -> None:
    line, jitter = LineRate(), Jitter()
    for _ in range(100):  # 10 MB/s: nothing for 9 ms, and then all of it within 1 ms
        for size, seconds in ((0, 0.009), (100_000, 0.001)):
            line.round_ended(size, seconds, was_limit=True)
            jitter.round_ended(size, seconds)
    assert 10e6 <= line.rate <= 15e6  # three batches within 21 ms
    assert jitter.rate == pytest.approx(100e6)


def test_what_another_limit_held_back_says_nothing_about_a_line() -> None:
    line = LineRate()
    line.round_ended(100_000, 0.015, was_limit=True)
    line.round_ended(10, 1.0, was_limit=False)
    line.round_ended(100_000, 0.015, was_limit=True)
    assert not line.rate
    line.round_ended(100_000, 0.005, was_limit=True)
    assert line.rate == pytest.approx(10e6)
    line.period_ended()
    assert line.rate == pytest.approx(10e6)
    line.period_ended()
    assert not line.rate
