"""The pane of a shell tab: the terminal, and a banner over it that says what is wrong and what to do."""

# Why: docs/decisions/054-ended-links-are-not-replaced.md

from collections.abc import Callable, Iterable

from textual import events, on
from textual.app import ComposeResult
from textual.widgets import Static

from natpass_tui.driver import set_selection
from natpass_tui.links.pane import LinkPane, PaletteEntry
from natpass_tui.links.shell.settings import ShellSettings
from natpass_tui.links.shell.tab import ShellTab
from natpass_tui.links.tab import LinkTab
from natpass_tui.model.relay_port import LinkOpener
from natpass_tui.settings import Settings
from natpass_tui.widgets.terminal_view import TerminalView

_SCROLL_HELP = "scroll: ↑ ↓ PgUp PgDn Home End — Esc or q: back to the shell"


class ShellPane(LinkPane):
    """Shows one `ShellTab`.

    Args:
        tab: the model.
        prefix: the prefix key's name.
        clipboard: whether the remote may write to the user's clipboard.
    """

    tab: ShellTab

    def __init__(self, tab: ShellTab, prefix: str, *, clipboard: bool) -> None:
        super().__init__(tab, prefix)
        self._clipboard = clipboard
        self._attached = False
        #: Whether keys scroll the history instead of going to the remote.
        self.scrolling = False

    def compose(self) -> ComposeResult:
        """Yield the terminal and the banner."""
        yield TerminalView(prefix=self._prefix, intercept=self._intercept)
        yield Static(id="banner", markup=False)

    @property
    def view(self) -> TerminalView:
        """The widget that gets the keyboard."""
        return self.terminal

    @property
    def terminal(self) -> TerminalView:
        """The terminal widget."""
        return self.query_one(TerminalView)

    def mode(self) -> str:
        """Return the help on the keys while they scroll the history."""
        return _SCROLL_HELP if self.scrolling else ""

    def palette(self) -> Iterable[PaletteEntry]:
        """Return the palette's entries for a shell."""
        yield "Scroll back", "Look at the shell's history", self._scroll_back

    def act(self, name: str) -> bool:
        """Start to scroll the history."""
        if name == "scroll":
            self._scroll_back()
        return name == "scroll"

    def _scroll_back(self) -> None:
        self.scrolling = True
        self.terminal.scroll_history_page(1)
        self.redraw()

    async def last_screen(self) -> str:
        """Return the shell's screen without the empty rows below; empty if there was no shell."""
        if not self.tab.was_live:
            return ""
        await self.terminal.drained()
        return "\n".join(line.rstrip() for line in self.terminal.text().splitlines()).strip("\n")

    def send_prefix(self) -> None:
        """Send the prefix key itself to the remote."""
        self.terminal.send_key(self._prefix)

    def _intercept(self, event: events.Key) -> bool:
        """Handle keys that are not for the remote."""
        if not self.scrolling:
            return super()._intercept(event)
        self._scroll(event)
        event.stop()
        event.prevent_default()
        return True

    def _scroll(self, event: events.Key) -> None:
        terminal = self.terminal
        match event.key:
            case "up" | "k":
                terminal.scroll_history(1)
            case "down" | "j":
                terminal.scroll_history(-1)
            case "pageup" | "ctrl+b" | "b":
                terminal.scroll_history_page(1)
            case "pagedown" | "ctrl+f" | "space":
                terminal.scroll_history_page(-1)
            case "home" | "g":
                terminal.scroll_history_top()
            case "end" | "G" | "escape" | "q" | "enter" | "upper_g":
                terminal.scroll_history_bottom()
            case _:
                return
        if not terminal.is_scrolled:
            self.scrolling = False
            self.redraw()

    @on(TerminalView.Resized)
    def _resized(self, event: TerminalView.Resized) -> None:
        if self._attached:
            self.tab.resize(event.rows, event.cols)
        else:
            self._attached = True
            self.tab.attach(self.terminal, event.rows, event.cols)

    @on(TerminalView.Input)
    def _input(self, event: TerminalView.Input) -> None:
        why = self.tab.send(event.data, event.source, event.seen, event.button)
        if why and event.typed:  # only about typed input
            self.say(why)
        elif self.tab.is_reconnecting:
            self.redraw()  # more waits than before

    @on(TerminalView.TitleChanged)
    def _title_changed(self, event: TerminalView.TitleChanged) -> None:
        self.tab.remote_title = event.title
        self.post_message(self.TabTitleChanged())

    @on(TerminalView.Activity)
    def _activity(self) -> None:
        self.tab.noticed(bell=False)

    @on(TerminalView.Bell)
    def _bell(self) -> None:
        if self.display and self.screen.is_current:
            self.app.bell()
        else:
            self.tab.noticed(bell=True)

    @on(TerminalView.Copied)
    def _copied(self, event: TerminalView.Copied) -> None:
        self.app.copy_to_clipboard(event.text)
        self.say(f"copied {len(event.text)} characters")

    @on(TerminalView.ClipboardSet)
    def _clipboard_set(self, event: TerminalView.ClipboardSet) -> None:
        clip = event.clip
        if self._clipboard:
            set_selection(self.app, clip.selection, clip.text)
            where = "clipboard" if clip.selection in {"", "c"} else f"selection {clip.selection}"
            self.say(f"{self.tab.agent} put {len(clip.text)} characters on your {where}")
        else:
            self.say(f"{self.tab.agent} wants to write to your clipboard: not done (clipboard = true allows it)")


def open_tab(agent: str, console: LinkOpener, settings: Settings, changed: Callable[[LinkTab], None]) -> ShellPane:
    """Return a shell tab's pane, see `natpass_tui.links.kind.OpenTab`."""
    own = settings.of(ShellSettings)
    tab = ShellTab(
        console,
        agent,
        own.request,
        keeps_offline=own.keeps_offline_input,
        on_change=lambda: changed(tab),
        clock=console.clock,
    )
    return ShellPane(tab, settings.prefix, clipboard=settings.clipboard)
