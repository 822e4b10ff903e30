"""The output half of a terminal view: a thread parses the bytes, and the view paints what changed."""

import asyncio
from collections.abc import Callable
from typing import ClassVar

from textual import events

from natpass_tui.settings import DEFAULT_PREFIX
from natpass_tui.terminal import Frame, Modes, Parsed, Pump, TerminalEngine, create_engine
from natpass_tui.terminal.source import InputSource
from natpass_tui.waking import LoopWaker
from natpass_tui.widgets import terminal_messages
from natpass_tui.widgets.painted_view import PaintedView
from natpass_tui.widgets.terminal_canvas import TerminalCanvas
from natpass_tui.widgets.terminal_separator import separator

#: Seconds that an application may hold a frame back (mode 2026): it might have died meanwhile.
_HOLD_SECONDS = 0.15
_ACTIVITY_SECONDS = 0.25
#: The size until Textual reports one.
_ROWS, _COLS = 24, 80


class TerminalScreen(PaintedView):
    """A screen of remote output with scrollback. `TerminalView` adds the input."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"terminal--indicator"}
    DEFAULT_CSS = """
    TerminalScreen > .terminal--indicator { background: $secondary; color: $text; }
    """

    _canvas: TerminalCanvas

    def __init__(
        self,
        *,
        prefix: str = DEFAULT_PREFIX,
        intercept: Callable[[events.Key], bool] | None = None,
        engine: TerminalEngine | None = None,
        id: str | None = None,  # noqa: A002 - what Textual calls it
    ) -> None:
        super().__init__(TerminalCanvas(_ROWS, _COLS), prefix=prefix, intercept=intercept, id=id)
        self._waker = LoopWaker(self._woken)
        self._pump = Pump(engine or create_engine(_ROWS, _COLS), self._waker)
        self._modes = Modes()
        self._title = ""
        self._bells = 0
        self._held_since: float | None = None
        self._activity = 0.0
        self._room = asyncio.Event()
        self._room.set()
        self._idle = asyncio.Event()
        self._idle.set()

    # What a caller uses.

    @property
    def is_scrolled(self) -> bool:
        """Whether the view shows history instead of the live screen."""
        return self._canvas.scroll.offset > 0

    @property
    def fed(self) -> int:
        """Bytes fed so far, our own lines included: a position, as in `Input.seen`."""
        return self._pump.fed

    async def feed(self, data: bytes) -> None:
        """Queue remote output; wait until all but `pump.WAITING_BYTES` of it is parsed. Nothing is lost or reordered.

        A caller that grants credit only afterwards grants it for parsed bytes, and the parser has work meanwhile.
        """
        self.feed_nowait(data)
        await self._room.wait()

    def feed_nowait(self, data: bytes) -> None:
        """Queue remote output without waiting, for a caller that is bounded by credit anyway."""
        self._pump.put(data)
        if self._pump.waiting:
            self._idle.clear()
        if self._pump.is_full:
            self._room.clear()

    async def drained(self) -> None:
        """Wait until all fed bytes are parsed (they may be painted later)."""
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
        """Go back so many pages; negative comes forward. One row of the previous page stays visible."""
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

    def write_separator(self, text: str) -> None:
        """Write dim lines of our own into the emulated screen, after what was fed, and reset what an application set.

        It marks where one shell ends and the next begins. The lines scroll into history with the rest. A mouse mode or
        an alternate screen that a dead application left is switched off.
        """
        self.feed_nowait(separator(text, self.cols))

    # What Textual calls.

    def on_mount(self) -> None:
        """Let the parser's thread wake this loop."""
        self._waker.begin()
        self._woken()  # for what was parsed before the loop could be woken
        self._canvas.theme = self.app.ansi_theme
        self._canvas.indicator_style = self.get_component_rich_style("terminal--indicator")

    def on_unmount(self) -> None:
        """Stop parsing, and drop what waits."""
        self._waker.end()
        self._pump.close()
        self._room.set()
        self._idle.set()

    # Parsing.

    def _woken(self) -> None:
        parsed = self._pump.collect()
        if not self._pump.is_full:
            self._room.set()
        if not self._pump.waiting:
            self._idle.set()
        self._tell(parsed)
        self.changed()

    def _tell(self, parsed: Parsed) -> None:
        for reply in parsed.replies:
            self.post_message(terminal_messages.Input(self, reply.data, InputSource.ANSWER, reply.seen))
        if parsed.title != self._title:
            self._title = parsed.title
            self.post_message(terminal_messages.TitleChanged(self, parsed.title))
        if parsed.bells != self._bells:
            self._bells = parsed.bells
            self.post_message(terminal_messages.Bell(self))
        for clip in parsed.clipboard:
            self.post_message(terminal_messages.ClipboardSet(self, clip))
        if parsed.size and not self._is_seen and (now := self._now()) - self._activity >= _ACTIVITY_SECONDS:
            self._activity = now
            self.post_message(terminal_messages.Activity(self))

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()

    # Painting.

    def _resize(self, rows: int, cols: int) -> None:
        super()._resize(rows, cols)
        with self._pump.engine() as engine:
            engine.resize(rows, cols)

    def _update(self, *, may_wait: bool) -> bool:
        """Take the engine's changes; return False if the application holds its frame back."""
        with self._pump.engine() as engine:
            if may_wait and engine.modes.synchronized_output:
                now = self._now()
                if self._held_since is None:
                    self._held_since = now
                if now - self._held_since < _HOLD_SECONDS:
                    return False
            self._held_since = None
            frame = engine.snapshot()
        self._show_frame(frame)
        return True

    def _show_frame(self, frame: Frame) -> None:
        self._modes = frame.modes
        self._canvas.apply(frame)
