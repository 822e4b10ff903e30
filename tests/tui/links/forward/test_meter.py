"""Bytes a second."""

import pytest

from natpass_tui.links.forward.meter import NOTHING, WINDOW_SECONDS, Rate, RateMeter


def test_a_rate_is_the_average_of_the_last_seconds() -> None:
    meter = RateMeter()
    assert not meter.feed(0.0, 0, 0)
    assert meter.rate == NOTHING
    assert meter.feed(0.5, 500, 100)
    assert meter.rate == Rate(1000.0, 200.0)
    for step in range(2, 40):
        meter.feed(step * 0.5, 500 * step, 100 * step)
    assert meter.rate == Rate(1000.0, 200.0)


def test_a_rate_falls_to_nothing_when_nothing_comes() -> None:
    meter = RateMeter()
    meter.feed(0.0, 0, 0)
    meter.feed(1.0, 9000, 0)
    assert not meter.feed(2.0, 9000, 0)
    assert 0 < meter.rate.sent < 9000
    meter.feed(1.0 + WINDOW_SECONDS, 9000, 0)
    assert meter.rate == NOTHING


def test_counters_that_begin_anew_give_no_negative_rate() -> None:
    meter = RateMeter()
    meter.feed(0.0, 5000, 5000)
    meter.feed(1.0, 6000, 5000)
    meter.feed(2.0, 10, 0)
    assert meter.rate == NOTHING
    meter.feed(3.0, 30, 0)
    assert meter.rate.sent == pytest.approx(20.0)


def test_two_looks_at_the_same_time_are_no_division_by_zero() -> None:
    meter = RateMeter()
    meter.feed(1.0, 0, 0)
    assert meter.feed(1.0, 10, 0)
    assert meter.rate == NOTHING
