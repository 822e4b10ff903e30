"""Durations, round-trip times, the relay's line, sorting and finding."""

import os
import time
from collections.abc import Iterator

import pytest

from natpass_tui.model import times
from natpass_tui.model.agents import natural, similar
from natpass_tui.model.relay_text import relay_text
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
    [(None, "—"), (0.0002, "<1 ms"), (0.0123, "12 ms"), (1.2, "1200 ms"), (9.9999, "10 s"), (75, "75 s")],
)
def test_a_round_trip_fits_into_seven_cells(seconds: float | None, shown: str) -> None:
    assert times.round_trip(seconds) == shown
    assert len(shown) <= 7


@pytest.mark.parametrize(
    ("then", "shown"), [(0, "01 Jan 1970 "), (1_750_000_000, "15:06:40    "), (1_749_900_000, "14 Jun 11:20")]
)
def test_a_beginning_is_told_by_the_clock_today_and_with_its_date_before(then: float, shown: str) -> None:
    assert times.since(then, 1_750_000_100) == shown


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
