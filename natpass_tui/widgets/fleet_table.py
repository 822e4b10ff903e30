"""The fleet as a table."""

from collections.abc import Hashable
from typing import Any

from textual.message import Message

from natpass_tui.model.agents import FleetAgent, Presence
from natpass_tui.model.console import Console
from natpass_tui.widgets.columns import Column
from natpass_tui.widgets.fleet_columns import Context, layout
from natpass_tui.widgets.row_table import RowLine, RowTable

#: The most rows whose round-trip times are asked for: no screen that people read shows more.
_MOST_ROWS = 200
#: The tones of the first columns of an agent that is online.
_ONLINE = ("good", "good")


class FleetTable(RowTable):
    """The agents."""

    class Opened(Message):
        """The user wants a tab on this agent."""

        def __init__(self, agent_id: str) -> None:
            super().__init__()
            self.agent_id = agent_id

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._model = console
        self._fleet = console.fleet

    @property
    def cursor_id(self) -> str:
        """The id of the agent under the cursor, empty if there is none."""
        return self.cursor_key if isinstance(self.cursor_key, str) else ""

    @property
    def columns(self) -> list[tuple[Column[Any, Any], int]]:
        """The columns shown, and their widths in cells."""
        return layout(self.size.width)

    def count(self) -> int:
        """Return how many agents are shown."""
        return self._fleet.shown

    def key_at(self, row: int) -> Hashable:
        """Return an agent's id."""
        return self._fleet.at(row).id

    def row_of(self, key: Hashable) -> int | None:
        """Return an agent's row."""
        return self._fleet.index(key) if isinstance(key, str) else None

    def rows(self, top: int, bottom: int) -> list[RowLine]:
        """Return what these rows show."""
        now = self._model.clock()
        return [self._line(agent, now) for agent in self._fleet.window(top, bottom)]

    def _line(self, agent: FleetAgent, now: float) -> RowLine:
        context = Context(now, self._model.latencies.get(agent.id))
        fresh = agent.presence is Presence.ONLINE and self._model.is_online
        texts = tuple(column.text(agent, context) for column, _ in self._columns)
        return RowLine(agent.id, texts, _ONLINE if fresh else (), is_dim=not fresh)

    def redraw(self) -> None:
        """Draw the lines that changed, and say which agents are visible."""
        super().redraw()
        top = self.scroll_offset.y
        in_sight = self._fleet.window(top, top + self.size.height)
        self._model.show_rows([agent.id for agent in in_sight[:_MOST_ROWS]])

    def action_open(self) -> None:
        """Open a shell on the agent under the cursor."""
        if self.cursor_id:
            self.post_message(self.Opened(self.cursor_id))
