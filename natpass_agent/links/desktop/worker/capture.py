"""Turns a screen into messages: first all of it, then the changes."""

import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from natpass_agent.links.desktop.view import View
from natpass_agent.links.desktop.worker import pictures
from natpass_agent.links.desktop.worker.errors import ScreenChangedError
from natpass_agent.links.desktop.worker.screen import Screen
from natpass_agent.links.desktop.worker.tiles import TILE, Area, Picture, changed_tiles, rectangles


class Capture:
    """Captures a screen, and knows what the viewer has seen of it.

    Args:
        screen: the screen to capture.
    """

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._shown: Picture = np.zeros((0, 0, 4), np.uint8)
        self._unread: list[Area] = []
        #: When the last look began to read, by `time.monotonic`: frames are spaced from here.
        self.began_at = 0.0

    def look(self, view: View, seconds: float, *, redraw: bool = False) -> list[bytes]:
        """Wait for up to `seconds` for a change; return messages with the changes since the last look.

        Args:
            view: how the viewer wants to see it.
            seconds: how long to wait.
            redraw: whether to send everything, changed or not.

        Returns:
            Serialised messages without addresses, none if nothing changed.

        Raises:
            DesktopError: the screen is gone.
        """
        areas = [*self._unread, *self._screen.wait(0 if redraw else seconds, cursor=view.cursor)]
        self._unread = []
        self.began_at = time.monotonic()
        width, height = self._screen.width, self._screen.height
        if self._shown.shape[:2] != (height, width):
            self._shown = np.zeros((height, width, 4), np.uint8)
            redraw = True
        if redraw:
            areas = [Area(0, 0, width, height)]
        try:
            changed = self._read(areas, cursor=view.cursor, everything=redraw)
        except ScreenChangedError:  # the next look gets the new size
            self._unread = areas
            self._shown = np.zeros((0, 0, 4), np.uint8)
            return []
        return self._encode(changed, view.quality)

    def _read(self, areas: Sequence[Area], *, cursor: bool, everything: bool) -> NDArray[np.bool_]:
        """Update the shown picture; return which tiles changed."""
        rows, cols = self._shown.shape[:2]
        changed = np.zeros((-(-rows // TILE), -(-cols // TILE)), np.bool_)
        for area in areas:
            aligned = area.aligned_within(cols, rows)
            if aligned is None:
                continue
            now = self._screen.grab(aligned, cursor=cursor)
            before = aligned.part(self._shown)
            top, left = aligned.y // TILE, aligned.x // TILE
            tiles = changed_tiles(before, now)
            changed[top : top + tiles.shape[0], left : left + tiles.shape[1]] |= tiles
            if tiles.any():
                before[...] = now
        if everything:
            changed[...] = True
        return changed

    def _encode(self, changed: NDArray[np.bool_], quality: int) -> list[bytes]:
        rows, cols = self._shown.shape[:2]
        found: list[bytes] = []
        for row, col, high, wide in rectangles(changed, *pictures.limits(quality)):
            x, y = col * TILE, row * TILE
            area = Area(x, y, min(wide * TILE, cols - x), min(high * TILE, rows - y))
            found.extend(pictures.messages(self._shown, area, quality))
        return found
