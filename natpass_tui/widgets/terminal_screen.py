"""The output half of a terminal view: bytes come in, are parsed in a thread, and what changed is painted."""

import asyncio
import contextvars
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, ClassVar, cast

from rich.cells import cell_len
from rich.style import Style
from textual import events
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from natpass_tui.driver import AnsiStrip, keeps_colours, paint_now, writer_depth
from natpass_tui.terminal import SCROLLBACK_ROWS, Frame, Modes, Parsed, Pump, TerminalEngine, create_engine
from natpass_tui.terminal.cells import printable
from natpass_tui.terminal.source import Source
from natpass_tui.widgets import terminal_messages
from natpass_tui.widgets.cells import wrap
from natpass_tui.widgets.layout import hear_every_layout
from natpass_tui.widgets.terminal_canvas import Canvas

if TYPE_CHECKING:
    from natpass_tui.widgets.terminal_view import TerminalView

FRAME_SECONDS = 1 / 60
"""The least time between two paints; after a longer silence a paint is done at once."""
_WRITER_SECONDS = 1 / 240
"""How soon to look again whether the user's terminal has taken the last frame."""
_HOLD_SECONDS = 0.15
"""How long an application may hold a frame back (mode 2026); it might have died in between."""
_ACTIVITY_SECONDS = 0.25
_FORGET_APPLICATION = (
    b"\x18\x1b\\\x1b7\x1b[?1049l\x1b[!p\x1b[?9;1000;1002;1003;1004;1005;1006;1015;1016;2004;2026l\x1b[=0;1u\x1b[0 q"
)
"""Ends what the last application left switched on: a sequence cut short, the alternate screen, mouse and key modes.

The cursor is saved first: leaving the alternate screen restores it, also where there is none to leave.
"""


class TerminalScreen(Widget, can_focus=True):
    """A screen of remote output with scrollback. `TerminalView` adds the input."""

    ALLOW_SELECT = False  # Textual's own selection; ours reads the emulated cells and the scrollback.
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "terminal--notice",
        "terminal--warning",
        "terminal--error",
        "terminal--indicator",
    }
    DEFAULT_CSS = """
    TerminalScreen {
        width: 1fr;
        height: 1fr;
        & > .terminal--notice { background: $primary; color: $text; }
        & > .terminal--warning { background: $warning; color: $text; }
        & > .terminal--error { background: $error; color: $text; }
        & > .terminal--indicator { background: $secondary; color: $text; }
    }
    """

    def __init__(
        self,
        *,
        scrollback_rows: int = SCROLLBACK_ROWS,
        on_parsed: Callable[[int], None] | None = None,
        engine: TerminalEngine | None = None,
        name: str | None = None,
        id: str | None = None,  # noqa: A002 - what Textual calls it
        classes: str | None = None,
    ) -> None:
        super().__init__(name=name, id=id, classes=classes)
        rows, cols = 24, 80
        self._pump = Pump(engine or create_engine(rows, cols, scrollback_rows), self._wake_from_thread)
        self._canvas = Canvas(rows, cols)
        self._on_parsed = on_parsed
        self._modes = Modes()
        self._title = ""
        self._bells = 0
        self._sized = False
        self._shown = False
        self._stale = True
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake_context = contextvars.Context()
        self._timer: asyncio.TimerHandle | None = None
        self._painted = 0.0
        self._held_since: float | None = None
        self._activity = 0.0
        self._room = asyncio.Event()
        self._room.set()
        self._idle = asyncio.Event()
        self._idle.set()

    # What a caller uses.

    @property
    def rows(self) -> int:
        """Rows of the screen."""
        return self._canvas.rows

    @property
    def cols(self) -> int:
        """Columns of the screen."""
        return self._canvas.cols

    @property
    def title(self) -> str:
        """The title the application set; printable, but the remote's words."""
        return self._title

    @property
    def is_scrolled(self) -> bool:
        """Whether history is shown rather than the live screen."""
        return self._canvas.scroll.offset > 0

    @property
    def fed(self) -> int:
        """Bytes that were fed so far, our own lines included: the position behind them, as in `Input.seen`."""
        return self._pump.fed

    async def feed(self, data: bytes) -> None:
        """Queue remote output; waits until all but `pump.WAITING_BYTES` of it is parsed. Nothing is lost or reordered.

        So whoever asks for more only afterwards gives credit for what is done with, and the parser still has something
        to do meanwhile.
        """
        self.feed_nowait(data)
        await self._room.wait()

    def feed_nowait(self, data: bytes) -> None:
        """Queue remote output without waiting, for a caller whose credit bounds it anyway."""
        self._pump.put(data)
        if self._pump.waiting:
            self._idle.clear()
        if self._pump.is_full:
            self._room.clear()

    async def drained(self) -> None:
        """Wait until all that was fed is parsed (painting may follow)."""
        await self._idle.wait()

    def text(self) -> str:
        """The rows shown, as plain text."""
        with self._pump.engine() as engine:
            return engine.text()

    def scroll_history(self, rows: int) -> None:
        """Go back ``rows`` in history; negative comes forward."""
        with self._pump.engine() as engine:
            engine.scroll(rows)
        self._paint()

    def scroll_history_page(self, pages: int) -> None:
        """Go back so many pages; negative comes forward. A row of the last page stays in sight."""
        self.scroll_history(pages * max(1, self.rows - 1))

    def scroll_history_top(self) -> None:
        """Show the oldest rows."""
        with self._pump.engine() as engine:
            engine.scroll_to_top()
        self._paint()

    def scroll_history_bottom(self) -> None:
        """Show the live screen."""
        with self._pump.engine() as engine:
            engine.scroll_to_bottom()
        self._paint()

    def show_notice(self, text: str, style: str = "notice") -> None:
        """Lay a line of our own over the first row (``notice``, ``warning`` or ``error``) until `clear_notice`.

        It is not part of the emulated screen: what is under it comes back unharmed.
        """
        self._canvas.set_notice((printable(text), self.get_component_rich_style(f"terminal--{style}")))
        self._repaint()

    def clear_notice(self) -> None:
        """Take the notice away."""
        self._canvas.set_notice(None)
        self._repaint()

    def write_separator(self, text: str) -> None:
        """Write dim lines of our own into the emulated screen, after what was fed, and forget the last application.

        For the place where one shell ends and the next begins: the line scrolls into history with the rest, and a mouse
        mode or an alternate screen that a dead application left behind is switched off.
        """
        room = max(1, self.cols - cell_len("──  ──"))
        wrapped = (wrap(printable(line), room) for line in text.splitlines())
        lines = "\r\n".join("── " + "\r\n   ".join(parts) + " ──" for parts in wrapped)
        self.feed_nowait(_FORGET_APPLICATION + f"\r\n\x1b[J\x1b[2m{lines}\x1b[0m\r\n".encode())

    # What Textual calls.

    def render_lines(self, crop: Region) -> list[Strip]:
        """The strips of a part of the screen. Textual's cache of rendered lines is left out: it would rebuild them."""
        if self._stale:
            self._pull()
        rows = range(crop.y, crop.bottom)
        if crop.x == 0 and crop.width == self._canvas.cols:
            strips = [self._canvas.strip(row) for row in rows]
        else:
            strips = [self._canvas.strip(row).crop_extend(crop.x, crop.right, Style.null()) for row in rows]
        if not keeps_colours(self.app):
            strips = [self._filtered(strip) for strip in strips]
        return strips

    def _filtered(self, strip: Strip) -> Strip:
        if self.app.no_color and isinstance(strip, AnsiStrip):
            return strip.colourless()  # Textual's filter would make greys of its own of the terminal's default colours
        background = self.background_colors[1]
        for line_filter in self.app.get_line_filters():
            strip = strip.apply_filter(line_filter, background)
        return strip

    def render_line(self, y: int) -> Strip:
        """One strip."""
        return self.render_lines(Region(0, y, self.size.width, 1))[0]

    def on_mount(self) -> None:
        """Find the loop that the parser thread is to wake."""
        hear_every_layout(self, lambda: self._shown and (self.rows, self.cols) == (self.size.height, self.size.width))
        self._loop = asyncio.get_running_loop()
        self._wake_context = contextvars.copy_context()
        self._woken()  # For what was parsed before there was a loop to wake.
        self._canvas.theme = self.app.ansi_theme
        self._canvas.indicator_style = self.get_component_rich_style("terminal--indicator")

    def on_unmount(self) -> None:
        """Stop parsing; what waits is dropped."""
        self._loop = None
        if self._timer is not None:
            self._timer.cancel()
        self._pump.close()
        self._room.set()
        self._idle.set()

    def on_show(self) -> None:
        """A tab came to the front: catch up."""
        self._shown = True
        self._stale = True
        self.refresh()

    def on_hide(self) -> None:
        """Parse on, but do not paint."""
        self._shown = False

    def on_resize(self, event: events.Resize) -> None:
        """Reflow, and say so."""
        cols, rows = event.size
        if rows < 1 or cols < 1 or (self._sized and (rows, cols) == (self.rows, self.cols)):
            return
        self._sized = True
        with self._pump.engine() as engine:
            engine.resize(rows, cols)
        self._pull()
        self.refresh()
        self.post_message(terminal_messages.Resized(self._self, rows, cols))

    # Parsing.

    @property
    def _self(self) -> "TerminalView":
        return cast("TerminalView", self)

    def _wake_from_thread(self) -> None:
        loop = self._loop
        if loop is not None:
            try:
                loop.call_soon_threadsafe(self._woken, context=self._wake_context)
            except RuntimeError:
                self._loop = None  # The application ended between the two lines above.

    def _woken(self) -> None:
        if self._loop is None:
            return
        parsed = self._pump.collect()
        if not self._pump.is_full:
            self._room.set()
        if not self._pump.waiting:
            self._idle.set()
        self._tell(parsed)
        self._schedule()

    def _tell(self, parsed: Parsed) -> None:
        for reply in parsed.replies:
            self.post_message(terminal_messages.Input(self._self, reply.data, Source.ANSWER, reply.seen))
        if self._on_parsed is not None and parsed.size:
            self._on_parsed(parsed.size)
        if parsed.title != self._title:
            self._title = parsed.title
            self.post_message(terminal_messages.TitleChanged(self._self, parsed.title))
        if parsed.bells != self._bells:
            self._bells = parsed.bells
            self.post_message(terminal_messages.Bell(self._self))
        for clip in parsed.clipboard:
            self.post_message(terminal_messages.ClipboardSet(self._self, clip))
        now = self._now()
        if parsed.size and not self._is_seen and now - self._activity >= _ACTIVITY_SECONDS:
            self._activity = now
            self.post_message(terminal_messages.Activity(self._self))

    # Painting.

    @property
    def _is_seen(self) -> bool:
        return self._shown and self.is_attached and self.screen.is_current

    def _now(self) -> float:
        return self._loop.time() if self._loop is not None else 0.0

    def _schedule(self) -> None:
        """Paint at once after a silence, otherwise when a frame's time has passed since the last paint."""
        if self._timer is not None:
            return
        wait = self._painted + FRAME_SECONDS - self._now()
        if wait <= 0:
            self._paint()
        else:
            self._later(wait)

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
            # The user's terminal is behind: a frame made later shows more recent output than one queued now.
            self._stale = True
            self._later(_WRITER_SECONDS)
            return
        if self._pull():
            self._painted = self._now()
            self._repaint()
        else:
            self._later(FRAME_SECONDS)

    def _pull(self) -> bool:
        """Take what changed from the engine; False if the application holds its frame back."""
        with self._pump.engine() as engine:
            modes = engine.modes
            if modes.synchronized_output and not self._stale:
                now = self._now()
                if self._held_since is None:
                    self._held_since = now
                if now - self._held_since < _HOLD_SECONDS:
                    return False
            self._held_since = None
            frame = engine.snapshot()
        self._stale = False
        self._modes = frame.modes
        self._apply(frame)
        return True

    def _apply(self, frame: Frame) -> None:
        self._canvas.apply(frame)

    def _repaint(self) -> None:
        """Put on the terminal what was touched."""
        regions = self._canvas.take_regions()
        if regions and self._is_seen:
            paint_now(self, regions)
