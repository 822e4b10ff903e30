"""The rows of a desktop: a picture in half-blocks."""

import numpy as np
from numpy.typing import NDArray
from rich.style import Style
from textual.strip import Strip

from natpass_tui.driver import AnsiStrip
from natpass_tui.pixels.colours import Depth
from natpass_tui.pixels.half_blocks import HalfBlocks
from natpass_tui.widgets.canvas import Canvas


class DesktopCanvas(Canvas):
    """Strips for the rows of a picture; before the first picture they are blank.

    Attributes:
        depth: the number of colours of the user's terminal, from the next `resize` on.
        style: the style of blank rows.
    """

    def __init__(self) -> None:
        super().__init__(1, 1)
        self.depth = Depth.TRUE
        self.style = Style()
        self._blocks = HalfBlocks(1, 1)
        self._lines: list[str | None] = [None]

    def resize(self, rows: int, cols: int) -> None:
        """Make room for pictures of another size."""
        super().resize(rows, cols)
        self._blocks = HalfBlocks(rows, cols, self.depth)
        self._lines = [None] * rows

    def show(self, picture: NDArray[np.uint8]) -> None:
        """Show a picture, shape (2 * rows, cols, 3). One of another size is ignored.

        Its sender does not know our size yet.
        """
        if picture.shape != (2 * self.rows, self.cols, 3):
            return
        lines = self._blocks.update(picture)
        for row, line in lines.items():
            self._lines[row] = line
        self._touch(*lines)

    def _build(self, row: int) -> Strip:
        line = self._lines[row]
        return Strip.blank(self.cols, self.style) if line is None else AnsiStrip(line, self.cols)
