import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from natpass_agent.links.desktop.worker.tiles import TILE, Area, changed_tiles, rectangles

grids = st.integers(1, 20).flatmap(
    lambda cols: st.lists(st.lists(st.booleans(), min_size=cols, max_size=cols), min_size=1, max_size=20)
)


@given(grids, st.integers(1, 16), st.integers(1, 32))
def test_rectangles_cover_changed_tiles_once_and_no_others(grid: list[list[bool]], widest: int, largest: int) -> None:
    changed = np.array(grid)
    covered = np.zeros(changed.shape, np.int64)
    for row, col, rows, cols in rectangles(changed, widest, largest):
        assert 1 <= rows * cols <= largest
        assert 1 <= cols <= widest
        covered[row : row + rows, col : col + cols] += 1
    assert (covered == changed).all()


def test_a_whole_screen_takes_few_rectangles() -> None:
    assert len(rectangles(np.ones((17, 30), np.bool_), 16, 16)) <= 17 * 2


@given(st.integers(1, 200), st.integers(1, 200), st.data())
def test_a_pixel_that_differs_is_in_a_changed_tile(rows: int, cols: int, data: st.DataObject) -> None:
    before: NDArray[np.uint8] = np.zeros((rows, cols, 4), np.uint8)
    now = before.copy()
    spots = data.draw(st.lists(st.tuples(st.integers(0, rows - 1), st.integers(0, cols - 1)), max_size=4))
    for row, col in spots:
        now[row, col, 1] = 9
    expected = np.zeros((-(-rows // TILE), -(-cols // TILE)), np.bool_)
    for row, col in spots:
        expected[row // TILE, col // TILE] = True
    assert (changed_tiles(before, now) == expected).all()


areas = st.builds(Area, st.integers(-300, 600), st.integers(-300, 600), st.integers(0, 400), st.integers(0, 400))


@given(areas, st.integers(1, 400), st.integers(1, 400))
def test_an_aligned_area_is_within_the_screen_and_holds_what_was_in_it(area: Area, width: int, height: int) -> None:
    aligned = area.aligned_within(width, height)
    inside = {
        (x, y)
        for x in range(max(area.x, 0), min(area.x + area.width, width), 7)
        for y in range(max(area.y, 0), min(area.y + area.height, height), 7)
    }
    if aligned is None:
        assert not inside
        return
    assert aligned.x % TILE == 0
    assert aligned.y % TILE == 0
    right, bottom = aligned.x + aligned.width, aligned.y + aligned.height
    assert 0 <= aligned.x < right <= width
    assert 0 <= aligned.y < bottom <= height
    assert all(aligned.x <= x < right and aligned.y <= y < bottom for x, y in inside)
