"""A fake screen for tests."""

import threading
from collections.abc import Sequence

import numpy as np

from natpass_agent.links.desktop.worker.errors import ScreenChangedError
from natpass_agent.links.desktop.worker.tiles import Area, Picture

#: Rows and columns of the fake's pointer.
_CURSOR = 8


class FakeScreen:
    """A screen that a test paints on.

    Args:
        width: columns of pixels.
        height: rows of pixels.
        tells_changes: as in the Protocol.
    """

    def __init__(self, width: int = 320, height: int = 200, *, tells_changes: bool = True) -> None:
        self.tells_changes = tells_changes
        self.pixels = np.zeros((height, width, 4), np.uint8)
        self.grabs = 0
        self.is_closed = False
        self._changed = threading.Condition()
        self._areas: list[Area] = [Area(0, 0, width, height)]
        self._pointer = (0, 0)
        self._drawn: tuple[int, int] | None = None

    @property
    def width(self) -> int:
        """Columns of pixels."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """Rows of pixels."""
        return int(self.pixels.shape[0])

    def paint(self, area: Area, blue: int, green: int, red: int) -> None:
        """Fill an area with one colour."""
        with self._changed:
            area.part(self.pixels)[...] = (blue, green, red, 0)
            self._areas.append(area)
            self._changed.notify_all()

    def resize(self, width: int, height: int) -> None:
        """Become a black screen of another size."""
        with self._changed:
            self.pixels = np.zeros((height, width, 4), np.uint8)
            self._areas = [Area(0, 0, width, height)]
            self._changed.notify_all()

    def move_pointer(self, x: int, y: int) -> None:
        """Move the pointer, a white square."""
        with self._changed:
            self._pointer = (x, y)
            self._changed.notify_all()

    def wait(self, seconds: float, *, cursor: bool) -> Sequence[Area]:
        """Wait for a change; return the painted areas."""
        with self._changed:
            if not self.tells_changes:
                return [Area(0, 0, self.width, self.height)]
            wanted = self._pointer if cursor else None
            self._changed.wait_for(lambda: self._areas or self._drawn != wanted, seconds)
            areas, self._areas = self._areas, []
            wanted = self._pointer if cursor else None
            if self._drawn != wanted:
                areas += [Area(*at, _CURSOR, _CURSOR) for at in (self._drawn, wanted) if at is not None]
                self._drawn = wanted
            return areas

    def grab(self, area: Area, *, cursor: bool) -> Picture:
        """Return the pixels of an area."""
        with self._changed:
            if area.x + area.width > self.width or area.y + area.height > self.height:
                raise ScreenChangedError
            self.grabs += 1
            whole = self.pixels.copy()
            if cursor:
                x, y = self._pointer
                whole[y : y + _CURSOR, x : x + _CURSOR] = 0xFF
            return area.part(whole).copy()

    def close(self) -> None:
        """Record the call."""
        self.is_closed = True
