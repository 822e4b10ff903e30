"""A remote screen, assembled from rectangles at the size that the view needs.

The screen is kept reduced by 1, 2, 4 or 8: a JPEG decoder can shrink by these factors while it decodes, at a fifth of
the cost of a full decoding. Rectangles off the reduced grid are averaged into the pixels they cover in part.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from natpass_tui.pixels.resample import area_average

#: The most pixels of a screen in one direction, and in all: a peer must not claim gigabytes. (Two 8K screens have 66
#: million.)
MAX_SIDE = 32_768
MAX_PIXELS = 72_000_000
#: The most pixels of a rectangle, a screen of 1920x1080: it is decoded in one go, and off the grid at full size. Our
#: agents send at most 65 536 in one, existing ones 4 096.
MAX_RECTANGLE_PIXELS = 2_100_000
#: The largest screen that is also kept at full size, 4K. That takes 25 MB, and is for rectangles off the grid.
MAX_WHOLE_PIXELS = 8_900_000


@dataclass(frozen=True, slots=True)
class Rectangle:
    """A part of the screen, in its own pixels."""

    x: int
    y: int
    width: int
    height: int


def check(screen_width: int, screen_height: int, part: Rectangle) -> str | None:
    """Return what is wrong with a peer's rectangle, None if it is valid."""
    if not (0 < screen_width <= MAX_SIDE and 0 < screen_height <= MAX_SIDE):
        return f"a screen of {screen_width}x{screen_height}"
    if screen_width * screen_height > MAX_PIXELS:
        return f"a screen of {screen_width}x{screen_height} is too large"
    if part.width < 1 or part.height < 1 or part.x < 0 or part.y < 0:
        return "an empty rectangle"
    if part.x + part.width > screen_width or part.y + part.height > screen_height:
        return "a rectangle outside of the screen"
    if part.width * part.height > MAX_RECTANGLE_PIXELS:
        return f"a rectangle of {part.width}x{part.height} is too large"
    return None


class Framebuffer:
    """The screen, reduced by `factor` in both directions (the last row and column may stand for fewer pixels).

    After the first rectangle that covers reduced pixels in part, the full screen is kept as well: the average of a
    pixel needs all of its parts. (Existing peers send tiles of 64 x 64, which never do that.) Of a screen larger than
    4K the full size is not kept: a reduced pixel then looks like the part of it that was drawn last.

    Attributes:
        width, height: the screen in its own pixels.
        factor: 1, 2, 4 or 8.
        pixels: shape (ceil(height / factor), ceil(width / factor), 3), uint8.
    """

    def __init__(self, width: int, height: int, factor: int) -> None:
        self.width = width
        self.height = height
        self.factor = factor
        self.pixels: NDArray[np.uint8] = np.zeros((-(-height // factor), -(-width // factor), 3), np.uint8)
        self._whole: NDArray[np.uint8] | None = self.pixels if factor == 1 else None

    @property
    def keeps_whole(self) -> bool:
        """Whether the full screen is kept besides the reduced one."""
        return self._whole is not None and self.factor > 1

    def takes_reduced(self, part: Rectangle) -> bool:
        """Tell whether `put_reduced` takes this rectangle: it and all before it cover whole reduced pixels."""
        f = self.factor
        right, bottom = part.x + part.width, part.y + part.height
        return (
            not self.keeps_whole
            and part.x % f == 0
            and part.y % f == 0
            and (right % f == 0 or right == self.width)
            and (bottom % f == 0 or bottom == self.height)
        )

    def put_reduced(self, part: Rectangle, picture: NDArray[np.uint8]) -> None:
        """Draw the picture, already reduced by `factor`, of a rectangle that `takes_reduced`.

        Raises:
            ValueError: it has the wrong size.
        """
        f = self.factor
        top, left = part.y // f, part.x // f
        height, width = -(-part.height // f), -(-part.width // f)
        if picture.shape != (height, width, 3):
            raise ValueError(f"a picture of {picture.shape} for {height} rows, {width} columns")
        self.pixels[top : top + height, left : left + width] = picture

    def put(self, part: Rectangle, picture: NDArray[np.uint8]) -> None:
        """Draw any rectangle's picture, at its full size.

        Raises:
            ValueError: it has the wrong size.
        """
        if picture.shape != (part.height, part.width, 3):
            raise ValueError(f"a picture of {picture.shape} for {part.height} rows, {part.width} columns")
        if self.takes_reduced(part):
            self.put_reduced(part, reduced(picture, self.factor))
            return
        if self._whole is None and self.width * self.height > MAX_WHOLE_PIXELS:
            self._put_padded(part, picture)
            return
        if self._whole is None:
            self._whole = _repeated(self.pixels, self.factor)[: self.height, : self.width].copy()
        self._whole[part.y : part.y + part.height, part.x : part.x + part.width] = picture
        f = self.factor
        top, left, bottom, right = (
            part.y // f,
            part.x // f,
            -(-(part.y + part.height) // f),
            -(-(part.x + part.width) // f),
        )
        touched = self._whole[top * f : bottom * f, left * f : right * f]
        self.pixels[top:bottom, left:right] = reduced(touched, f)

    def makes_whole(self, part: Rectangle) -> bool:
        """Tell whether `put` of this rectangle begins to keep the full screen, which costs as much as drawing it."""
        return self._whole is None and self.width * self.height <= MAX_WHOLE_PIXELS and not self.takes_reduced(part)

    def _put_padded(self, part: Rectangle, picture: NDArray[np.uint8]) -> None:
        """Draw a rectangle off the grid, as if the pixels at its edges went on to the next line of the grid."""
        f = self.factor
        left, top = part.x % f, part.y % f
        right = min(-(-(part.x + part.width) // f) * f, self.width)
        bottom = min(-(-(part.y + part.height) // f) * f, self.height)
        around = ((top, bottom - part.y - part.height), (left, right - part.x - part.width), (0, 0))
        grown = Rectangle(part.x - left, part.y - top, right - part.x + left, bottom - part.y + top)
        self.put_reduced(grown, reduced(np.pad(picture, around, mode="edge"), f))

    def resized(self, factor: int) -> "Framebuffer":
        """Return this screen reduced by another factor: averaged if it gets coarser; if it gets finer, pixels are
        repeated until they are drawn again."""
        other = Framebuffer(self.width, self.height, factor)
        if self._whole is not None:
            other.pixels[:] = reduced(self._whole, factor)
            if self.factor > 1 and factor > 1:
                other._whole = self._whole
        elif factor > self.factor:
            other.pixels[:] = reduced(self.pixels, factor // self.factor)
        else:
            rows, cols = other.pixels.shape[:2]
            other.pixels[:] = _repeated(self.pixels, self.factor // factor)[:rows, :cols]
        return other

    def scaled(self, height: int, width: int) -> NDArray[np.uint8]:
        """Return the whole screen as a picture of shape (height, width, 3)."""
        return area_average(self.pixels, height, width, (self.height / self.factor, self.width / self.factor))


def reduced(picture: NDArray[np.uint8], factor: int) -> NDArray[np.uint8]:
    """Return the averages of blocks of `factor` x `factor` pixels; blocks at the far edges may be smaller."""
    if factor == 1:
        return picture
    height, width = picture.shape[:2]
    # Columns first: the pixels of a row are contiguous. Sums of 8 x 8 colours fit 16 bits.
    sums = np.add.reduceat(picture, range(0, width, factor), axis=1, dtype=np.uint16)
    sums = np.add.reduceat(sums, range(0, height, factor), axis=0, dtype=np.uint16)
    if height % factor == 0 and width % factor == 0:
        whole: NDArray[np.uint8] = ((sums + factor * factor // 2) // (factor * factor)).astype(np.uint8)
        return whole
    rows = np.minimum(factor, height - np.arange(0, height, factor))
    cols = np.minimum(factor, width - np.arange(0, width, factor))
    size = (rows[:, None] * cols)[..., None]
    averages: NDArray[np.uint8] = ((sums + size // 2) // size).astype(np.uint8)
    return averages


def _repeated(picture: NDArray[np.uint8], times: int) -> NDArray[np.uint8]:
    return np.repeat(np.repeat(picture, times, axis=0), times, axis=1)
