"""The main screen: tab bar, the active pane, status bar; and what a command does to them."""

from collections.abc import Iterable
from dataclasses import replace
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.screen import Screen

from natpass_tui.links import kind_named, kinds, kinds_with_tabs
from natpass_tui.links.kind import Kind
from natpass_tui.links.pane import LinkPane, PaletteEntry
from natpass_tui.links.tab import LinkTab, TabOutcome
from natpass_tui.model.console import Console, LiveTab
from natpass_tui.model.prefix import Action, Choice, rows, tabs_with
from natpass_tui.screens.dialogs import ConfirmScreen, HelpScreen
from natpass_tui.settings import Settings
from natpass_tui.widgets.fleet_pane import FleetPane
from natpass_tui.widgets.pane import Pane
from natpass_tui.widgets.status_bar import StatusBar
from natpass_tui.widgets.tab_bar import TabBar
from natpass_wire.text import printable

#: Rows of the tab bar, the status bar, and a desktop's status line.
_OUR_ROWS = 3
#: Seconds for which the status bar says that a key does nothing.
_TELL_SECONDS = 3.0
#: The most cells of a key's name.
_KEY_CELLS = 24


class MainScreen(Screen[None]):
    """The main screen: everything except the dialogs."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark", "command('help')", show=False),
        Binding("q", "command('quit')", show=False),
        Binding("colon,ctrl+p", "command('palette')", show=False),
        *(Binding(str(number), f"tab({number})", show=False) for number in range(1, 10)),
    ]

    def __init__(self, console: Console, settings: Settings) -> None:
        super().__init__()
        self.VERTICAL_BREAKPOINTS = [(0, "-tiny"), (3, "-roomy")]
        self._model = console
        self._settings = settings
        # Loaded now: otherwise the first tab would wait for it, and the keys typed after it as well.
        self._openers = {kind.name: tabs.opener() for kind, tabs in kinds_with_tabs()}
        self._panes: dict[LiveTab, LinkPane] = {}
        self._ready: set[Pane] = set()  # panes that have a view
        self._notice = ""

    def compose(self) -> ComposeResult:
        """Lay it out."""
        yield TabBar(self._model.tabs)
        with Container(id="panes"):
            yield FleetPane(self._model, self.open_tab)
        yield StatusBar(self._model)

    @property
    def fleet(self) -> FleetPane:
        """The fleet."""
        return self.query_one(FleetPane)

    @property
    def status(self) -> StatusBar:
        """The bottom line."""
        return self.query_one(StatusBar)

    def on_mount(self) -> None:
        """Show the fleet, or open the agent that the user asked for."""
        self.set_interval(1.0, self.redraw)
        self.fleet.show_notice(self._notice)  # it may have come before
        settings = self._settings
        if settings.agent:
            self.open_tab(kind_named(settings.opens) if settings.opens else kinds_with_tabs()[0][0], settings.agent)
        else:
            self._show_front()

    # changes

    def show_notice(self, text: str) -> None:
        """Show a line below the fleet, for as long as the program runs."""
        self._notice = text
        if self.is_mounted:
            self.fleet.show_notice(text)

    def redraw(self) -> None:
        """Redraw what depends on the time or on the relay."""
        if not self.is_mounted or not self.front.is_running:  # it may be ending
            return
        self.status.redraw()
        self.front.redraw()

    def tab_changed(self, tab: LinkTab) -> None:
        """Follow a tab's state."""
        self.query_one(TabBar).refresh()
        if tab in self._panes:
            self._panes[tab].redraw()
        self.app.call_later(self._end_with, tab)

    @property
    def front(self) -> Pane:
        """The active pane."""
        tab = self._model.tabs.front
        return self.fleet if tab is None else self._panes[tab]

    def open_tab(self, kind: Kind, agent: str) -> None:
        """Open a tab of a kind that has tabs, or go to the one that an agent can have."""
        if kind.tabs is not None and kind.tabs.is_single:
            for tab in self._model.tabs.all():
                if isinstance(tab, LinkTab) and (tab.words, tab.agent) == (kind.words, agent):
                    self._show(tab)
                    return
        self._add(self._openers[kind.name](agent, self._model, self._settings, self.tab_changed))

    @property
    def agent_at_cursor(self) -> str:
        """The id of the agent that the fleet's cursor is on, empty if there is none."""
        return self.fleet.table.cursor_id

    def palette(self) -> Iterable[PaletteEntry]:
        """Return what the palette offers for the active tab."""
        return self.front.palette() if isinstance(self.front, LinkPane) else ()

    def _add(self, pane: LinkPane) -> None:
        self._panes[pane.tab] = pane
        self._model.tabs.add(pane.tab)
        self.set_focus(None)  # until the view exists, nothing gets the keys
        self.query_one("#panes").mount(pane)
        self._show_front()

    def _show_front(self) -> None:
        """Show only the active pane, and focus it."""
        front = self.front
        for pane in (self.fleet, *self._panes.values()):
            pane.display = pane is front
        tab = self._model.tabs.front
        if isinstance(tab, LinkTab):
            tab.seen()
        prefix = self._settings.prefix
        if isinstance(front, LinkPane):
            helps = f"{prefix} ?" if front.keys_are_remote else "?"
            self.status.set_keys((prefix, "commands"), *front.keys, (helps, "help"))
        else:
            self.status.set_keys(*self.fleet.keys)
        self.query_one(TabBar).refresh()
        if front.is_mounted:
            front.take_focus()
            front.redraw()

    @property
    def is_ready(self) -> bool:
        """Whether the active pane is laid out and has the focus: before that, nothing gets the keys."""
        tab = self._model.tabs.front
        if not isinstance(tab, LinkTab):
            return tab is None
        laid_out = tab.has_begun or self.size.height <= _OUR_ROWS  # a screen without room for it never lays it out
        return laid_out and tab in self._panes and self._panes[tab] in self._ready

    @property
    def remote_has_keys(self) -> bool:
        """Whether keys go to a remote, so that they open nothing here."""
        front = self.front
        return (
            isinstance(front, LinkPane)
            and front.keys_are_remote
            and front in self._ready
            and self.focused is front.view
        )

    @on(LinkPane.Ready)
    def _pane_ready(self, event: LinkPane.Ready) -> None:
        self._ready.add(event.pane)
        if event.pane is self.front:
            self._show_front()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Allow letters as commands where keys are the console's, never in a shell; quitting in the fleet only."""
        if not super().check_action(action, parameters):
            return False
        if action not in {"command", "tab"} or self._model.tabs.front is None:
            return True
        return isinstance(self.front, LinkPane) and not self.front.keys_are_remote and parameters != ("quit",)

    # commands

    async def run_choice(self, choice: Choice) -> None:
        """Do what the user chose."""
        tabs, front = self._model.tabs, self._model.tabs.front
        pane = self._panes.get(front) if front is not None else None
        match choice.action:
            case Action.NEXT | Action.PREVIOUS:
                self._show(tabs.step(1 if choice.action is Action.NEXT else -1))
            case Action.TAB:
                self.action_tab(choice.number)
            case Action.FLEET:
                self._show(None)
            case Action.OPEN:
                self._open_chosen(choice)
            case Action.CLOSE if front is not None:
                self._close(front)
            case Action.SEND_PREFIX if pane is not None:
                pane.send_prefix()
            case Action.PALETTE:
                self.app.action_command_palette()
            case Action.HELP:
                self.app.push_screen(HelpScreen(self._settings.prefix, in_fleet=front is None))
            case Action.QUIT:
                self._quit()
            case Action.IN_TAB if pane is not None and pane.act(choice.name):
                pass
            case _:
                self._does_nothing(choice)

    def _open_chosen(self, choice: Choice) -> None:
        """Open a tab of a kind on the agent of the active tab, or of the fleet's row."""
        kind, front = kind_named(choice.name), self._model.tabs.front
        if kind.tabs is None:
            return
        if choice.key in kind.tabs.key.moved:
            self.notify(kind.tabs.key.moved_text.format(prefix=self._settings.prefix), markup=False)
        if front is not None:
            self.open_tab(kind, front.agent)
        elif kind.tabs.key_in_fleet:
            self.fleet.open_at_cursor(kind)
        else:
            self._does_nothing(choice)

    async def action_command(self, name: str) -> None:
        """Do a command by name."""
        await self.run_choice(Choice(Action[name.upper()]))

    def action_tab(self, number: int) -> None:
        """Go to a tab by its number."""
        tab = self._model.tabs.number(number)
        if tab is not None:
            self._show(tab)
        else:
            self._tell(f"there is no tab {number}")

    def _does_nothing(self, choice: Choice) -> None:
        """Say that a key does nothing, or nothing here."""
        self.app.bell()
        prefix = self._settings.prefix
        if choice.action is Action.UNKNOWN:
            self._tell(f"{prefix} {printable(choice.key, _KEY_CELLS)}: no such key; ? lists them")
        else:
            keys = (row.key for row in rows(kinds()) if row.choice == choice)
            what = next((f"{key.shown} ({key.words})" for key in keys), prefix)
            where = tabs_with(choice.name, kinds()) if choice.action is Action.IN_TAB else "tabs"
            self._tell(f"{prefix} {what} works only in {where}")

    def _tell(self, text: str) -> None:
        """Show the outcome of a key for a moment."""
        self.notify(text, timeout=_TELL_SECONDS, markup=False)

    def _show(self, tab: LiveTab | None) -> None:
        self._model.tabs.show(tab)
        self._show_front()

    @on(TabBar.Chosen)
    def _tab_chosen(self, event: TabBar.Chosen) -> None:
        self._show(event.tab)

    @on(LinkPane.TabTitleChanged)
    def _title_changed(self) -> None:
        self.query_one(TabBar).refresh()

    def _close(self, tab: LiveTab) -> None:
        """Close a tab; ask first if something runs in it."""

        def close(sure: bool | None) -> None:
            if sure:
                self._close_now(tab)

        if isinstance(tab, LinkTab) and tab.has_work:
            self.app.push_screen(ConfirmScreen(tab.closing, "close it"), close)
        else:
            close(True)

    @work
    async def _close_now(self, tab: LiveTab) -> None:
        await self._model.close_tab(tab)
        pane = self._panes.pop(tab, None)
        self._show_front()
        if pane is not None:
            self._ready.discard(pane)
            await pane.remove()

    def _quit(self) -> None:
        """Leave; ask first if shells run."""

        def leave(sure: bool | None) -> None:
            if sure:
                self.app.exit(TabOutcome(0))

        live = [tab.noun for tab in self._model.tabs.all() if _has_more(tab)]
        noun = live[0] if len(set(live)) == 1 else "tab"
        what = f"A {noun} runs" if len(live) == 1 else f"{len(live)} {noun}s run"
        if live:
            question = f"{what}. Quitting ends {'it' if len(live) == 1 else 'them'}."
            self.app.push_screen(ConfirmScreen(question, "quit"), leave)
        else:
            leave(True)

    async def _end_with(self, tab: LinkTab) -> None:
        """End a console that was started for one shell when that ends, with its status and last screen, as ssh does."""
        if self._settings.agent and self._model.tabs.all() == (tab,) and tab.outcome is not None:
            pane = self._panes.get(tab)
            last_screen = await pane.last_screen() if pane in self._ready else ""
            if tab.outcome is not None:
                self.app.exit(replace(tab.outcome, last_screen=last_screen))


def _has_more(tab: LiveTab) -> bool:
    """Tell whether something runs in a tab that ends with it."""
    return isinstance(tab, LinkTab) and tab.has_work
