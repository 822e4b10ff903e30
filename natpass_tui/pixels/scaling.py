"""The place of a remote screen in a view of cells: in proportion, centred, never enlarged beyond its own pixels."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Placement:
    """The place of a screen's picture in a view, in the view's pixels (two to a cell, one above the other).

    Attributes:
        screen_width, screen_height: the remote screen, in its own pixels.
        left, top: the picture's offset in the view; `top` is even, so that the picture starts at a whole cell.
        width, height: the picture's size in the view, at least 1.
    """

    screen_width: int
    screen_height: int
    left: int
    top: int
    width: int
    height: int

    @property
    def scale(self) -> float:
        """View pixels per screen pixel."""
        return self.width / self.screen_width

    def to_screen(self, row: float, col: float) -> tuple[int, int] | None:
        """Return the screen pixel (x, y) in the middle of a cell, None for a cell beside the picture.

        Args:
            row: the cell's row in the view, from 0.
            col: its column.
        """
        x = col + 0.5 - self.left
        y = 2 * row + 1 - self.top
        if not (0 <= x < self.width and 0 <= y <= self.height):
            return None
        return (
            min(int(x * self.screen_width / self.width), self.screen_width - 1),
            min(int(y * self.screen_height / self.height), self.screen_height - 1),
        )

    def to_cell(self, x: int, y: int) -> tuple[int, int]:
        """Return the cell (row, col) of the view that shows most of a screen pixel."""
        col = int((x + 0.5) * self.width / self.screen_width)
        row = int((y + 0.5) * self.height / self.screen_height)
        return (row + self.top) // 2, col + self.left

    def nearest(self, row: float, col: float) -> tuple[int, int]:
        """Return the screen pixel (x, y) nearest to a cell, for drags that leave the picture."""
        x = min(max(col + 0.5 - self.left, 0), self.width)
        y = min(max(2 * row + 1 - self.top, 0), self.height)
        return (
            min(int(x * self.screen_width / self.width), self.screen_width - 1),
            min(int(y * self.screen_height / self.height), self.screen_height - 1),
        )


def place(screen_width: int, screen_height: int, rows: int, cols: int) -> Placement:
    """Return the place of a screen in a view of `rows, cols` cells.

    Raises:
        ValueError: a size is not positive.
    """
    if min(screen_width, screen_height, rows, cols) < 1:
        raise ValueError("a screen and a view have at least one pixel")
    view_width, view_height = cols, 2 * rows
    scale = min(view_width / screen_width, view_height / screen_height, 1.0)
    width = min(view_width, max(1, round(screen_width * scale)))
    height = min(view_height, max(1, round(screen_height * scale)))
    left = (view_width - width) // 2
    top = (view_height - height) // 2 // 2 * 2
    return Placement(screen_width, screen_height, left, top, width, height)


#: The factors by which the JPEG decoder can shrink while it decodes (DCT scaling).
REDUCTIONS = (8, 4, 2, 1)


def reduction(placement: Placement) -> int:
    """Return the largest reduction that still leaves as many pixels as the view shows."""
    for factor in REDUCTIONS:
        if placement.screen_width >= factor * placement.width and placement.screen_height >= factor * placement.height:
            return factor
    return 1
