import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from natpass_tui.pixels.colours import Depth, grey, quantise, sequences, shown
from natpass_tui.pixels.half_blocks import HalfBlocks
from tests.tui.pixels.emulator import indexed, picture_of

Picture = NDArray[np.uint8]


@st.composite
def pictures(draw: st.DrawFn, rows: int = 3, cols: int = 9) -> Picture:
    """Few colours, so that runs, and cells of one colour, occur."""
    palette = np.array([(0, 0, 0), (255, 255, 255), (250, 7, 128), (8, 130, 250), (100, 100, 100)], np.uint8)
    indices = draw(st.lists(st.integers(0, 4), min_size=2 * rows * cols, max_size=2 * rows * cols))
    picture: Picture = palette[np.array(indices)].reshape(2 * rows, cols, 3)
    return picture


def as_shown(picture: Picture, depth: Depth) -> Picture:
    return np.take(shown(depth), quantise(picture, depth), axis=0)


@given(pictures(), st.sampled_from(Depth))
def test_lines_parse_back_to_the_quantised_picture(picture: Picture, depth: Depth) -> None:
    lines = HalfBlocks(3, 9, depth).update(picture)
    assert list(lines) == [0, 1, 2]
    assert (picture_of(list(lines.values())) == as_shown(picture, depth)).all()


@given(pictures(), pictures(), st.sampled_from(Depth))
def test_only_changed_rows_come_again(first: Picture, second: Picture, depth: Depth) -> None:
    blocks = HalfBlocks(3, 9, depth)
    screen = blocks.update(first)
    changed = blocks.update(second)
    before, after = as_shown(first, depth), as_shown(second, depth)
    differ = [row for row in range(3) if (before[2 * row : 2 * row + 2] != after[2 * row : 2 * row + 2]).any()]
    assert list(changed) == differ
    screen.update(changed)
    assert (picture_of([screen[row] for row in range(3)]) == after).all()
    assert blocks.update(second) == {}


def test_a_run_names_its_colours_once() -> None:
    plain = np.zeros((2, 200, 3), np.uint8)
    assert HalfBlocks(1, 200).update(plain)[0] == "\x1b[48;2;0;0;0m" + " " * 200 + "\x1b[0m"
    plain[0] = 255
    assert HalfBlocks(1, 200).update(plain)[0] == "\x1b[38;2;255;255;255;48;2;0;0;0m" + "▀" * 200 + "\x1b[0m"


def test_noise_of_full_size() -> None:
    picture = np.random.default_rng(1).integers(0, 256, (100, 200, 3), dtype=np.uint8)
    lines = HalfBlocks(50, 200).update(picture)
    rebuilt = picture_of([lines[row] for row in range(50)])
    assert np.abs(rebuilt.astype(int) - picture).max() <= 8


@pytest.mark.parametrize("depth", [Depth.PALETTE_256, Depth.PALETTE_16])
def test_palettes_are_xterms_and_the_nearest_is_taken(depth: Depth) -> None:
    first = 16 if depth is Depth.PALETTE_256 else 0
    palette = shown(depth)
    assert [tuple(colour) for colour in palette.tolist()] == [indexed(first + at) for at in range(len(palette))]
    assert len(sequences(depth)[0]) == len(palette)
    every = shown(Depth.TRUE)
    chosen = as_shown(every[None], depth)[0].astype(int)
    weights = np.array([2, 4, 3])
    for at in range(0, len(every), 997):
        distances = ((palette.astype(int) - every[at]) ** 2 * weights).sum(axis=1)
        assert ((chosen[at] - every[at]) ** 2 * weights).sum() == distances.min()


def test_a_picture_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="rows, 4 cols"):
        HalfBlocks(2, 4).update(np.zeros((4, 5, 3), np.uint8))


def test_grey_keeps_the_luminance() -> None:
    picture = np.array([[(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (9, 9, 9)]], np.uint8)
    assert grey(picture)[0].tolist() == [[76] * 3, [150] * 3, [29] * 3, [255] * 3, [9] * 3]
