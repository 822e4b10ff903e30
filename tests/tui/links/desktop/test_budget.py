from hypothesis import given
from hypothesis import strategies as st

from natpass_tui.links.desktop.budget import PIXELS_A_SECOND, PixelBudget


@given(st.lists(st.tuples(st.integers(1, 10**9), st.floats(0, 10)), min_size=1))
def test_who_waits_as_told_decodes_so_much_and_no_more(pictures: list[tuple[int, float]]) -> None:
    budget, now, spent, begin = PixelBudget(), 1000.0, 0, 1000.0
    for pixels, pause in pictures:
        wait = budget.take(pixels, now)
        assert 0 <= wait <= spent / PIXELS_A_SECOND + pixels / PIXELS_A_SECOND + 1e-6
        now += wait
        spent += pixels
        assert spent / PIXELS_A_SECOND <= now - begin + 0.25 + 1e-6
        now += pause


def test_an_honest_screen_does_not_wait() -> None:
    """A screen of 4K at 25 frames a second."""
    budget = PixelBudget()
    assert not any(budget.take(3840 * 2160, 50 + frame / 25) for frame in range(200))
