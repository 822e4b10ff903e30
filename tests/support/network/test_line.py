"""Slow lines, with a fake clock."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.network.line import Line, Shape

SLOW = Shape(rate=20_000, delay=0.15, queue=1000)


@given(
    st.lists(st.tuples(st.floats(0, 3), st.binary(max_size=5000)), max_size=20),
    st.floats(0.001, 1),
    st.sampled_from([0.0, 0.05]),
)
def test_nothing_is_lost_or_moved(given: list[tuple[float, bytes]], step: float, jitter: float) -> None:
    line, now, arrived = Line(replace(SLOW, jitter=jitter)), 0.0, b""
    for pause, data in given:
        now += pause
        line.put(data, now)
        arrived += line.take(now)
    while line.next_at is not None:
        now = max(now, line.next_at) + step
        arrived += line.take(now)
    assert arrived == b"".join(data for _, data in given)
    assert line.held == 0


def test_a_packet_takes_its_size_and_the_delay() -> None:
    line = Line(SLOW)
    line.put(bytes(1000), 10.0)
    assert line.next_at == pytest.approx(10 + 1000 / 20_000 + 0.15)
    assert line.take(10.199) == b""
    assert line.take(10.201) == bytes(1000)


def test_the_rate_is_kept_whatever_is_put_in() -> None:
    line = Line(SLOW)
    line.put(bytes(100_000), 0.0)
    assert len(line.take(1.15)) in range(18_000, 20_001)
    assert len(line.take(2.15)) in range(18_000, 22_001)


def test_a_line_that_rested_does_not_catch_up() -> None:
    line = Line(SLOW)
    line.put(b"x", 0.0)
    assert line.take(100.0) == b"x"
    line.put(bytes(10_000), 100.0)
    assert len(line.take(100.35)) in range(2_500, 4_001)


def test_it_is_full_with_its_content_and_its_queue() -> None:
    line = Line(SLOW)
    assert SLOW.room == 6000 + 1000
    fullness = []
    for size, at in ((6999, 0.0), (1, 0.0), (0, 0.3)):
        line.take(at)
        line.put(bytes(size), at)
        fullness.append(line.is_full)
    assert fullness == [False, True, False]


def test_jitter_delays_and_never_reorders() -> None:
    line = Line(Shape(rate=1e6, delay=0.01, jitter=0.005))
    delays, last = [], 0.0
    for number in range(2000):
        sent = number * 0.1  # one packet at a time
        line.put(number.to_bytes(2, "big"), sent)
        arrives = line.next_at
        assert arrives is not None
        assert arrives >= last
        assert line.take(arrives) == number.to_bytes(2, "big")
        delays.append(arrives - sent)
        last = arrives
    assert min(delays) == pytest.approx(0.01, abs=0.0005)
    assert sum(delays) / len(delays) == pytest.approx(0.015, rel=0.05)
