"""A table with a cursor that draws only the visible rows: 10 000 rows cost as much as 50.

The cursor belongs to a row's key, not to its place: it stays on its row and its line when rows above it come and go.
"""

from abc import abstractmethod
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

from natpass_tui.widgets.cells import fit
from natpass_tui.widgets.columns import GAP, Column


@dataclass(frozen=True, slots=True)
class RowLine:
    """What one row shows.

    Attributes:
        key: what the row is of.
        texts: a text for each column shown, safe to print.
        tones: for each text: ``good``, ``warn``, ``bad`` or empty; shorter: the others are empty. The row under the
            cursor has none.
        is_dim: whether the row recedes.
    """

    key: Hashable
    texts: tuple[str, ...]
    tones: tuple[str, ...] = ()
    is_dim: bool = False


class RowTable(ScrollView, can_focus=True):
    """The rows of a table; the head is `TableHead`."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "rows--row",
        "rows--dim",
        "rows--cursor",
        "rows--cursor-blurred",
        "rows--good",
        "rows--warn",
        "rows--bad",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("pageup,ctrl+b", "page(-1)", show=False),
        Binding("pagedown,ctrl+f", "page(1)", show=False),
        Binding("home,g", "go(0)", show=False),
        Binding("end,G", "go(-1)", show=False),
        Binding("enter", "open", show=False),
    ]

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._cursor = 0
        self._cursor_key: Hashable = None
        self._fitted: list[tuple[Column[Any, Any], int]] = []
        self._fitted_width = -1
        self._drawn: list[tuple[object, ...]] = []
        self._styles: dict[str, Style] = {}

    # for a table to implement

    @property
    @abstractmethod
    def columns(self) -> list[tuple[Column[Any, Any], int]]:
        """The columns shown, and their widths in cells."""

    @abstractmethod
    def count(self) -> int:
        """Return the number of rows."""

    @abstractmethod
    def key_at(self, row: int) -> Hashable:
        """Return the key of a row."""

    @abstractmethod
    def row_of(self, key: Hashable) -> int | None:
        """Return the row with this key, None if there is none."""

    @abstractmethod
    def rows(self, top: int, bottom: int) -> list[RowLine]:
        """Return what the rows from `top` up to `bottom` (not included) show; fewer if there are fewer."""

    @abstractmethod
    def action_open(self) -> None:
        """Open what is under the cursor."""

    @property
    def _columns(self) -> list[tuple[Column[Any, Any], int]]:
        """The columns, as long as the width is the same: it changes without an event when a scroll bar comes."""
        if self.size.width != self._fitted_width:
            self._fitted, self._fitted_width = self.columns, self.size.width
        return self._fitted

    def cursor_moved(self) -> None:
        """Take note that the cursor is on another row."""

    # changes

    @property
    def cursor_key(self) -> Hashable:
        """The key of the row under the cursor, None if there is none."""
        return self._cursor_key

    def rows_changed(self) -> None:
        """Follow the rows: keep the cursor on its key and line, and draw the rows that differ."""
        count = self.count()
        row = self.row_of(self._cursor_key)
        before = self._cursor
        self._cursor = row if row is not None else min(self._cursor, max(0, count - 1))
        self._set_key(self.key_at(self._cursor) if count else None)
        if count != self.virtual_size.height:
            self.virtual_size = Size(self.size.width, count)
        moved = self._cursor - before
        if row is not None and moved and 0 <= before - self.scroll_offset.y < self.size.height:
            self._show_from(self.scroll_offset.y + moved)
        else:
            self._show_from(self.scroll_offset.y)
        self.redraw()

    def redraw(self) -> None:
        """Draw the lines whose content changed since they were drawn."""
        top = self.scroll_offset.y
        lines: list[tuple[object, ...]] = [
            (line, top + y == self._cursor) for y, line in enumerate(self.rows(top, top + self.size.height))
        ]
        before, self._drawn = self._drawn, lines
        if len(lines) != len(before):
            self.refresh()
        else:
            changed = [y for y, line in enumerate(lines) if line != before[y]]
            if changed:
                self.refresh(*(Region(0, y, self.size.width, 1) for y in changed))

    # drawing

    def render_line(self, y: int) -> Strip:
        """Draw one line."""
        width = self.size.width
        row = self.scroll_offset.y + y
        base = self._style("rows--row")
        if not 0 <= row < self.count():
            return Strip.blank(width, base)
        line = self.rows(row, row + 1)[0]
        if line.is_dim:
            base += self._style("rows--dim")
        if row == self._cursor:
            base += self._style("rows--cursor" if self.has_focus else "rows--cursor-blurred")
        segments = [Segment(" ", base)]
        for index, ((column, cells), text) in enumerate(zip(self._columns, line.texts, strict=False)):
            tone = line.tones[index] if index < len(line.tones) and row != self._cursor else ""
            style = base + self._style(f"rows--{tone}") if tone else base
            segments.append(Segment(fit(text, cells, right=column.right), style))
            segments.append(Segment(" " * GAP, base))
        return Strip(segments).adjust_cell_length(width, base)

    def _style(self, name: str) -> Style:
        style = self._styles.get(name)
        if style is None:
            style = self._styles[name] = self.get_component_rich_style(name, partial=name != "rows--row")
        return style

    def notify_style_update(self) -> None:
        """Drop cached styles: the theme changed."""
        super().notify_style_update()
        self._styles = {}

    # the user

    def on_resize(self) -> None:
        """Draw all anew."""
        width = self.size.width  # the event's size includes the scroll bar's column
        self.virtual_size = Size(width, self.count())
        self._drawn = []
        self._show_from(self.scroll_offset.y)
        self.refresh()
        self.call_after_refresh(self.redraw)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Follow a scroll: other rows are visible."""
        super().watch_scroll_y(old_value, new_value)
        self._drawn = []
        self.redraw()

    def watch_has_focus(self, has_focus: bool) -> None:
        """Show whether the cursor is active."""
        super().watch_has_focus(has_focus)
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        """Move the cursor to the row; a double click opens it."""
        row = self.scroll_offset.y + event.y
        if 0 <= row < self.count():
            self.move_to(row)
            if event.chain == 2:
                self.action_open()

    def action_move(self, by: int) -> None:
        """Move the cursor by rows."""
        self.move_to(self._cursor + by)

    def action_page(self, by: int) -> None:
        """Move the cursor by pages."""
        self.move_to(self._cursor + by * max(1, self.size.height - 1))

    def action_go(self, row: int) -> None:
        """Move the cursor to a row; -1 is the last."""
        self.move_to(row if row >= 0 else self.count() - 1)

    def move_to(self, row: int) -> None:
        """Move the cursor to the row nearest to this one."""
        if not self.count():
            return
        self._cursor = min(max(0, row), self.count() - 1)
        self._set_key(self.key_at(self._cursor))
        top, height = self.scroll_offset.y, self.size.height
        self._show_from(min(max(top, self._cursor - height + 1), self._cursor))
        self.redraw()

    def _set_key(self, key: Hashable) -> None:
        if key != self._cursor_key:
            self._cursor_key = key
            self.cursor_moved()

    def _show_from(self, top: int) -> None:
        top = min(max(0, top), max(0, self.count() - self.size.height))
        if top != self.scroll_offset.y:
            self.scroll_to(y=top, animate=False, force=True, immediate=True)


class TableHead(Widget):
    """A table's head."""

    def __init__(self, table: RowTable, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._table = table

    def render_line(self, y: int) -> Strip:
        """Draw it with the table's columns."""
        cells = [fit(column.title, cells, right=column.right) + " " * GAP for column, cells in self._table.columns]
        return Strip([Segment(" " + "".join(cells), self.rich_style)]).adjust_cell_length(
            self.size.width, self.rich_style
        )
