"""The application: connects the model to the screens, and handles the console's prefix key."""

import traceback
from collections.abc import Awaitable, Callable, Iterable
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.app import App, SystemCommand
from textual.binding import BindingType
from textual.command import Provider
from textual.screen import Screen
from textual.theme import Theme

from natpass_tui.driver import PasteNotTaken, console_driver, prepare_keyboard, release_app_keys
from natpass_tui.links import kinds
from natpass_tui.links.tab import TabOutcome
from natpass_tui.model.console import Console
from natpass_tui.model.prefix import Choice, PrefixKeys
from natpass_tui.screens.commands import commands
from natpass_tui.screens.key_gate import KeyGate
from natpass_tui.screens.main import MainScreen
from natpass_tui.screens.palette import ConsoleCommands
from natpass_tui.settings import Settings
from natpass_tui.terminal.keys import canonical, control_character

THEME = Theme(
    name="natpass",
    dark=True,
    primary="#5f87af",
    secondary="#5f8787",
    accent="#87afd7",
    foreground="#d0d0d0",
    background="#101010",
    surface="#1a1c1e",
    panel="#26292c",
    success="#87af5f",
    warning="#d7af5f",
    error="#d75f5f",
)
#: Rich's names of colour systems that show all our greys and blues as white.
FEW_COLOURS = frozenset({None, "standard", "windows"})


class ConsoleApp(App[TabOutcome], inherit_bindings=False):
    """The console. Run it beside `console.run()`.

    Args:
        console: the model.
        settings: the console's settings.
    """

    CSS_PATH = "console.tcss"
    TITLE = "natpass"
    BINDINGS: ClassVar[list[BindingType]] = []
    ALLOW_SELECT = False  # the terminal has its own selection
    ENABLE_COMMAND_PALETTE = True
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {ConsoleCommands}

    def __init__(self, console: Console, settings: Settings) -> None:
        prepare_keyboard()
        super().__init__(driver_class=console_driver(control_character(settings.prefix)))
        release_app_keys(self, "ctrl+q", "ctrl+c", "ctrl+p")
        self.console_model = console
        self.settings = settings
        self._prefix = PrefixKeys(canonical(settings.prefix), kinds())
        self._main = MainScreen(console, settings)
        self.keys = KeyGate(self, self._deliver, self._is_ready)
        self.register_theme(THEME)
        self.theme = THEME.name

    def get_default_screen(self) -> Screen[None]:
        """Return the main screen."""
        return self._main

    def on_mount(self) -> None:
        """Follow the model."""
        self.console_model.listener = self
        self.set_class(self.console.color_system in FEW_COLOURS, "few-colours")
        self.keys.hold()  # the first tab may not be open yet
        self.call_after_refresh(self.console_model.measure)
        if (notice := self.settings.notice) is not None:
            self.run_worker(self._tell(notice), "notice")

    async def _tell(self, notice: Callable[[], Awaitable[str]]) -> None:
        if text := await notice():
            self._main.show_notice(text)

    def _fatal_error(self) -> None:
        """End with the traceback of what was not expected.

        Textual's own shows the values of all variables. Among them are secrets, and it takes minutes to print them.
        """
        self.bell()
        self.panic(Text(traceback.format_exc()))

    # Listener: calls from the model

    def relay_changed(self) -> None:
        """Update for the relay's status."""
        if self._main.is_mounted:
            self._main.redraw()
            self._main.fleet.fleet_changed()

    def fleet_changed(self) -> None:
        """Update for the fleet."""
        if self._main.is_mounted:
            self._main.fleet.fleet_changed()

    def latencies_changed(self) -> None:
        """Update for the round-trip times."""
        if self._main.is_mounted:
            self._main.fleet.redraw()

    def on_paste_not_taken(self, message: PasteNotTaken) -> None:
        """Say that a paste is too large."""
        self.notify(message.text, severity="warning", markup=False)

    # the prefix key

    async def on_event(self, event: events.Event) -> None:
        """Queue keys until whatever the keys before them open has settled."""
        if isinstance(event, events.Key | events.Paste) and not event.is_forwarded:
            await self.keys.take(event)
        else:
            await super().on_event(event)

    async def _deliver(self, event: events.Event) -> bool:
        """Handle the prefix and its key before any widget; return whether the next key may have another target."""
        if self.screen is not self._main:
            await super().on_event(event)
            return True
        if isinstance(event, events.Key):
            choice = self._prefix.press(canonical(event.key))
            if choice is not False:
                self._main.status.set_prefix(self.settings.prefix if self._prefix.armed else "")
                if isinstance(choice, Choice):
                    if (focused := self._main.focused) is not None:
                        await self.keys.dealt_with(focused)
                    await self._main.run_choice(choice)
                return isinstance(choice, Choice)
        remote = self._main.remote_has_keys
        await super().on_event(event)
        return not remote

    def _is_ready(self) -> bool:
        return self.screen is not self._main or self._main.is_ready

    # the palette

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Return the palette's entries: only our own commands. They are plain text, some of it remote."""
        return commands(self.console_model, self._main)
