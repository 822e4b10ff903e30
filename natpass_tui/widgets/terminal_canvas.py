"""The rows of a terminal: the engine's, with cursor and selection on top.

The cursor is an inverse cell of its line, not the hardware cursor: Textual keeps that one hidden, a dialog above the
terminal must cover it, and screenshots and tests see what the user sees.
"""

from rich.style import Style
from rich.terminal_theme import DEFAULT_TERMINAL_THEME
from textual.strip import Strip

from natpass_tui.driver import AnsiStrip, sgr_of
from natpass_tui.terminal import Cursor, CursorShape, Frame, Scroll
from natpass_tui.terminal.ansi import INVERSE, RESET, UNDERLINED, cut, restyle
from natpass_tui.widgets.canvas import Canvas

#: (row, col), rows counted from the oldest row kept, as `Scroll.top` does.
Cell = tuple[int, int]


class TerminalCanvas(Canvas):
    """Strips for the rows that an engine shows."""

    def __init__(self, rows: int, cols: int) -> None:
        super().__init__(rows, cols)
        self.cursor = Cursor(visible=False)
        self.scroll = Scroll()
        self.focused = False
        self.selection: tuple[Cell, Cell] | None = None
        self.indicator_style = Style()
        self.theme = DEFAULT_TERMINAL_THEME
        self._lines = [" " * cols] * rows

    def resize(self, rows: int, cols: int) -> None:
        """Start again in another size; the engine reports all rows next."""
        super().resize(rows, cols)
        self._lines = [" " * cols] * rows

    def apply(self, frame: Frame) -> None:
        """Apply the engine's changes."""
        if (frame.rows, frame.cols) != (self.rows, self.cols):
            self.resize(frame.rows, frame.cols)
        for row, line in frame.changed.items():
            self._lines[row] = line
        self._touch(*frame.changed)
        if frame.cursor != self.cursor:
            self._touch(*(cursor.row for cursor in (self.cursor, frame.cursor) if cursor.visible))
            self.cursor = frame.cursor
        if frame.scroll != self.scroll:
            if frame.scroll.offset or self.scroll.offset:
                self._touch(0, *self._selected_rows())
            self.scroll = frame.scroll
            if frame.scroll.offset:
                self._touch(*self._selected_rows())

    def set_focused(self, focused: bool) -> None:
        """Draw the cursor solid (focused) or as an underline."""
        self.focused = focused
        self._touch(self.cursor.row)

    def set_selection(self, selection: tuple[Cell, Cell] | None) -> None:
        """Show the cells from one to another, both included, as selected."""
        if selection == self.selection:
            return
        self._touch(*self._selected_rows())
        self.selection = selection
        self._touch(*self._selected_rows())

    def _build(self, row: int) -> Strip:
        line = self._lines[row]
        selected = self._selected_cols(row)
        if selected is not None:
            line = restyle(line, *selected, INVERSE)
        cursor = self.cursor
        if cursor.visible and row == cursor.row:
            solid = self.focused and cursor.shape is not CursorShape.UNDERLINE
            line = restyle(line, cursor.col, cursor.col + cursor.cols, INVERSE if solid else UNDERLINED)
        if row == 0 and self.scroll.offset:
            mark = f"[-{self.scroll.offset}/{self.scroll.history}]"[: self.cols]
            line = cut(line, 0, self.cols - len(mark)) + sgr_of(self.indicator_style) + mark + RESET
        return AnsiStrip(line, self.cols, self.theme)

    def _selected_rows(self) -> range:
        if self.selection is None:
            return range(0)
        first, last = sorted(self.selection)
        top = self.scroll.top
        return range(max(0, first[0] - top), min(self.rows, last[0] - top + 1))

    def _selected_cols(self, row: int) -> tuple[int, int] | None:
        """Return the first selected column of a row and the one after the last."""
        if self.selection is None:
            return None
        first, last = sorted(self.selection)
        number = self.scroll.top + row
        if not first[0] <= number <= last[0]:
            return None
        start = first[1] if number == first[0] else 0
        end = last[1] + 1 if number == last[0] else self.cols
        return start, end
