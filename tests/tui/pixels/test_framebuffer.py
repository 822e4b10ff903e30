from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from natpass_tui.pixels import framebuffer
from natpass_tui.pixels.framebuffer import MAX_SIDE, Framebuffer, Rectangle, check
from natpass_tui.pixels.resample import area_average

Picture = NDArray[np.uint8]


def noise(seed: int, height: int, width: int) -> Picture:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def slow_average(picture: Picture, height: int, width: int) -> NDArray[np.float64]:
    """Return the means of areas by their definition: every pixel repeated until all edges fall on pixels."""
    rows, cols = picture.shape[:2]
    fine = np.repeat(np.repeat(picture, height, axis=0), width, axis=1).astype(np.float64)
    result: NDArray[np.float64] = fine.reshape(height, rows, width, cols, 3).mean(axis=(1, 3))
    return result


def slow_reduced(picture: Picture, factor: int) -> NDArray[np.float64]:
    """Return the means of blocks; those at the right and lower edge are of what there is."""
    rows, cols = -(-picture.shape[0] // factor), -(-picture.shape[1] // factor)
    result = np.empty((rows, cols, 3))
    for row in range(rows):
        for col in range(cols):
            block = picture[row * factor : (row + 1) * factor, col * factor : (col + 1) * factor]
            result[row, col] = block.mean(axis=(0, 1))
    return result


@st.composite
def rectangles(draw: st.DrawFn, width: int, height: int) -> Rectangle:
    x, y = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
    return Rectangle(x, y, draw(st.integers(1, width - x)), draw(st.integers(1, height - y)))


@given(st.integers(1, 23), st.integers(1, 23), st.integers(1, 30), st.integers(1, 30), st.integers(0, 99))
def test_an_average_is_that_of_the_area(rows: int, cols: int, height: int, width: int, seed: int) -> None:
    picture = noise(seed, rows, cols)
    result = area_average(picture, height, width)
    assert result.dtype == np.uint8
    assert np.abs(result - slow_average(picture, height, width)).max() <= 0.51


@given(st.integers(1, 60), st.integers(1, 60), st.sampled_from([1, 2, 4, 8]), st.data())
@settings(max_examples=60)
def test_any_rectangles_leave_the_average_of_the_whole(
    width: int, height: int, factor: int, data: st.DataObject
) -> None:
    """Once one came that lies across the grid: from then on every pixel is known."""
    buffer = Framebuffer(width, height, factor)
    whole = np.zeros((height, width, 3), np.uint8)
    across = Rectangle(0, 0, data.draw(st.integers(1, width)), data.draw(st.integers(1, height)))
    buffer.put(across, whole[: across.height, : across.width])
    assume(factor == 1 or not buffer.takes_reduced(Rectangle(0, 0, width, height)))
    for seed in range(data.draw(st.integers(1, 5))):
        part = data.draw(rectangles(width, height))
        picture = noise(seed, part.height, part.width)
        whole[part.y : part.y + part.height, part.x : part.x + part.width] = picture
        buffer.put(part, picture)
        if data.draw(st.booleans()):  # another size of the view in between
            factor = data.draw(st.sampled_from([1, 2, 4, 8]))
            if not buffer.takes_reduced(Rectangle(0, 0, width, height)):  # it knows every pixel
                buffer = buffer.resized(factor)
        assert np.abs(buffer.pixels - slow_reduced(whole, buffer.factor)).max() <= 0.51


@given(st.integers(9, 60), st.integers(9, 60), st.sampled_from([1, 2, 4, 8]), st.data())
@settings(max_examples=60)
def test_a_screen_in_tiles_is_the_average_of_the_whole(
    width: int, height: int, factor: int, data: st.DataObject
) -> None:
    """Tiles that cover the screen once, of any size; those that may come reduced do."""
    whole = noise(7, height, width)
    buffer = Framebuffer(width, height, factor)
    tile_width, tile_height = data.draw(st.integers(5, width)), data.draw(st.integers(5, height))
    for y in range(0, height, tile_height):
        for x in range(0, width, tile_width):
            part = Rectangle(x, y, min(tile_width, width - x), min(tile_height, height - y))
            picture = whole[part.y : part.y + part.height, part.x : part.x + part.width]
            if buffer.takes_reduced(part):
                buffer.put_reduced(part, np.rint(slow_reduced(picture, factor)).astype(np.uint8))
            else:
                buffer.put(part, picture)
    aligned = factor == 1 or (tile_width % factor == 0 and tile_height % factor == 0)
    if aligned:
        assert np.abs(buffer.pixels - slow_reduced(whole, factor)).max() <= 0.51
    else:  # the tiles before the first that lay across the grid are known by their averages only: draw them again
        buffer.put(Rectangle(0, 0, width, height), whole)
        assert np.abs(buffer.pixels - slow_reduced(whole, factor)).max() <= 0.51


@pytest.mark.parametrize("factor", [1, 2, 4, 8])
def test_the_scaled_screen_is_the_average_of_the_full_one(factor: int) -> None:
    """Also where the last reduced pixel stands for fewer: 661 x 443 divides by nothing."""
    y, x = np.mgrid[0:443, 0:661]
    smooth = np.stack([127 + 127 * np.sin(x / 60), 127 + 127 * np.cos(y / 50), (x + y) / 5], axis=-1).astype(np.uint8)
    buffer = Framebuffer(661, 443, factor)
    buffer.put(Rectangle(0, 0, 661, 443), smooth)
    exact = area_average(smooth, 37, 55).astype(int)
    assert np.abs(buffer.scaled(37, 55) - exact).max() <= 2


def test_a_coarser_screen_is_averaged_and_a_finer_one_keeps_what_there_is() -> None:
    whole = noise(5, 40, 64)
    buffer = Framebuffer(64, 40, 2)
    buffer.put(Rectangle(0, 0, 64, 40), whole)
    assert np.abs(buffer.resized(8).pixels - slow_reduced(whole, 8)).max() <= 1.01
    finer = buffer.resized(1)
    assert finer.pixels.shape == (40, 64, 3)
    assert (finer.pixels == np.repeat(np.repeat(buffer.pixels, 2, axis=0), 2, axis=1)).all()


@given(st.integers(1, 70), st.integers(1, 70), st.sampled_from([1, 2, 4, 8]), st.sampled_from([1, 2, 4, 8]))
def test_every_size_can_be_resized(width: int, height: int, before: int, after: int) -> None:
    other = Framebuffer(width, height, before).resized(after)
    assert other.pixels.shape == Framebuffer(width, height, after).pixels.shape


def test_pictures_of_another_size_are_refused() -> None:
    buffer = Framebuffer(64, 64, 8)
    part = Rectangle(0, 0, 16, 16)
    with pytest.raises(ValueError, match="for 2 rows, 2 columns"):
        buffer.put_reduced(part, noise(0, 16, 16))
    with pytest.raises(ValueError, match="for 16 rows, 16 columns"):
        buffer.put(part, noise(0, 2, 2))


@pytest.mark.parametrize(
    ("screen", "part", "fault"),
    [
        ((1920, 1080), (0, 0, 64, 64), None),
        ((1920, 1080), (1919, 1079, 1, 1), None),
        ((1920, 1080), (1900, 0, 64, 64), "outside"),
        ((1920, 1080), (0, 1070, 64, 64), "outside"),
        ((1920, 1080), (0, 0, 0, 64), "empty"),
        ((1920, 1080), (0, 0, 4294967295, 64), "outside"),
        ((0, 1080), (0, 0, 1, 1), "a screen of 0x1080"),
        ((MAX_SIDE + 1, 1), (0, 0, 1, 1), "a screen of"),
        ((32768, 32768), (0, 0, 1, 1), "too large"),
        ((8192, 8192), (0, 0, 8192, 8192), "a rectangle of 8192x8192 is too large"),
        ((7680, 4320), (0, 0, 1920, 1080), None),
        ((7680, 4320), (0, 0, 1920, 1094), "a rectangle of 1920x1094 is too large"),
    ],
)
def test_what_a_peer_may_say(screen: tuple[int, int], part: tuple[int, int, int, int], fault: Any) -> None:
    found = check(*screen, Rectangle(*part))
    assert (found is None) if fault is None else (found is not None and fault in found)


@given(st.integers(1, 60), st.integers(1, 60), st.sampled_from([2, 4, 8]), st.data())
def test_of_a_very_large_screen_only_the_reduced_one_is_kept(
    width: int, height: int, factor: int, data: st.DataObject
) -> None:
    """What lies off the grid is drawn as if its edges went on to the next line of the grid."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(framebuffer, "MAX_WHOLE_PIXELS", 0)
        buffer = Framebuffer(width, height, factor)
        for seed in range(3):
            before = buffer.pixels.copy()
            part = data.draw(rectangles(width, height))
            picture = noise(seed, part.height, part.width)
            assert not buffer.makes_whole(part)
            buffer.put(part, picture)
            assert not buffer.keeps_whole
            top, left = part.y // factor, part.x // factor
            bottom, right = -(-(part.y + part.height) // factor), -(-(part.x + part.width) // factor)
            rows = np.clip(np.arange(top * factor, min(bottom * factor, height)) - part.y, 0, part.height - 1)
            cols = np.clip(np.arange(left * factor, min(right * factor, width)) - part.x, 0, part.width - 1)
            drawn = slow_reduced(picture[rows][:, cols], factor)
            assert np.abs(buffer.pixels[top:bottom, left:right] - drawn).max() <= 0.51
            before[top:bottom, left:right] = buffer.pixels[top:bottom, left:right]
            assert (buffer.pixels == before).all()


def test_a_screen_that_begins_to_be_kept_whole_says_so() -> None:
    buffer = Framebuffer(64, 64, 8)
    assert not buffer.makes_whole(Rectangle(0, 0, 8, 8))
    assert buffer.makes_whole(Rectangle(1, 0, 8, 8))
    buffer.put(Rectangle(1, 0, 8, 8), noise(1, 8, 8))
    assert buffer.keeps_whole
    assert not buffer.makes_whole(Rectangle(1, 0, 8, 8))
