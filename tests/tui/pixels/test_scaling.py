import pytest
from hypothesis import given
from hypothesis import strategies as st

from natpass_tui.pixels.scaling import REDUCTIONS, Placement, place, reduction

sides = st.integers(1, 5000)
cells = st.integers(1, 300)

ODD = [
    (1920, 1080, 50, 200),
    (1366, 768, 23, 79),
    (1280, 720, 41, 133),
    (1080, 1920, 50, 200),
    (3840, 1600, 17, 211),
    (101, 67, 50, 200),
    (97, 53, 11, 31),
    (640, 481, 24, 80),
    (7, 5, 3, 4),
    (1, 1, 1, 1),
    (5000, 3, 24, 80),
    (3, 5000, 24, 80),
    (333, 1000, 501, 333),
]


@given(sides, sides, cells, cells)
def test_proportions_are_kept_and_nothing_is_enlarged(width: int, height: int, rows: int, cols: int) -> None:
    placement = place(width, height, rows, cols)
    assert 1 <= placement.width <= min(cols, width)
    assert 1 <= placement.height <= min(2 * rows, height)
    # The shape is the screen's to half a pixel in each direction, where a side is not less than one pixel.
    scale = min(cols / width, 2 * rows / height, 1.0)
    assert abs(placement.width - width * scale) <= 0.5 or placement.width == 1
    assert abs(placement.height - height * scale) <= 0.5 or placement.height == 1
    # And it touches the view in one direction, unless it is shown in its own size.
    own_size = (placement.width, placement.height) == (width, height)
    assert placement.width == cols or placement.height == 2 * rows or own_size


@given(sides, sides, cells, cells)
def test_the_picture_is_centred_and_begins_with_a_whole_cell(width: int, height: int, rows: int, cols: int) -> None:
    placement = place(width, height, rows, cols)
    right = cols - placement.left - placement.width
    below = 2 * rows - placement.top - placement.height
    assert placement.top % 2 == 0
    assert placement.left >= 0
    assert placement.top >= 0
    assert 0 <= right - placement.left <= 1
    assert 0 <= below - placement.top <= 3


def cells_of(placement: Placement) -> tuple[range, range]:
    """Return the rows and columns of the view that show some of the picture."""
    first = placement.top // 2
    return range(first, first + -(-placement.height // 2)), range(placement.left, placement.left + placement.width)


@pytest.mark.parametrize(("width", "height", "rows", "cols"), ODD)
def test_every_cell_maps_into_the_screen_and_back(width: int, height: int, rows: int, cols: int) -> None:
    placement = place(width, height, rows, cols)
    shown_rows, shown_cols = cells_of(placement)
    for row in range(rows):
        for col in range(cols):
            at = placement.to_screen(row, col)
            assert (at is not None) == (row in shown_rows and col in shown_cols), (row, col)
            if at is None:
                x, y = placement.nearest(row, col)
                assert 0 <= x < width
                assert 0 <= y < height
                continue
            assert 0 <= at[0] < width
            assert 0 <= at[1] < height
            assert placement.to_cell(*at) == (row, col)
            assert placement.nearest(row, col) == at


@given(sides, sides, cells, cells, st.data())
def test_every_screen_pixel_lies_in_a_cell_of_the_picture(
    width: int, height: int, rows: int, cols: int, data: st.DataObject
) -> None:
    placement = place(width, height, rows, cols)
    x, y = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    row, col = placement.to_cell(x, y)
    shown_rows, shown_cols = cells_of(placement)
    assert row in shown_rows
    assert col in shown_cols


def test_a_cell_means_the_pixel_in_its_middle() -> None:
    placement = place(1600, 900, 50, 160)  # ten to one: 160 x 90 view pixels, 10 of 100 left over
    assert (placement.left, placement.top, placement.width, placement.height) == (0, 4, 160, 90)
    assert placement.scale == 0.1
    assert placement.to_screen(2, 0) == (5, 10)
    assert placement.to_screen(46, 159) == (1595, 890)
    assert placement.to_screen(1, 0) is None
    assert placement.nearest(0, 3) == (35, 0)
    assert placement.nearest(49, 3) == (35, 899)


@given(sides, sides, cells, cells)
def test_the_reduction_leaves_what_the_view_shows(width: int, height: int, rows: int, cols: int) -> None:
    placement = place(width, height, rows, cols)
    factor = reduction(placement)
    assert factor in REDUCTIONS
    assert -(-width // factor) >= placement.width
    assert -(-height // factor) >= placement.height
    if factor < 8 and placement.width > 1 and placement.height > 1:
        assert width < 2 * factor * placement.width or height < 2 * factor * placement.height


@pytest.mark.parametrize("sizes", [(0, 1, 1, 1), (1, 0, 1, 1), (1, 1, 0, 1), (1, 1, 1, 0)])
def test_nothing_has_no_place(sizes: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="at least one pixel"):
        place(*sizes)
