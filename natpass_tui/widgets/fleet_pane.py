"""The fleet: the count, a line for a filter or an id, the table, and what to do if it is empty."""

from collections.abc import Callable
from typing import ClassVar

from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Input, Static

from natpass_tui.links import kinds_with_tabs
from natpass_tui.links.kind import Kind
from natpass_tui.model.agents import Order
from natpass_tui.model.console import Console
from natpass_tui.widgets.fleet_table import FleetTable
from natpass_tui.widgets.pane import Pane
from natpass_tui.widgets.prompt_line import PromptLine
from natpass_tui.widgets.row_table import TableHead
from natpass_wire.ids import client_id_fault
from natpass_wire.text import printable

_NOBODY_YET = """No agents yet.

On each machine that you want to reach, run

    natpass-agent --relay {relay} --secret-file FILE

with this relay's secret. It appears here by itself."""
_NO_ROSTER = """This relay has no list of agents.

Press n and type an agent's id, or list ids in the config file:

    agents = ["web-1", "db-1"]"""
_NO_MATCH = "No agent matches “{filter}”. Esc shows all of them again."


class FleetPane(Pane):
    """All agents, and the keys that act on them."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", show=False),
        Binding("escape", "clear_filter", show=False),
        Binding("n", "type_id", show=False),
        Binding("s", "sort", show=False),
        Binding("r", "reconnect", show=False),
    ]

    def __init__(self, console: Console, open_tab: Callable[[Kind, str], None]) -> None:
        super().__init__()
        self._model = console
        self._open_tab = open_tab
        self._kinds = kinds_with_tabs()
        opening = [(tabs.fleet.shown, tabs.fleet.words) for _, tabs in self._kinds]
        general = ("?", "help"), ("q", "quit")
        self.keys = (*opening[:1], *general, *opening[1:], ("/", "filter"), ("n", "by id"), ("s", "sort"))

    def compose(self) -> ComposeResult:
        """Lay it out."""
        with Horizontal(id="fleet-top"):
            yield Static(id="fleet-count", markup=False)
            yield PromptLine(placeholder="filter: id, host, system, user …", id="fleet-filter", compact=True)
            yield PromptLine(
                placeholder=f"agent id — Enter opens a {self._kinds[0][0].words.noun}", id="fleet-id", compact=True
            )
        table = FleetTable(self._model)
        yield TableHead(table, id="fleet-head")
        yield table
        yield Static(id="fleet-empty", markup=False)
        yield Static(id="fleet-notice", markup=False)

    @property
    def table(self) -> FleetTable:
        """The rows."""
        return self.query_one(FleetTable)

    def on_mount(self) -> None:
        """Show the current fleet."""
        self.fleet_changed()

    def take_focus(self) -> None:
        """Focus the rows."""
        self.screen.set_focus(self.table)

    def fleet_changed(self) -> None:
        """Follow the fleet."""
        self.table.rows_changed()
        self._show_count()
        fleet, empty = self._model.fleet, self.query_one("#fleet-empty", Static)
        self.table.display = self.query_one("#fleet-head").display = bool(fleet.shown)
        empty.display = not fleet.shown
        if fleet.shown and self.display and self.is_mounted and self.screen.focused is None:
            self.take_focus()  # the table lost the focus while it was hidden
        if not fleet.shown:
            if len(fleet):
                empty.update(_NO_MATCH.format(filter=fleet.filter))
            elif self._model.has_roster is False:
                empty.update(_NO_ROSTER)
            elif self._model.has_fleet.is_set():
                empty.update(_NOBODY_YET.format(relay=self._model.relay))
            else:
                empty.update("Waiting for the relay …")

    def show_notice(self, text: str) -> None:
        """Show a line at the bottom, for as long as the program runs: it covers nothing."""
        notice = self.query_one("#fleet-notice", Static)
        notice.update(text)
        notice.display = bool(text)

    def redraw(self) -> None:
        """Redraw what depends on the time."""
        self.table.redraw()

    def _show_count(self) -> None:
        fleet = self._model.fleet
        text = Text(f" {fleet.online:,} online".replace(",", " "))
        if len(fleet) != fleet.online:
            text.append(f" of {len(fleet):,}".replace(",", " "))
        if fleet.filter:
            text.append(f" · {fleet.shown:,} match".replace(",", " "))
        if fleet.order is not Order.ID:
            text.append(f" · by {fleet.order.value}")
        count = self.query_one("#fleet-count", Static)
        if str(count.content) != str(text):
            count.update(text)

    # the filter

    def action_filter(self) -> None:
        """Show the input for a filter."""
        prompt = self.query_one("#fleet-filter", PromptLine)
        prompt.add_class("shown")
        self.screen.set_focus(prompt)

    def action_clear_filter(self) -> None:
        """Show all agents."""
        prompt = self.query_one("#fleet-filter", PromptLine)
        prompt.value = ""
        prompt.remove_class("shown")

    @on(Input.Changed, "#fleet-filter")
    def _filter_changed(self, event: Input.Changed) -> None:
        if event.value != self._model.fleet.filter:
            self._model.fleet.set_filter(event.value)
            self.fleet_changed()

    @on(Input.Submitted, "#fleet-filter")
    def _filter_done(self) -> None:
        self._leave(self.query_one("#fleet-filter", PromptLine), cleared=False)

    # tabs

    def on_key(self, event: events.Key) -> None:
        """Open a tab of the kind that the key stands for."""
        for kind, tabs in self._kinds:
            if event.key in tabs.fleet.keys:
                event.stop()
                self.open_at_cursor(kind)

    def open_at_cursor(self, kind: Kind) -> None:
        """Open a tab on the agent under the cursor."""
        if self.table.cursor_id:
            self._open_tab(kind, self.table.cursor_id)

    def _open_first(self, agent: str) -> None:
        self._open_tab(self._kinds[0][0], agent)

    # typing an id

    def action_type_id(self) -> None:
        """Show the input for an agent's id."""
        prompt = self.query_one("#fleet-id", PromptLine)
        prompt.add_class("shown")
        self.screen.set_focus(prompt)

    @on(Input.Submitted, "#fleet-id")
    def _id_typed(self, event: Input.Submitted) -> None:
        typed = event.value.strip()
        if not typed:
            return
        if fault := client_id_fault(typed):
            self.notify(f"{printable(typed)}: {fault}", severity="warning", markup=False)
            return
        self._leave(self.query_one("#fleet-id", PromptLine), cleared=True)
        if typed not in self._model.fleet:
            self._model.list_ids([typed])
        self._open_first(typed)

    @on(PromptLine.PromptLeft)
    def _prompt_left(self, event: PromptLine.PromptLeft) -> None:
        self._leave(event.prompt, cleared=event.cleared)

    def _leave(self, prompt: PromptLine, *, cleared: bool) -> None:
        if cleared:
            prompt.value = ""
        if not prompt.value:
            prompt.remove_class("shown")
        self.take_focus()

    def action_sort(self) -> None:
        """Sort by the next criterion."""
        orders = list(Order)
        fleet = self._model.fleet
        fleet.set_order(orders[(orders.index(fleet.order) + 1) % len(orders)])
        self.fleet_changed()

    def action_reconnect(self) -> None:
        """Dial the relay now."""
        self._model.retry_now()

    @on(FleetTable.Opened)
    def _opened(self, event: FleetTable.Opened) -> None:
        event.stop()
        self._open_first(event.agent_id)

    def on_click(self, event: events.Click) -> None:
        """Focus the rows again."""
        if isinstance(event.widget, FleetTable | TableHead):
            self.take_focus()
