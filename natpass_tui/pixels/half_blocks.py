"""Encodes pictures as lines of coloured half blocks, only the lines that changed."""

import numpy as np
from numpy.typing import NDArray

from natpass_tui.pixels.colours import Depth, quantise, sequences

_RESET = "\x1b[0m"
_HALF = "▀"


class HalfBlocks:
    """Turns pictures of one size into lines of ANSI text; it keeps the last picture to find what changed.

    Args:
        rows, cols: the size in cells; pictures have the shape (2 * rows, cols, 3).
        depth: the number of the terminal's colours.
    """

    def __init__(self, rows: int, cols: int, depth: Depth = Depth.TRUE) -> None:
        self.rows = rows
        self.cols = cols
        self.depth = depth
        self._foreground, self._background = sequences(depth)
        self._last: NDArray[np.uint16] | None = None

    def update(self, picture: NDArray[np.uint8]) -> dict[int, str]:
        """Return the lines that differ from the last picture's, by row. Each fills its row and ends with an SGR reset.

        Raises:
            ValueError: the picture has another size.
        """
        if picture.shape != (2 * self.rows, self.cols, 3):
            raise ValueError(f"a picture of {picture.shape} in a view of {self.rows} rows, {self.cols} cols")
        colours = quantise(picture, self.depth)
        if self._last is None:
            changed = list(range(self.rows))
        else:
            differs = (colours != self._last).any(axis=1)
            changed = np.flatnonzero(differs[0::2] | differs[1::2]).tolist()
        self._last = colours
        return {row: self._line(colours[2 * row], colours[2 * row + 1]) for row in changed}

    def _line(self, upper: NDArray[np.uint16], lower: NDArray[np.uint16]) -> str:
        """Return one row: runs of equal cells, each naming only the colours that differ from the run before."""
        starts = np.flatnonzero((upper[1:] != upper[:-1]) | (lower[1:] != lower[:-1])) + 1
        starts = np.concatenate(([0], starts))
        lengths = np.diff(starts, append=self.cols)
        foreground, background = self._foreground, self._background
        parts: list[str] = []
        current_upper = current_lower = -1
        runs = zip(upper[starts].tolist(), lower[starts].tolist(), lengths.tolist(), strict=True)
        for above, below, length in runs:
            if above == below:  # a space needs no foreground
                if below != current_lower:
                    parts.append(f"\x1b[{background[below]}m")
                    current_lower = below
                parts.append(" " * length)
                continue
            if above != current_upper and below != current_lower:
                parts.append(f"\x1b[{foreground[above]};{background[below]}m")
            elif above != current_upper:
                parts.append(f"\x1b[{foreground[above]}m")
            elif below != current_lower:
                parts.append(f"\x1b[{background[below]}m")
            current_upper, current_lower = above, below
            parts.append(_HALF * length)
        parts.append(_RESET)
        return "".join(parts)
