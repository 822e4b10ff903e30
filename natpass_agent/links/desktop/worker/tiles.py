"""The changes between two pictures, and the rectangles to send; without I/O.

A picture is an array (rows, cols, 4) of bytes: blue, green, red, unused.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]

#: Pixels at each side of a tile (docs/wire.md §4).
TILE = 64


@dataclass(frozen=True, slots=True)
class Area:
    """A rectangle of pixels.

    Attributes:
        x: first column.
        y: first row.
        width: columns.
        height: rows.
    """

    x: int
    y: int
    width: int
    height: int

    def aligned_within(self, width: int, height: int) -> "Area | None":
        """Return the smallest rectangle of whole tiles around this one, cut at the screen's edges; None if outside."""
        left, top = max(self.x, 0) // TILE * TILE, max(self.y, 0) // TILE * TILE
        right = min(-(-(self.x + self.width) // TILE) * TILE, width)
        bottom = min(-(-(self.y + self.height) // TILE) * TILE, height)
        return Area(left, top, right - left, bottom - top) if right > left and bottom > top else None

    def part(self, picture: Picture) -> Picture:
        """Return this part of a picture, without a copy."""
        return picture[self.y : self.y + self.height, self.x : self.x + self.width]


def changed_tiles(before: Picture, now: Picture) -> NDArray[np.bool_]:
    """Return which tiles of two pictures of the same size differ: an array (tile rows, tile cols)."""
    rows, cols = now.shape[:2]
    differs = before.view(np.uint32)[..., 0] != now.view(np.uint32)[..., 0]
    by_row: NDArray[np.bool_] = np.logical_or.reduceat(differs, np.arange(0, rows, TILE), axis=0)
    by_tile: NDArray[np.bool_] = np.logical_or.reduceat(by_row, np.arange(0, cols, TILE), axis=1)
    return by_tile


def rectangles(changed: NDArray[np.bool_], widest: int, largest: int) -> list[tuple[int, int, int, int]]:
    """Return rectangles that cover exactly the changed tiles, each once.

    Fewer and larger ones cost less: each picture has its own header, and each message its overhead.

    Args:
        changed: the tiles (tile rows, tile cols).
        widest: the most tiles beside each other.
        largest: the most tiles in one rectangle.

    Returns:
        (row, col, rows, cols) of each, in tiles.
    """
    done: list[tuple[int, int, int, int]] = []
    above: dict[tuple[int, int], tuple[int, int, int, int]] = {}
    for row in range(changed.shape[0]):
        growing: dict[tuple[int, int], tuple[int, int, int, int]] = {}
        for col, cols in _runs(changed[row], min(widest, largest)):
            over = above.pop((col, cols), None)
            if over is not None and (over[2] + 1) * cols <= largest:
                growing[col, cols] = (over[0], col, over[2] + 1, cols)
            else:
                if over is not None:
                    done.append(over)
                growing[col, cols] = (row, col, 1, cols)
        done.extend(above.values())
        above = growing
    done.extend(above.values())
    return done


def _runs(row: NDArray[np.bool_], longest: int) -> list[tuple[int, int]]:
    """Return (first, length) of each run of changed tiles."""
    edges = np.flatnonzero(np.diff(row.astype(np.int8), prepend=0, append=0))
    runs: list[tuple[int, int]] = []
    for first, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        runs.extend((start, min(longest, end - start)) for start in range(first, end, longest))
    return runs
