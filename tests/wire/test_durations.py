import pytest

from natpass_wire.durations import age, duration, elapsed, span


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
    assert age(seconds) == shown
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
    assert span(seconds) == shown
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
    assert elapsed(seconds) == shown


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "0 s"), (-3, "0 s"), (59, "59 s"), (60, "1 min"), (3600, "1 h 00 min"), (90_000, "1 d 1 h")],
)
def test_durations(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text
