"""The fleet as a table that draws only the visible rows: 10 000 agents cost as much as 50.

The cursor belongs to an agent, not to a row: it stays on its agent and its line when rows above it come and go.
"""

from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from natpass_tui.model.agents import FleetAgent, Presence
from natpass_tui.model.console import Console
from natpass_tui.widgets.cells import fit
from natpass_tui.widgets.fleet_columns import GAP, Column, Context, layout

#: The most rows whose round-trip times are asked for: no screen that people read shows more.
_MOST_ROWS = 200


class FleetTable(ScrollView, can_focus=True):
    """The rows of the table; the head is `FleetHead`."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "fleet--row",
        "fleet--dim",
        "fleet--cursor",
        "fleet--cursor-blurred",
        "fleet--online",
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

    class Opened(Message):
        """The user wants a tab on this agent."""

        def __init__(self, agent_id: str) -> None:
            super().__init__()
            self.agent_id = agent_id

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._model = console
        self._fleet = console.fleet
        self._cursor = 0
        self._cursor_id = ""
        self._columns: list[tuple[Column, int]] = []
        self._drawn: list[tuple[object, ...]] = []
        self._styles: dict[str, Style] = {}

    @property
    def cursor_id(self) -> str:
        """The id of the agent under the cursor, empty if there is none."""
        return self._cursor_id

    @property
    def columns(self) -> list[tuple[Column, int]]:
        """The columns shown, and their widths in cells."""
        return layout(self.size.width)

    # changes

    def fleet_changed(self) -> None:
        """Follow the fleet: keep the cursor on its agent and line, and draw the rows that differ."""
        count = self._fleet.shown
        row = self._fleet.index(self._cursor_id)
        before = self._cursor
        self._cursor = row if row is not None else min(self._cursor, max(0, count - 1))
        self._cursor_id = self._fleet.at(self._cursor).id if count else ""
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
        lines = self._lines()
        before, self._drawn = self._drawn, lines
        if len(lines) != len(before):
            self.refresh()
        else:
            changed = [y for y, line in enumerate(lines) if line != before[y]]
            if changed:
                self.refresh(*(Region(0, y, self.size.width, 1) for y in changed))
        self._model.show_rows([agent.id for agent in self._in_sight()[:_MOST_ROWS]])

    def _in_sight(self) -> list[FleetAgent]:
        top = self.scroll_offset.y
        return self._fleet.window(top, top + self.size.height)

    def _lines(self) -> list[tuple[object, ...]]:
        """Return what decides how each visible line looks."""
        now, top, online = self._model.clock(), self.scroll_offset.y, self._model.is_online
        return [
            (agent.id, agent.presence, online, top + y == self._cursor, *self._texts(agent, now))
            for y, agent in enumerate(self._in_sight())
        ]

    def _texts(self, agent: FleetAgent, now: float) -> list[str]:
        context = Context(now, self._model.latencies.get(agent.id))
        return [column.text(agent, context) for column, _ in self._columns]

    # drawing

    def render_line(self, y: int) -> Strip:
        """Draw one line."""
        width = self.size.width
        row = self.scroll_offset.y + y
        base = self._style("fleet--row")
        if not 0 <= row < self._fleet.shown:
            return Strip.blank(width, base)
        agent = self._fleet.at(row)
        fresh = agent.presence is Presence.ONLINE and self._model.is_online
        if not fresh:
            base += self._style("fleet--dim")
        if row == self._cursor:
            base += self._style("fleet--cursor" if self.has_focus else "fleet--cursor-blurred")
        mark = base + self._style("fleet--online")
        segments = [Segment(" ", base)]
        for index, text in enumerate(self._texts(agent, self._model.clock())):
            column, cells = self._columns[index]
            segments.append(
                Segment(
                    fit(text, cells, right=column.right), mark if index < 2 and fresh and row != self._cursor else base
                )
            )
            segments.append(Segment(" " * GAP, base))
        return Strip(segments).adjust_cell_length(width, base)

    def _style(self, name: str) -> Style:
        style = self._styles.get(name)
        if style is None:
            style = self._styles[name] = self.get_component_rich_style(name, partial=name != "fleet--row")
        return style

    def notify_style_update(self) -> None:
        """Drop cached styles: the theme changed."""
        super().notify_style_update()
        self._styles = {}

    # the user

    def on_resize(self) -> None:
        """Choose the columns that fit."""
        width = self.size.width  # the event's size includes the scroll bar's column
        self._columns = self.columns
        self.virtual_size = Size(width, self._fleet.shown)
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
        if 0 <= row < self._fleet.shown:
            self._move_to(row)
            if event.chain == 2:
                self.action_open()

    def action_move(self, by: int) -> None:
        """Move the cursor by rows."""
        self._move_to(self._cursor + by)

    def action_page(self, by: int) -> None:
        """Move the cursor by pages."""
        self._move_to(self._cursor + by * max(1, self.size.height - 1))

    def action_go(self, row: int) -> None:
        """Move the cursor to a row; -1 is the last."""
        self._move_to(row if row >= 0 else self._fleet.shown - 1)

    def action_open(self) -> None:
        """Open a shell on the agent under the cursor."""
        if self._cursor_id:
            self.post_message(self.Opened(self._cursor_id))

    def _move_to(self, row: int) -> None:
        if not self._fleet.shown:
            return
        self._cursor = min(max(0, row), self._fleet.shown - 1)
        self._cursor_id = self._fleet.at(self._cursor).id
        top, height = self.scroll_offset.y, self.size.height
        self._show_from(min(max(top, self._cursor - height + 1), self._cursor))
        self.redraw()

    def _show_from(self, top: int) -> None:
        top = min(max(0, top), max(0, self._fleet.shown - self.size.height))
        if top != self.scroll_offset.y:
            self.scroll_to(y=top, animate=False, force=True, immediate=True)
