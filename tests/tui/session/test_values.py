"""Durations, round-trip times, the relay's line, sorting and finding."""

import os
import time
from collections.abc import Iterator

import pytest

from natpass_tui.session import durations
from natpass_tui.session.agents import natural, similar
from natpass_tui.session.relay_text import relay_text
from natpass_wire.aio.client import Phase, RelayStatus


@pytest.fixture(autouse=True)
def _in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    if not hasattr(time, "tzset"):
        pytest.skip("the time zone can't be set here")
    with monkeypatch.context() as patch:
        patch.setitem(os.environ, "TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-5, "0s"),
        (0, "0s"),
        (59.9, "59s"),
        (60, "1m"),
        (3599, "59m"),
        (3600, "1h 00m"),
        (86_399, "23h 59m"),
        (86_400, "1d 00h"),
        (99 * 86_400, "99d 00h"),
        (210 * 86_400, "210d"),
    ],
)
def test_an_age_fits_into_seven_cells(seconds: float, shown: str) -> None:
    assert durations.age(seconds) == shown
    assert len(shown) <= 7


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-1, "0 s"),
        (59.9, "59 s"),
        (720, "12 min"),
        (86_399, "23 h"),
        (86_400, "1 day"),
        (99.9 * 86_400, "99 days"),
        (210 * 86_400, "210 d"),
    ],
)
def test_a_rough_duration_fits_into_seven_cells(seconds: float, shown: str) -> None:
    assert durations.span(seconds) == shown
    assert len(shown) <= 7


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-1, "0 s"),
        (12.9, "12 s"),
        (60, "1 min 00 s"),
        (3599, "59 min 59 s"),
        (7640, "2 h 07 min"),
        (1e6, "277 h 46 min"),
    ],
)
def test_what_lasts_is_seen_to_count(seconds: float, shown: str) -> None:
    assert durations.elapsed(seconds) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(None, "—"), (0.0002, "<1 ms"), (0.0123, "12 ms"), (1.2, "1200 ms"), (9.9999, "10 s"), (75, "75 s")],
)
def test_a_round_trip_fits_into_seven_cells(seconds: float | None, shown: str) -> None:
    assert durations.round_trip(seconds) == shown
    assert len(shown) <= 7


@pytest.mark.parametrize(
    ("then", "shown"), [(0, "01 Jan 1970 "), (1_750_000_000, "15:06:40    "), (1_749_900_000, "14 Jun 11:20")]
)
def test_a_beginning_is_told_by_the_clock_today_and_with_its_date_before(then: float, shown: str) -> None:
    assert durations.since(then, 1_750_000_100) == shown


@pytest.mark.parametrize(
    ("status", "line"),
    [
        (RelayStatus(Phase.CONNECTING), "connecting to r:1"),
        (RelayStatus(Phase.ONLINE), "connected to r:1"),
        (RelayStatus(Phase.CONNECTING, "gone"), "reconnecting to r:1 — gone"),
        (RelayStatus(Phase.WAITING, "gone", retry_at=12.6), "reconnecting in 3 s — gone"),
        (RelayStatus(Phase.WAITING, "gone", retry_at=9.0), "reconnecting in 1 s — gone"),
    ],
)
def test_the_relay_line_says_how_it_is_and_why(status: RelayStatus, line: str) -> None:
    assert relay_text(status, "r:1", now=10.0) == line


def test_numbers_in_ids_sort_as_numbers() -> None:
    assert sorted(["web-10", "Web-2", "db", "web-1", "²"], key=natural) == ["db", "web-1", "Web-2", "web-10", "²"]


def test_similar_ids_are_offered_after_a_mistake() -> None:
    ids = ["web-1", "web-2", "web-10", "web-3", "db-1"]
    assert similar("web", ids) == ["web-1", "web-2", "web-3"]
    assert "web-10" in similar("WBE-10", ids)
    assert similar("zzz", ids) == []
