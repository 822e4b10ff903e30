"""The screen of an X server: pixels through shared memory (mss), changes through the DAMAGE extension."""

import select
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import mss
import numpy as np
from mss.exception import ScreenShotError
from Xlib import X
from Xlib.error import XError
from Xlib.ext import damage, xfixes
from Xlib.protocol.rq import Event

from natpass_agent.links.desktop.worker import x11
from natpass_agent.links.desktop.worker.errors import DesktopError, ScreenChangedError
from natpass_agent.links.desktop.worker.tiles import Area, Picture
from natpass_wire.text import printable

_GONE = "the X server has ended"
#: How often we poll the pointer if it is drawn: the X server does not report its moves.
_POINTER_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class _Cursor:
    """The pointer's picture (premultiplied blue, green, red, alpha) and position."""

    area: Area
    pixels: Picture


class X11Screen:
    """The root window with its contents. Two connections: mss has its own."""

    def __init__(self) -> None:
        self._display = x11.connect()
        try:
            self._root = self._display.screen().root
            self._root.change_attributes(event_mask=X.StructureNotifyMask)
            #: Without the extension we compare the whole screen for each frame.
            self.tells_changes = self._display.has_extension("DAMAGE")
            self._damage = 0
            # The library makes its own classes for extensions' events: we tell them apart by number.
            self._damaged = self._pointer_looks = -1
            if self.tells_changes:
                self._damaged = self._display.extension_event.DamageNotify
                self._display.damage_query_version()
                self._damage = self._root.damage_create(damage.DamageReportBoundingBox)
            self._has_cursor = self._display.has_extension("XFIXES")
            if self._has_cursor:
                self._pointer_looks, _ = self._display.extension_event.DisplayCursorNotify
                self._display.xfixes_query_version()
                self._display.xfixes_select_cursor_input(self._root, xfixes.XFixesDisplayCursorNotifyMask)
            self._cursor: _Cursor | None = None
            self._pointer: tuple[int, int] | None = None
            self._capture: mss.MSS | None = None
            self.width = self.height = 0
            self._measure()
        except x11.GONE as error:
            raise DesktopError(_GONE) from error
        except BaseException:
            self._display.close()
            raise

    def wait(self, seconds: float, *, cursor: bool) -> Sequence[Area]:
        """Wait for damage, a new size, or a move of the pointer that is drawn."""
        until = time.monotonic() + seconds
        try:
            while True:
                areas = self._take_events()
                areas += self._pointer_moves(cursor)
                if not self.tells_changes:
                    areas = [Area(0, 0, self.width, self.height)]
                rest = until - time.monotonic()
                if areas or rest <= 0:
                    return areas
                step = min(rest, _POINTER_SECONDS) if cursor else rest
                if not self._display.pending_events():
                    select.select([self._display], [], [], step)
        except x11.GONE as error:
            raise DesktopError(_GONE) from error

    def grab(self, area: Area, *, cursor: bool) -> Picture:
        """Return the pixels of an area, with the pointer if wanted."""
        assert self._capture is not None
        region = {"left": area.x, "top": area.y, "width": area.width, "height": area.height}
        try:
            shot = self._capture.grab(region)
        except ScreenShotError as error:
            try:
                if self._size() != (self.width, self.height):
                    raise ScreenChangedError from error
            except x11.GONE:
                raise DesktopError(_GONE) from error
            raise DesktopError(f"the screen cannot be read any more: {printable(str(error))}") from error
        picture: Picture = np.frombuffer(shot.raw, np.uint8).reshape(area.height, area.width, 4)
        if cursor and self._cursor is not None:
            _draw(picture, area, self._cursor)
        return picture

    def close(self) -> None:
        """Close both connections."""
        if self._capture is not None:
            self._capture.close()
            self._capture = None
        with suppress(*x11.GONE):
            self._display.close()

    def _size(self) -> tuple[int, int]:
        geometry = self._root.get_geometry()
        return geometry.width, geometry.height

    def _measure(self) -> None:
        """Update the screen's size, with a new mss: an old one keeps its size."""
        self.width, self.height = self._size()
        if self._capture is not None:
            self._capture.close()
        try:
            self._capture = mss.MSS()
        except ScreenShotError as error:
            text = printable(str(error))
            if text.startswith("Library "):
                raise DesktopError(
                    f"a system package is missing ({text}): apt install libxcb1 libxcb-randr0 libxcb-render0 "
                    "libxcb-shm0 libxcb-xfixes0"
                ) from error
            raise DesktopError(f"the screen cannot be captured: {text}") from error

    def _take_events(self) -> list[Area]:
        """Return the areas of the pending events, and let the server report further changes there."""
        events = self._pending()
        if any(event.type == self._damaged for event in events):
            # From here on the server reports changes again; our next read sees the earlier ones, since the server has
            # handled this request by then. Events that came meanwhile stay queued. An event taken without this request
            # would be the last one: the server reports only damage beyond what it has reported.
            self._display.damage_subtract(self._damage)
            self._display.sync()
        areas: list[Area] = []
        resized = False
        for event in events:
            if event.type == self._damaged:
                areas.append(Area(event.area.x, event.area.y, event.area.width, event.area.height))
            elif event.type == self._pointer_looks:
                self._pointer = None
            elif event.type == X.ConfigureNotify:
                resized = True
        if resized and self._size() != (self.width, self.height):
            self._measure()
            return [Area(0, 0, self.width, self.height)]
        return [_union(areas)] if areas else []

    def _pending(self) -> list[Event]:
        return [self._display.next_event() for _ in range(self._display.pending_events())]

    def _pointer_moves(self, wanted: bool) -> list[Area]:
        """Return the pointer's old and new area if it has moved or changed."""
        if not self._has_cursor:
            return []
        before = self._cursor
        if not wanted:
            self._cursor = self._pointer = None
        else:
            at = self._root.query_pointer()
            if self._pointer == (at.root_x, at.root_y):
                return []
            self._pointer = (at.root_x, at.root_y)
            self._cursor = self._read_cursor()
        return [cursor.area for cursor in (before, self._cursor) if cursor is not None]

    def _read_cursor(self) -> _Cursor | None:
        try:
            image = self._display.xfixes_get_cursor_image(self._root)
        except XError:  # no pointer
            return None
        area = Area(image.x - image.xhot, image.y - image.yhot, image.width, image.height)
        pixels = np.array(image.cursor_image, np.uint32).reshape(image.height, image.width, 1).view(np.uint8)
        return _Cursor(area, pixels)


def _union(areas: Sequence[Area]) -> Area:
    left, top = min(area.x for area in areas), min(area.y for area in areas)
    right = max(area.x + area.width for area in areas)
    bottom = max(area.y + area.height for area in areas)
    return Area(left, top, right - left, bottom - top)


def _draw(picture: Picture, area: Area, cursor: _Cursor) -> None:
    """Lay the pointer over the picture of an area."""
    left, top = max(area.x, cursor.area.x), max(area.y, cursor.area.y)
    right = min(area.x + area.width, cursor.area.x + cursor.area.width)
    bottom = min(area.y + area.height, cursor.area.y + cursor.area.height)
    if right <= left or bottom <= top:
        return
    under = Area(left - area.x, top - area.y, right - left, bottom - top).part(picture)
    over = Area(left - cursor.area.x, top - cursor.area.y, right - left, bottom - top).part(cursor.pixels)
    opaque = over[..., 3:].astype(np.uint16)
    under[..., :3] = over[..., :3] + (under[..., :3] * (255 - opaque) // 255).astype(np.uint8)
