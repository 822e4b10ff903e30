"""pyte's screen with what it lacks: history, an alternate screen, scrolling, and limits on memory."""

import copy
import unicodedata
from collections import defaultdict, deque
from functools import lru_cache
from typing import Any

import pyte
from pyte import modes as pyte_modes
from wcwidth import wcwidth

from natpass_tui.terminal.cells import is_safe
from natpass_tui.terminal.engine import Colours
from natpass_tui.terminal.fallback_rows import Row

_MARKS_LIMIT = 4
_SAVED_CURSORS = 8
_ALTERNATE = frozenset({47, 1047, 1049})
#: Private modes that pyte may act on. Not 3: it would change the size of the screen.
_PYTE_MODES = frozenset({5, 6, 7, 25})


class FallbackScreen(pyte.Screen):
    """A screen that keeps the rows it scrolls out."""

    def __init__(self, rows: int, cols: int, scrollback_rows: int, colours: Colours) -> None:
        self.history: deque[Row] = deque(maxlen=scrollback_rows)
        self.scrolled_out = 0
        self.colours = colours
        self.bells = 0
        self.cursor_shape = "block"
        self.application_keypad = False
        self.private_modes: set[int] = {7, 25, 1007}
        self._primary: tuple[Any, Any] | None = None
        super().__init__(cols, rows)

    @property
    def is_alternate(self) -> bool:
        """Whether the alternate screen is shown."""
        return self._primary is not None

    def reset(self) -> None:
        """Reset everything except the history (RIS)."""
        self._primary = None
        self.private_modes = {7, 25, 1007}
        self.application_keypad = False
        self.cursor_shape = "block"
        self.savepoints.clear()
        super().reset()

    def soft_reset(self) -> None:
        """Reset modes, margins and style; the cursor stays (DECSTR)."""
        row, col = self.cursor.y, self.cursor.x
        self.set_private(False, 1, 6)
        self.set_private(True, 7, 25)
        self.reset_mode(pyte_modes.IRM)
        self.margins = None
        self.application_keypad = False
        self.savepoints.clear()
        self.select_graphic_rendition(0)
        self.cursor.y, self.cursor.x = row, col

    def bell(self, *_args: Any) -> None:
        """Count a bell."""
        self.bells += 1

    def draw(self, data: str) -> None:
        """Draw text, without characters at which pyte would stop, and with a limit of accents a cell."""
        if data.isascii():
            super().draw(data)
            return
        run: list[str] = []
        for character in self._drawable(data):
            if _width(character) == 2:
                super().draw("".join(run))
                run.clear()
                if self.cursor.x == self.columns - 1 > 0 and pyte_modes.DECAWM in self.mode:
                    self.cursor.x = self.columns  # pyte would draw half of a wide character here.
            run.append(character)
        super().draw("".join(run))

    def _drawable(self, data: str) -> str:
        kept: list[str] = []
        before = self.buffer[self.cursor.y][max(0, self.cursor.x - 1)].data
        marks = max(0, len(before) - 1)
        for character in data:
            width = _width(character)
            if width > 0:
                marks = 0
            elif width < 0 or marks >= _MARKS_LIMIT:
                continue
            else:
                marks += 1
            kept.append(character)
        return "".join(kept)

    def index(self) -> None:
        """Move one row down; a row that leaves at the top goes into history."""
        top, bottom = self.margins or (0, self.lines - 1)
        if self.cursor.y == bottom and top == 0 and not self.is_alternate:
            self.history.append(self.buffer[0])
            self.scrolled_out += 1
        super().index()

    def scroll_up(self, count: int = 1) -> None:
        """Move the rows between the margins up (SU)."""
        self._scroll(count, self.delete_lines)

    def scroll_down(self, count: int = 1) -> None:
        """Move the rows between the margins down (SD)."""
        self._scroll(count, self.insert_lines)

    def _scroll(self, count: int, action: Any) -> None:
        row, col = self.cursor.y, self.cursor.x
        self.cursor.y = self.margins.top if self.margins else 0
        action(min(max(1, count), self.lines))
        self.cursor.y, self.cursor.x = row, col

    def back_tab(self, count: int = 1) -> None:
        """Move to an earlier tab stop (CBT)."""
        earlier = sorted(stop for stop in self.tabstops if stop < self.cursor.x)
        count = max(1, count)
        self.cursor.x = earlier[-count] if count <= len(earlier) else 0

    def alignment_display(self) -> None:
        """Fill the screen with E (DECALN), row by row: pyte does it by cell, which takes 12 ms for a large screen."""
        filled = dict.fromkeys(range(self.columns), self.default_char._replace(data="E"))
        for row in range(self.lines):
            self.buffer[row].clear()
            self.buffer[row].update(filled)
        self.dirty.update(range(self.lines))

    def save_cursor(self) -> None:
        """Save the cursor; saving again and again takes no memory."""
        super().save_cursor()
        del self.savepoints[:-_SAVED_CURSORS]

    def erase_in_display(self, how: int = 0, *args: Any, **kwargs: Any) -> None:
        """Erase a part of the screen; 3 is the history."""
        if how == 3:
            self.history.clear()
        elif how in {0, 1, 2}:
            super().erase_in_display(how)

    def erase_in_line(self, how: int = 0, private: bool = False) -> None:
        """Erase in the row of the cursor."""
        if how in {0, 1, 2}:
            super().erase_in_line(how)

    def resize(self, lines: int | None = None, columns: int | None = None) -> None:
        """Change the size of this screen and of the hidden one.

        Rows below the cursor are dropped first, then the top ones, which go into history, as in other terminals. pyte
        would drop the top ones, with the cursor's row among them.
        """
        lines = lines or self.lines
        if lines < self.lines:
            self._shrink(self.buffer, self.cursor, lines, keeps=not self.is_alternate)
            if self._primary is not None:
                self._shrink(*self._primary, lines, keeps=True)
            self.lines = lines  # pyte has nothing left to drop
            self.set_margins()
            self.dirty.update(range(lines))
        super().resize(lines, columns)
        self.cursor.x = min(self.cursor.x, self.columns - 1)
        self.cursor.y = min(self.cursor.y, self.lines - 1)
        self.tabstops = set(range(8, self.columns, 8))

    def _shrink(self, buffer: Any, cursor: Any, lines: int, *, keeps: bool) -> None:
        """Cut a buffer to so many rows around its cursor; `keeps`: what leaves at the top goes into history."""
        top = max(0, cursor.y + 1 - lines)
        if keeps:
            self.history.extend(buffer[row] for row in range(top))
        kept = {row - top: buffer[row] for row in range(top, top + lines) if row in buffer}
        buffer.clear()
        buffer.update(kept)
        cursor.y -= top

    def set_private(self, on: bool, *modes: int) -> None:
        """Switch DEC private modes."""
        for mode in modes:
            (self.private_modes.add if on else self.private_modes.discard)(mode)
            if mode in _ALTERNATE:
                self._switch(on, keep_cursor=mode == 1049)
            elif mode == 1048:
                (self.save_cursor if on else self.restore_cursor)()
            elif mode in _PYTE_MODES:
                (self.set_mode if on else self.reset_mode)(mode, private=True)
        if len(self.private_modes) > 256:
            self.private_modes.clear()

    def _switch(self, alternate: bool, *, keep_cursor: bool) -> None:
        if alternate == self.is_alternate:
            return
        self.dirty.update(range(self.lines))
        if self._primary is None:
            self._primary = self.buffer, copy.copy(self.cursor)
            self.buffer = defaultdict(lambda: pyte.screens.StaticDefaultDict(self.default_char))
            return
        self.buffer, cursor = self._primary
        self._primary = None
        if keep_cursor:
            self.cursor = cursor
        self.cursor.x = min(self.cursor.x, self.columns - 1)
        self.cursor.y = min(self.cursor.y, self.lines - 1)


@lru_cache(maxsize=16_384)
def _width(character: str) -> int:
    """Return a character's width in cells: 0 for an accent, -1 if it must not be drawn."""
    if not is_safe(character):
        return -1
    width = int(wcwidth(character))
    return width if width > 0 or unicodedata.combining(character) else -1
