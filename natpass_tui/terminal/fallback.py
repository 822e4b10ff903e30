"""The engine for platforms without libghostty: pyte, slower and simpler, protected from input on which it raises."""

from collections import deque

from natpass_tui.terminal import ansi, cells, encode, keys
from natpass_tui.terminal.clipboard import Clip
from natpass_tui.terminal.engine import (
    REPLIES_LIMIT,
    SCROLLBACK_ROWS,
    Capabilities,
    Colours,
    Cursor,
    CursorShape,
    Frame,
    Modes,
    MouseEncoding,
    MouseInput,
    MouseTracking,
    Scroll,
)
from natpass_tui.terminal.fallback_rows import Row, row_line, row_text
from natpass_tui.terminal.fallback_screen import FallbackScreen
from natpass_tui.terminal.fallback_stream import FallbackStream

_TRACKING = (MouseTracking.MOTION, MouseTracking.DRAG, MouseTracking.PRESS_RELEASE, MouseTracking.PRESS)
_ENCODINGS = (MouseEncoding.SGR_PIXELS, MouseEncoding.SGR, MouseEncoding.URXVT, MouseEncoding.UTF8)


class FallbackEngine:
    """A `natpass_tui.terminal.engine.TerminalEngine` over pyte."""

    capabilities = Capabilities(
        reflow=False, styled_underlines=False, progressive_keys=False, clipboard=True, exact=False
    )

    def __init__(
        self, rows: int, cols: int, scrollback_rows: int = SCROLLBACK_ROWS, colours: Colours | None = None
    ) -> None:
        self._screen = FallbackScreen(rows, cols, scrollback_rows, colours or Colours())
        self._stream = FallbackStream(self._screen)
        self._offset = 0
        self._changed: set[int] = set(range(rows))

    @property
    def modes(self) -> Modes:
        """The modes as of the last byte fed."""
        private = self._screen.private_modes
        return Modes(
            application_cursor=1 in private,
            application_keypad=self._screen.application_keypad,
            bracketed_paste=2004 in private,
            focus_events=1004 in private,
            alternate_screen=self._screen.is_alternate,
            alternate_scroll=1007 in private,
            synchronized_output=2026 in private,
            mouse=next((tracking for tracking in _TRACKING if tracking in private), MouseTracking.NONE),
            mouse_encoding=next((encoding for encoding in _ENCODINGS if encoding in private), MouseEncoding.X10),
        )

    @property
    def title(self) -> str:
        """The title the application set."""
        return cells.clean_title(self._screen.title)

    @property
    def bells(self) -> int:
        """Bells rung so far."""
        return self._screen.bells

    def feed(self, data: bytes) -> bytes:
        """Parse ``data``; return the answer to the application."""
        before = self._screen.scrolled_out
        self._stream.feed(data)
        moved = self._screen.scrolled_out - before
        if self._offset and moved:
            # The rows shown stay the same while the live screen moves on.
            self._offset = min(self._offset + moved, len(self._screen.history))
            if self._offset == len(self._screen.history):
                self._touch_all()
        self._offset = min(self._offset, len(self._history()))
        replies = b"".join(self._stream.replies)
        self._stream.replies.clear()
        return replies if len(replies) <= REPLIES_LIMIT else b""

    def resize(self, rows: int, cols: int) -> None:
        """Change the size; rows are cut or padded, not rewrapped."""
        self._screen.resize(rows, cols)
        self._offset = min(self._offset, len(self._history()))
        self._changed = set(range(rows))

    def snapshot(self) -> Frame:
        """Return what changed since the last call, and the current state."""
        screen = self._screen
        rows, cols = screen.lines, screen.columns
        self._collect_dirty()
        changed = {row: row_line(self._row(row), cols) for row in sorted(self._changed) if row < rows}
        self._changed.clear()
        return Frame(rows, cols, changed, self._cursor(), self.modes, self._scroll(), self.title, self.bells)

    def scroll(self, rows: int) -> None:
        """Show ``rows`` further back in history."""
        offset = min(max(0, self._offset + rows), len(self._history()))
        if offset != self._offset:
            self._offset = offset
            self._touch_all()

    def scroll_to_top(self) -> None:
        """Show the oldest rows kept."""
        self.scroll(len(self._history()))

    def scroll_to_bottom(self) -> None:
        """Show the live screen."""
        self.scroll(-self._offset)

    def text(self) -> str:
        """Return the rows shown as plain text."""
        screen = self._screen
        lines = (row_line(self._row(row), screen.columns) for row in range(screen.lines))
        return "\n".join(ansi.plain(line).rstrip() for line in lines)

    def text_range(self, start: tuple[int, int], end: tuple[int, int]) -> str:
        """Return the text between two cells, both included; pyte does not know which rows were wrapped."""
        (first_row, first_col), (last_row, last_col) = sorted((start, end))
        cols, history = self._screen.columns, self._history()
        found = []
        for number in range(max(0, first_row), min(last_row, len(history) + self._screen.lines - 1) + 1):
            row = history[number] if number < len(history) else self._screen.buffer[number - len(history)]
            first = first_col if number == first_row else 0
            last = last_col if number == last_row else cols - 1
            found.append(row_text(row, first, last + 1).rstrip())
        return "\n".join(found)

    def take_clipboard(self) -> tuple[Clip, ...]:
        """Return the texts for the clipboard since the last call."""
        taken = tuple(self._stream.clipboard)
        self._stream.clipboard.clear()
        return taken

    def encode_key(self, key: str, character: str | None = None) -> bytes:
        """Return the bytes for a key as xterm sends them."""
        private = self._screen.private_modes
        return keys.encode_xterm(keys.parse(key), character, application_cursor=1 in private, backarrow=67 in private)

    def encode_mouse(self, event: MouseInput) -> bytes:
        """Return the bytes for a mouse event."""
        return encode.encode_mouse(event, self.modes)

    def encode_paste(self, text: str) -> bytes:
        """Return the bytes for pasted text."""
        return encode.encode_paste(text, bracketed=2004 in self._screen.private_modes)

    def encode_focus(self, focused: bool) -> bytes:
        """Return the bytes for gained or lost focus."""
        return encode.encode_focus(focused, wanted=1004 in self._screen.private_modes)

    def close(self) -> None:
        """Do nothing: it holds no resources."""

    def _history(self) -> deque[Row]:
        return deque() if self._screen.is_alternate else self._screen.history

    def _row(self, row: int) -> Row:
        if self._offset:
            history = self._history()
            number = len(history) - self._offset + row
            if number < len(history):
                return history[number]
            row = number - len(history)
        return self._screen.buffer[row]

    def _touch_all(self) -> None:
        self._changed.update(range(self._screen.lines))

    def _collect_dirty(self) -> None:
        self._changed.update(row + self._offset for row in self._screen.dirty)
        self._screen.dirty.clear()

    def _scroll(self) -> Scroll:
        return Scroll(offset=self._offset, history=len(self._history()))

    def _cursor(self) -> Cursor:
        screen = self._screen
        row, col = screen.cursor.y + self._offset, min(screen.cursor.x, screen.columns - 1)
        if col and not screen.buffer[screen.cursor.y][col].data:
            col -= 1
        visible = not screen.cursor.hidden and row < screen.lines
        return Cursor(row, col, visible, CursorShape(screen.cursor_shape))
