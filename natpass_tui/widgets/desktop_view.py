"""A remote screen in the console: paints pictures in half-blocks, says what keys and pointer do.

It knows no network, and no remote screen either: `picture` gives what to paint, in the view's own pixels.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from rich.style import Style
from textual import events
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from natpass_tui.driver import AnsiStrip, keeps_colours, paint_now, writer_depth
from natpass_tui.pixels.colours import Depth, grey
from natpass_tui.pixels.half_blocks import HalfBlocks
from natpass_tui.terminal.keys import canonical
from natpass_tui.widgets import desktop_messages
from natpass_tui.widgets.layout import hear_every_layout
from natpass_tui.widgets.rows import joined, key_for_remote

DEFAULT_PREFIX = "ctrl+]"
FRAME_SECONDS = 1 / 60
"""The least time between two paints; after a longer silence a paint is done at once."""
_WRITER_SECONDS = 1 / 240
"""How soon to look again whether the user's terminal has taken the last frame."""
_DEPTHS: Final = {"truecolor": Depth.TRUE, "256": Depth.PALETTE_256}
"""Colours by the name of Rich's colour system; all others have sixteen."""


class DesktopView(Widget, can_focus=True):
    """A focusable picture.

    Every key is for the remote but two kinds, whose events are left to bubble: the ``prefix`` key (followed by
    `PrefixPressed`), and keys for which ``intercept`` returns True. It is called in the order keys are typed.

    Args:
        picture: gives what to paint, shape (2 * rows, cols, 3), for the size last told by `Resized`; None: nothing yet.
        prefix: the key that is the console's.
        intercept: sees each key first; True if it took it.
    """

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    DesktopView { width: 1fr; height: 1fr; }
    """

    Resized: TypeAlias = desktop_messages.Resized
    KeyPressed: TypeAlias = desktop_messages.KeyPressed
    Pasted: TypeAlias = desktop_messages.Pasted
    PointerMoved: TypeAlias = desktop_messages.PointerMoved
    ButtonPressed: TypeAlias = desktop_messages.ButtonPressed
    ButtonReleased: TypeAlias = desktop_messages.ButtonReleased
    WheelTurned: TypeAlias = desktop_messages.WheelTurned
    Left: TypeAlias = desktop_messages.Left
    PrefixPressed: TypeAlias = desktop_messages.PrefixPressed

    def __init__(
        self,
        picture: Callable[[], NDArray[np.uint8] | None],
        *,
        prefix: str = DEFAULT_PREFIX,
        intercept: Callable[[events.Key], bool] | None = None,
        name: str | None = None,
        id: str | None = None,  # noqa: A002 - what Textual calls it
        classes: str | None = None,
    ) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self._picture = picture
        self._prefix = canonical(prefix)
        self._intercept = intercept
        self._blocks = HalfBlocks(1, 1)
        self._strips: list[Strip] = []
        self._touched: set[int] = set()
        self._shown = False
        self._stale = True
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._painted = 0.0
        self._cell: tuple[int, int] | None = None
        #: Pictures painted so far.
        self.paints = 0

    @property
    def rows(self) -> int:
        """Rows of cells."""
        return self._blocks.rows

    @property
    def cols(self) -> int:
        """Columns of cells."""
        return self._blocks.cols

    def picture_changed(self) -> None:
        """Paint the newest picture: at once after a silence, otherwise when a frame's time has passed."""
        self._stale = True
        if self._timer is not None or self._loop is None:
            return
        wait = self._painted + FRAME_SECONDS - self._loop.time()
        if wait <= 0:
            self._paint()
        else:
            self._later(wait)

    # What Textual calls.

    def render_lines(self, crop: Region) -> list[Strip]:
        """The strips of a part of the view. Textual's cache of rendered lines is left out: it would rebuild them."""
        if self._stale:
            self._pull()
        strips = [self._strip(row) for row in range(crop.y, crop.bottom)]
        if crop.x or crop.width != self.cols:
            strips = [strip.crop_extend(crop.x, crop.right, Style.null()) for strip in strips]
        if not (keeps_colours(self.app) or self.app.no_color):
            background = self.background_colors[1]
            for line_filter in self.app.get_line_filters():
                strips = [strip.apply_filter(line_filter, background) for strip in strips]
        if self._touched:  # Textual asks for more than it paints, such as all between two lines that changed
            self._later(FRAME_SECONDS)
        return strips

    def render_line(self, y: int) -> Strip:
        """One strip."""
        return self.render_lines(Region(0, y, self.size.width, 1))[0]

    def on_mount(self) -> None:
        """Find the loop that has the time."""
        hear_every_layout(self, lambda: self._shown and (self.rows, self.cols) == (self.size.height, self.size.width))
        self._loop = asyncio.get_running_loop()

    def on_unmount(self) -> None:
        """Paint no more."""
        self._loop = None
        if self._timer is not None:
            self._timer.cancel()

    def on_show(self) -> None:
        """A tab came to the front: catch up."""
        self._shown = True
        self._stale = True
        self.refresh()

    def on_hide(self) -> None:
        """Nobody looks: do not paint."""
        self._shown = False
        self.post_message(self.Left(self))

    def on_resize(self, event: events.Resize) -> None:
        """Make room for a picture of another size, and say so."""
        cols, rows = event.size
        if rows < 1 or cols < 1 or (self._strips and (rows, cols) == (self.rows, self.cols)):
            return
        self._blocks = HalfBlocks(rows, cols, _DEPTHS.get(self.app.console.color_system or "", Depth.PALETTE_16))
        self._strips = [Strip.blank(cols, self.rich_style)] * rows
        self._touched.clear()
        self._stale = True
        self.post_message(self.Resized(self, rows, cols))

    # Painting.

    @property
    def _is_seen(self) -> bool:
        return self._shown and self.is_attached and self.screen.is_current

    def _strip(self, row: int) -> Strip:
        return self._strips[row] if 0 <= row < len(self._strips) else Strip.blank(self.cols)

    def _later(self, seconds: float) -> None:
        if self._timer is None and self._loop is not None:
            self._timer = self._loop.call_later(seconds, partial(self._paint, timed=True))

    def _paint(self, *, timed: bool = False) -> None:
        if timed:
            self._timer = None
        if self._loop is None or not self._is_seen:
            return
        if writer_depth(self.app) > 0:
            # The user's terminal is behind: a picture made later is newer than one queued now.
            self._later(_WRITER_SECONDS)
            return
        self._pull()
        if self._touched:
            self._painted = self._loop.time()
            self.paints += 1
            paint_now(self, self._take_regions())

    def _pull(self) -> None:
        """Take the newest picture, and note the rows that it changes."""
        self._stale = False
        picture = self._picture()
        if picture is None or picture.shape != (2 * self.rows, self.cols, 3):
            return  # made for another size: whoever gives it has not heard of ours yet
        lines = self._blocks.update(grey(picture) if self.app.no_color else picture)
        for row, line in lines.items():
            self._strips[row] = AnsiStrip(line, self.cols)
        self._touched.update(lines)

    def _take_regions(self) -> list[Region]:
        """Return the rows to paint, neighbours joined."""
        regions = joined(self._touched, self.cols)
        self._touched.clear()
        return regions

    # Keyboard.

    def on_key(self, event: events.Key) -> None:
        """Say which key was typed, unless it is one of the console's own."""
        key = key_for_remote(event, self._prefix, self._intercept, lambda: self.post_message(self.PrefixPressed(self)))
        if key is not None:
            self.post_message(self.KeyPressed(self, key, event.character))

    def on_paste(self, event: events.Paste) -> None:
        """Say what was pasted."""
        event.stop()
        event.prevent_default()
        self.post_message(self.Pasted(self, event.text))

    def on_blur(self) -> None:
        """Say that keys go elsewhere now."""
        self.post_message(self.Left(self))

    # Pointer.

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Say which button went down."""
        event.stop()
        if event.button in {1, 2, 3}:
            self.capture_mouse()
            held = {"ctrl": event.ctrl, "alt": event.meta, "shift": event.shift}
            modifiers = tuple(name for name, is_held in held.items() if is_held)
            self.post_message(self.ButtonPressed(self, event.y, event.x, event.button, modifiers))

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """Say which button came up."""
        event.stop()
        self.release_mouse()
        if event.button in {1, 2, 3}:
            self.post_message(self.ButtonReleased(self, event.y, event.x, event.button))

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Say where the pointer is."""
        event.stop()
        if (event.y, event.x) != self._cell:
            self._cell = (event.y, event.x)
            self.post_message(self.PointerMoved(self, event.y, event.x))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The wheel, away from the user."""
        self._wheel(event, 0, 1)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel, towards the user."""
        self._wheel(event, 0, -1)

    def on_mouse_scroll_left(self, event: events.MouseScrollLeft) -> None:
        """The wheel, to the left."""
        self._wheel(event, -1, 0)

    def on_mouse_scroll_right(self, event: events.MouseScrollRight) -> None:
        """The wheel, to the right."""
        self._wheel(event, 1, 0)

    def _wheel(self, event: events.MouseEvent, x: int, y: int) -> None:
        event.stop()
        event.prevent_default()
        self.post_message(self.WheelTurned(self, event.y, event.x, x, y))
