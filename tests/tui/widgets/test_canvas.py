"""The rows of views that paint single rows."""

import itertools

from hypothesis import given
from hypothesis import strategies as st
from textual.geometry import Region

from natpass_tui.widgets.canvas import joined


@given(rows=st.sets(st.integers(0, 60)), cols=st.integers(1, 200))
def test_regions_cover_the_rows_and_no_others(rows: set[int], cols: int) -> None:
    regions = joined(rows, cols)
    assert [row for region in regions for row in range(region.y, region.bottom)] == sorted(rows)
    assert all(region.x == 0 and region.width == cols for region in regions)
    assert all(above.bottom < below.y for above, below in itertools.pairwise(regions))


def test_neighbours_are_one_region() -> None:
    assert joined([3, 1, 2, 7], 80) == [Region(0, 1, 80, 3), Region(0, 7, 80, 1)]
