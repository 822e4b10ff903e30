"""A view whose rows are ready-made ANSI, and which paints those that changed: the base of terminal and desktop."""

import asyncio
from abc import abstractmethod
from collections.abc import Callable
from functools import partial
from typing import TypeAlias

from rich.style import Style
from textual import events
from textual.geometry import Offset, Region
from textual.strip import Strip

from natpass_tui.driver import AnsiStrip, keeps_colours, paint_now, writer_depth
from natpass_tui.settings import DEFAULT_PREFIX
from natpass_tui.widgets import view_messages
from natpass_tui.widgets.canvas import Canvas
from natpass_tui.widgets.layout import hear_every_layout
from natpass_tui.widgets.remote_input import RemoteInput

#: Seconds between two paints, at least; after a longer silence the view paints at once.
FRAME_SECONDS = 1 / 60
#: Seconds between checks whether the user's terminal has taken the last frame.
_WRITER_SECONDS = 1 / 240


class PaintedView(RemoteInput):
    """A focusable view of something remote: a canvas gives its rows, `changed` paints them.

    It is painted at once after a silence, at most 60 times a second under load, and never while the user's terminal has
    not taken the last paint: a frame made later shows more recent output than one queued now.

    Args:
        canvas: the rows.
        prefix: the console's prefix key.
        intercept: sees each key first; True if it took it.
        id: what Textual calls the widget.
    """

    ALLOW_SELECT = False  # Textual's own selection would read Segments
    DEFAULT_CSS = """
    PaintedView { width: 1fr; height: 1fr; }
    """

    Resized: TypeAlias = view_messages.Resized

    def __init__(
        self,
        canvas: Canvas,
        *,
        prefix: str = DEFAULT_PREFIX,
        intercept: Callable[[events.Key], bool] | None = None,
        id: str | None = None,  # noqa: A002 - what Textual calls it
    ) -> None:
        super().__init__(prefix=prefix, intercept=intercept, id=id)
        self._canvas = canvas
        self._sized = False
        self._shown = False
        self._stale = True  # the canvas is out of date, and no pending paint will update it
        self._is_behind = False  # the user's terminal had not taken the last paint at the last check
        self._all_due = False  # Textual will paint the whole view
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._painted = 0.0
        #: Paints so far, without Textual's own.
        self.paints = 0

    # What a kind of view says.

    @abstractmethod
    def _update(self, *, may_wait: bool) -> bool:
        """Update the canvas; return False if that has to wait (only if `may_wait`)."""

    def _resize(self, rows: int, cols: int) -> None:
        """Resize the canvas."""
        self._canvas.resize(rows, cols)

    # What all share.

    @property
    def rows(self) -> int:
        """Rows of cells."""
        return self._canvas.rows

    @property
    def cols(self) -> int:
        """Columns of cells."""
        return self._canvas.cols

    def changed(self) -> None:
        """Paint what is new: at once after a silence, otherwise one frame's time after the last paint."""
        if self._loop is None:
            return
        if self._timer is not None:
            self._stale = self._stale or self._is_behind
            return
        wait = self._painted + FRAME_SECONDS - self._loop.time()
        if wait <= 0:
            self._paint()
        else:
            self._later(wait)

    def nearest_cell(self, offset: Offset) -> tuple[int, int]:
        """Return the cell (row, col) nearest to an offset: during a drag the mouse may be outside."""
        return min(max(offset.y, 0), self.rows - 1), min(max(offset.x, 0), self.cols - 1)

    # What Textual calls.

    def render_lines(self, crop: Region) -> list[Strip]:
        """Return the strips of a part of the view, without Textual's cache of rendered lines, which would rebuild
        them."""
        canvas = self._canvas
        if self._stale:
            self._pull()
        if self._all_due or not self._shown:  # this paint, or one that is already due, covers all rows
            self._all_due = False
            canvas.take_regions()
        strips = [canvas.strip(row) for row in range(crop.y, crop.bottom)]
        if crop.x or crop.width != canvas.cols:
            strips = [strip.crop_extend(crop.x, crop.right, Style.null()) for strip in strips]
        if not keeps_colours(self.app):
            strips = [self._filtered(strip) for strip in strips]
        if canvas.is_touched:  # Textual asks for more than it paints: also for the rows between two changed ones
            self._later(FRAME_SECONDS)
        return strips

    def render_line(self, y: int) -> Strip:
        """Return one strip."""
        return self.render_lines(Region(0, y, self.size.width, 1))[0]

    def _filtered(self, strip: Strip) -> Strip:
        if self.app.no_color and isinstance(strip, AnsiStrip):
            return strip.colourless()  # Textual's filter would replace the terminal's default colours by its own greys
        background = self.background_colors[1]
        for line_filter in self.app.get_line_filters():
            strip = strip.apply_filter(line_filter, background)
        return strip

    def on_mount(self) -> None:
        """Get the loop, whose clock times the paints."""
        hear_every_layout(self, lambda: self._shown and (self.rows, self.cols) == (self.size.height, self.size.width))
        self._loop = asyncio.get_running_loop()

    def on_unmount(self) -> None:
        """Stop painting."""
        self._loop = None
        if self._timer is not None:
            self._timer.cancel()

    def on_show(self) -> None:
        """The tab became active: catch up."""
        self._shown = True
        self._paint_all()

    def on_hide(self) -> None:
        """The view is hidden: do not paint."""
        self._shown = False

    def on_resize(self, event: events.Resize) -> None:
        """Take the new size, and report it."""
        cols, rows = event.size
        if rows < 1 or cols < 1 or (self._sized and (rows, cols) == (self.rows, self.cols)):
            return
        self._sized = True
        self._resize(rows, cols)
        self._paint_all()
        self.post_message(self.Resized(self, rows, cols))

    # Painting.

    @property
    def _is_seen(self) -> bool:
        return self._shown and self.is_attached and self.screen.is_current

    def _later(self, seconds: float) -> None:
        if self._timer is None and self._loop is not None:
            self._timer = self._loop.call_later(seconds, partial(self._paint, timed=True))

    def _paint(self, *, timed: bool = False) -> None:
        if timed:
            self._timer = None
        if self._loop is None or not self._is_seen:
            self._stale = True
            return
        if writer_depth(self.app) > 0:
            if not (timed and self._is_behind):  # otherwise nothing may be new since the last check
                self._is_behind = self._stale = True
            self._later(_WRITER_SECONDS)
            return
        self._is_behind = False
        if self._pull():
            self._painted = self._loop.time()
            self._repaint()
        else:
            self._later(FRAME_SECONDS)

    def _paint_all(self) -> None:
        """Have Textual paint the whole view with what is newest by then."""
        self._stale = self._all_due = True
        self.refresh()

    def _pull(self) -> bool:
        """Update the canvas; return False if the remote holds its frame back."""
        if not self._update(may_wait=not self._stale):
            return False
        self._stale = False
        return True

    def _repaint(self) -> None:
        """Paint the touched regions on the user's terminal."""
        regions = self._canvas.take_regions()
        if regions and self._is_seen:
            self.paints += 1
            paint_now(self, regions)
