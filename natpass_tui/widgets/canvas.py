"""The rows of a view as they are painted, and which of them the user's terminal does not show yet."""

from abc import ABC, abstractmethod
from collections.abc import Iterable

from textual.geometry import Region
from textual.strip import Strip


class Canvas(ABC):
    """Strips for the rows of a view. Each change says which rows it touched; only those are built again."""

    def __init__(self, rows: int, cols: int) -> None:
        self.rows, self.cols = rows, cols
        self._strips: list[Strip | None] = [None] * rows
        self._touched: set[int] = set(range(rows))

    def resize(self, rows: int, cols: int) -> None:
        """Start again in another size."""
        self.rows, self.cols = rows, cols
        self._strips = [None] * rows
        self._touched = set(range(rows))

    @property
    def is_touched(self) -> bool:
        """Whether rows were touched since the last `take_regions`."""
        return bool(self._touched)

    def take_regions(self) -> list[Region]:
        """Return the regions touched since the last call, neighbouring rows joined."""
        regions = joined(self._touched, self.cols)
        self._touched.clear()
        return regions

    def strip(self, row: int) -> Strip:
        """Return the line to paint for a row; rows that do not exist are blank."""
        if not 0 <= row < self.rows:
            return Strip.blank(self.cols)
        strip = self._strips[row]
        if strip is None:
            strip = self._strips[row] = self._build(row)
        return strip

    def _touch(self, *rows: int) -> None:
        for row in rows:
            if 0 <= row < self.rows:
                self._strips[row] = None
                self._touched.add(row)

    @abstractmethod
    def _build(self, row: int) -> Strip:
        """Return the line to paint for a row."""


def joined(rows: Iterable[int], cols: int) -> list[Region]:
    """Return the regions that hold these rows of a view of `cols` columns, neighbours joined."""
    regions: list[Region] = []
    for row in sorted(rows):
        if regions and regions[-1].bottom == row:
            first = regions.pop()
            regions.append(Region(0, first.y, cols, first.height + 1))
        else:
            regions.append(Region(0, row, cols, 1))
    return regions
