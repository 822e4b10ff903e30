import pytest

from natpass_agent.links.desktop.worker.pacing import CapturePace


def test_a_screen_that_tells_its_changes_is_looked_at_at_the_rate_however_long_it_was_idle() -> None:
    pace = CapturePace(tells_changes=True)
    assert pace.delay(0.0, 10) == 0
    for _ in range(100):
        pace.looked(1.0, found=False)
    assert pace.delay(1.0, 10) == pytest.approx(0.1)
    assert pace.delay(5.0, 10) == 0


def test_a_screen_that_does_not_is_looked_at_less_often_while_nothing_changes() -> None:
    pace = CapturePace(tells_changes=False)
    for _ in range(1000):
        pace.looked(1.0, found=False)
    assert pace.delay(1.0, 10) == pytest.approx(0.4)
    pace.looked(1.0, found=True)
    assert pace.delay(1.0, 10) == pytest.approx(0.1)
