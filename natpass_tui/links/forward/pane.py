"""The pane of a tab of forwards: a line to add one, the rules, the connections of one, and details."""

from collections.abc import Callable, Iterable
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Input, Static

from natpass_tui.links.forward.columns import RuleLine, details, totals
from natpass_tui.links.forward.rules import ForwardRule
from natpass_tui.links.forward.settings import ForwardSettings
from natpass_tui.links.forward.tab import ForwardTab
from natpass_tui.links.forward.tables import ConnectionsTable, RulesTable
from natpass_tui.links.forward.typed import PLACEHOLDER, examples, hint, parse_typed, typed_text
from natpass_tui.links.pane import LinkPane, PaletteEntry
from natpass_tui.links.tab import LinkTab
from natpass_tui.model.relay_port import LinkOpener
from natpass_tui.screens.dialogs import ConfirmScreen
from natpass_tui.settings import Settings
from natpass_tui.widgets.prompt_line import PromptLine
from natpass_tui.widgets.row_table import TableHead
from natpass_wire.errors import UserError
from natpass_wire.program.platform_files import raise_open_files
from natpass_wire.text import printable

#: Seconds between two looks at what is carried.
_LOOK_SECONDS = 0.5
#: The longest fault that is shown below the line.
_FAULT_CHARACTERS = 400


class ForwardPane(LinkPane):
    """Shows one `ForwardTab`.

    Args:
        tab: the model.
        prefix: the prefix key's name.
    """

    DEFAULT_CSS = """
    ForwardPane { layout: vertical; }
    ForwardPane > * { layer: terminal; }
    ForwardPane > #forward-line { margin: 0 1; }
    ForwardPane > #forward-hint { height: auto; max-height: 6; padding: 0 1; color: $foreground 70%; display: none; }
    ForwardPane > #forward-hint.fault { color: $error; }
    ForwardPane > #forward-totals { height: 1; padding: 0 1; color: $foreground 60%; text-wrap: nowrap; }
    ForwardPane > TableHead { height: 1; color: $foreground 60%; text-style: bold; }
    ForwardPane > #forward-empty { height: auto; padding: 1 2; color: $foreground 80%; display: none; }
    ForwardPane > #forward-details { dock: bottom; height: 3; padding: 0 1; background: $surface; }
    ForwardPane > Static { text-overflow: ellipsis; }
    ForwardPane > #forward-details { text-wrap: nowrap; }
    ForwardPane > #banner { layer: over; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "add", show=False),
        Binding("d,delete", "delete", show=False),
        Binding("s", "start", show=False),
        Binding("escape", "back", show=False),
    ]

    tab: ForwardTab
    keys_are_remote = False
    keys = (("a", "add"), ("d", "delete"), ("Enter", "show"))

    def compose(self) -> ComposeResult:
        """Yield the line to add a rule, the tables and the details."""
        yield Static(id="forward-totals", markup=False)
        yield PromptLine(placeholder=PLACEHOLDER, id="forward-line", compact=True)
        yield Static(id="forward-hint", markup=False)
        rules = RulesTable(self.tab, id="forward-rules")
        yield TableHead(rules, id="forward-head")
        yield rules
        connections = ConnectionsTable(self.tab, id="forward-connections")
        yield TableHead(connections, id="connections-head")
        yield connections
        yield Static(id="forward-empty", markup=False)
        yield Static(id="forward-details", markup=False)
        yield Static(id="banner", markup=False)

    @property
    def rules(self) -> RulesTable:
        """The rules."""
        return self.query_one(RulesTable)

    @property
    def connections(self) -> ConnectionsTable:
        """The connections of the rule that is open."""
        return self.query_one(ConnectionsTable)

    @property
    def line(self) -> PromptLine:
        """The line that adds a rule."""
        return self.query_one(PromptLine)

    @property
    def view(self) -> Widget:
        """The widget that gets the keyboard."""
        if self.line.has_class("shown"):
            return self.line
        return self.rules if self.connections.rule is None else self.connections

    def on_mount(self) -> None:
        """Begin, and follow the model."""
        self.tab.on_rows = self.rows_changed
        self.tab.remark = self._remarked
        self.set_interval(_LOOK_SECONDS, self._look)
        self.rows_changed()
        self.tab.begin()

    def send_prefix(self) -> None:
        """Ring the bell: there is no remote to send it to."""
        self.app.bell()

    def palette(self) -> Iterable[PaletteEntry]:
        """Return the palette's entries for forwards."""
        yield "Add a forward", "As in L 8080:localhost:80", self.action_add
        if (line := self.rules.line) is None:
            return
        what = typed_text(line.rule)
        if line.row is None:
            yield "Start the forward", what, self.action_start
        else:
            yield "Show connections", f"Of {what}", self._open
            yield "Delete the forward", what, self.action_delete

    # the model

    def rows_changed(self) -> None:
        """Show the rules and connections as they are now."""
        if not self.is_attached or not self.display:
            return
        self.rules.rows_changed()
        lines = self.rules.lines
        if all(line.rule != self.connections.rule for line in lines):
            self._close_connections()
        if is_open := self.connections.rule is not None:
            self.connections.rows_changed()
        self.query_one("#forward-head").display = bool(lines) and not is_open
        self.rules.display = not is_open
        self.query_one("#connections-head").display = self.connections.display = is_open
        above = totals(lines)
        if (rule := self.connections.rule) is not None:
            above = f"connections of {typed_text(rule)} · Esc goes back"
        self._show(self.query_one("#forward-totals", Static), Text(above))
        empty = self.query_one("#forward-empty", Static)
        if is_open:
            self._show(empty, Text("No connection is open."))
        else:
            what = f"No forwards to {self.tab.agent} yet. Press a to add one, for example:\n\n"
            self._show(empty, Text(what + _indented(examples(self.tab.agent))))
        shown = self.connections if is_open else self.rules
        empty.display = not shown.count() and not self.line.has_class("shown")
        shown.styles.max_height = None if shown.count() else 1  # an empty one keeps the keyboard
        self._show_details()

    @on(RulesTable.RuleChosen)
    def _show_details(self) -> None:
        line = self.rules.line
        shown = self.query_one("#forward-details", Static)
        shown.display = line is not None
        if line is not None:
            first, second, third = details(line, self.tab.agent)
            text = Text()
            text.append(first, style="bold").append(f"\n{second}\n")
            text.append(third, style=self.app.theme_variables["error"] if third else "")
            self._show(shown, text)

    def _show(self, shown: Static, text: Text) -> None:
        if shown.content != text:
            shown.update(text)

    def _look(self) -> None:
        self.tab.look(in_sight=self.display and self.screen.is_current)
        self.rows_changed()

    def redraw(self) -> None:
        """Update all."""
        super().redraw()
        self.rows_changed()

    def _remarked(self, text: str) -> None:
        if self.is_attached:
            self.say(printable(text, _FAULT_CHARACTERS))

    # adding

    def action_add(self) -> None:
        """Show the line that adds a rule."""
        self.line.add_class("shown")
        self._hint(self.line.value)
        self.take_focus()
        self.rows_changed()

    @on(Input.Changed, "#forward-line")
    def _typed(self, event: Input.Changed) -> None:
        if self.line.has_class("shown"):
            self._hint(event.value)

    def _hint(self, typed: str) -> None:
        """Say below the line what the rule means. What is wrong is said once it is entered: it is not complete yet."""
        text, is_fault = hint(typed, self.tab.agent)
        self._say_below(examples(self.tab.agent) if is_fault else text)

    def _say_below(self, text: str, *, is_fault: bool = False) -> None:
        below = self.query_one("#forward-hint", Static)
        below.display = bool(text)
        below.set_class(is_fault, "fault")
        self._show(below, Text(text))

    @on(Input.Submitted, "#forward-line")
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        if not event.value.strip():
            self._leave_line()
            return
        try:
            rule = parse_typed(event.value)
        except UserError as error:
            self._say_below(printable(str(error), _FAULT_CHARACTERS), is_fault=True)
            return
        self._say_below(f"{typed_text(rule)}: starting …")
        self.run_worker(self._add(rule, self.line), name=f"add {typed_text(rule)}", group="forwards")

    async def _add(self, rule: ForwardRule, line: PromptLine | None = None) -> None:
        """Start a rule, and say what goes wrong in the line that it was typed in, or as a remark."""
        try:
            await self.tab.add(rule)
        except UserError as error:
            fault = printable(str(error), _FAULT_CHARACTERS)
            if line is not None and line.has_class("shown"):
                self._say_below(fault, is_fault=True)
            else:
                self.say(fault)
            return
        if line is not None and line.has_class("shown"):
            self._leave_line()
        self.rows_changed()
        if (row := self.rules.row_of(rule)) is not None:
            self.rules.move_to(row)

    @on(PromptLine.PromptLeft)
    def _line_left(self, event: PromptLine.PromptLeft) -> None:
        event.stop()
        self._leave_line()

    def _leave_line(self) -> None:
        self.line.value = ""
        self.line.remove_class("shown")
        self._say_below("")
        self.take_focus()
        self.rows_changed()

    # what acts on the rule under the cursor

    def _target(self) -> RuleLine | None:
        if (line := self.rules.line) is None:
            self.say("there is no forward: a adds one")
        return line

    def action_delete(self) -> None:
        """End the rule; ask first if it has open connections."""
        if (line := self._target()) is None:
            return
        if line.row is None:
            self.say(f"{typed_text(line.rule)} does not run: it is in tui.toml")
            return

        def delete(sure: bool | None) -> None:
            if sure:
                self.tab.remove(line.rule)
                self.rows_changed()

        if count := line.row.open:
            what, ends = ("1 connection is", "it") if count == 1 else (f"{count} connections are", "them")
            question = f"{what} open through {typed_text(line.rule)}. Deleting it ends {ends}."
            self.app.push_screen(ConfirmScreen(question, "delete it"), delete)
        else:
            delete(True)

    def action_start(self) -> None:
        """Start a rule of the config file."""
        if (line := self._target()) is None:
            return
        if line.row is not None:
            self.say(f"{typed_text(line.rule)} runs already")
        else:
            self.run_worker(self._add(line.rule), name=f"start {typed_text(line.rule)}", group="forwards")

    @on(RulesTable.RuleOpened)
    def _open(self) -> None:
        """Show the rule's connections; open the link again if it has ended."""
        if not self.tab.takes_keys and not self.tab.waits:
            self.tab.retry()
            return
        if (line := self._target()) is None:
            return
        if line.row is None:
            self.say(f"{typed_text(line.rule)} does not run: s starts it")
            return
        self.connections.rule = line.rule
        self.rows_changed()
        self.take_focus()

    def action_back(self) -> None:
        """Go back from connections to the rules."""
        self._close_connections()
        self.rows_changed()

    def _close_connections(self) -> None:
        if self.connections.rule is not None:
            self.connections.rule = None
            self.rules.display = True
            self.take_focus()


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())


def open_tab(agent: str, console: LinkOpener, settings: Settings, changed: Callable[[LinkTab], None]) -> ForwardPane:
    """Return the pane of a tab of forwards, see `natpass_tui.links.kind.OpenTab`."""
    raise_open_files()  # each connection needs one
    offered = settings.of(ForwardSettings).rules.get(agent, ())
    tab = ForwardTab(console, agent, offered, on_change=lambda: changed(tab), clock=console.clock)
    return ForwardPane(tab, settings.prefix)
