"""A shell tab on the screen: the terminal, and a line over it that says what is wrong and what to do."""

from textual import events, on
from textual.app import ComposeResult
from textual.message import Message
from textual.widgets import Static

from natpass_tui.links.shell import state as states
from natpass_tui.links.shell.session import ShellSession
from natpass_tui.widgets.pane import Pane
from natpass_tui.widgets.terminal_view import TerminalView

#: Seconds that a passing remark stays in sight.
_REMARK_SECONDS = 3.0
#: What a terminal sends by itself about the focus: nobody typed it, nobody needs to hear that it was not sent.
_FOCUS_REPORTS = (b"\x1b[I", b"\x1b[O")
_SCROLL_HELP = "scroll: ↑ ↓ PgUp PgDn Home End — Esc or q: back to the shell"


class ShellPane(Pane):
    """Shows one `ShellSession`.

    Args:
        session: the model.
        prefix: the prefix key's name.
        clipboard: whether the remote may write to the user's clipboard.
    """

    class TitleChanged(Message):
        """The remote application calls itself something else."""

    class Ready(Message):
        """The terminal is there."""

        def __init__(self, pane: "ShellPane") -> None:
            super().__init__()
            self.pane = pane

    def __init__(self, session: ShellSession, prefix: str, *, clipboard: bool) -> None:
        super().__init__(classes="pane")
        self.session = session
        self._prefix = prefix
        self._clipboard = clipboard
        self._remark = ""
        self._attached = False
        #: Keys scroll the history instead of going to the remote.
        self.scrolling = False

    def compose(self) -> ComposeResult:
        """Lay it out."""
        yield TerminalView(prefix=self._prefix, intercept=self._intercept)
        yield Static(id="banner", markup=False)

    def on_mount(self) -> None:
        """Say that it can be used."""
        self.post_message(self.Ready(self))

    @property
    def terminal(self) -> TerminalView:
        """The screen."""
        return self.query_one(TerminalView)

    def take_focus(self) -> None:
        """Give the keyboard to the shell."""
        self.screen.set_focus(self.terminal)

    def redraw(self) -> None:
        """Say what there is to say."""
        if not self.is_mounted:
            return
        banner = self.query_one("#banner", Static)
        state = self.session.state
        text = self._remark or (_SCROLL_HELP if self.scrolling else "")
        text = text or states.banner(state, self.session.agent, self._prefix, self._relay_line())
        banner.set_class(isinstance(state, states.Lost | states.Refused | states.Waiting), "trouble")
        banner.display = bool(text)
        if text and str(banner.content) != text:
            banner.update(text)

    def start_scrolling(self) -> None:
        """Let keys scroll the history."""
        self.scrolling = True
        self.terminal.scroll_history_page(1)
        self.redraw()

    def send_prefix(self) -> None:
        """Send the prefix key itself to the remote."""
        self.terminal.send_key(self._prefix)

    def _relay_line(self) -> str:
        return self.session.relay_line()

    def _say(self, remark: str) -> None:
        self._remark = remark
        self.redraw()
        self.set_timer(_REMARK_SECONDS, lambda: self._unsay(remark))

    def _unsay(self, remark: str) -> None:
        if self._remark == remark:
            self._remark = ""
            self.redraw()

    def _intercept(self, event: events.Key) -> bool:
        """Take keys that are not for the remote."""
        if self.scrolling:
            self._scroll(event)
        elif self.session.is_live:
            return False
        elif event.key == "enter":
            self._remark = ""
            self.session.retry()
        else:
            self._say(states.not_sent(self.session.state))
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
            self.session.resize(event.rows, event.cols)
        else:
            self._attached = True
            self.session.attach(self.terminal, event.rows, event.cols)

    @on(TerminalView.Input)
    def _input(self, event: TerminalView.Input) -> None:
        why = self.session.send(event.data)
        if why and event.data not in _FOCUS_REPORTS:
            self._say(why)

    @on(TerminalView.TitleChanged)
    def _title_changed(self, event: TerminalView.TitleChanged) -> None:
        self.session.remote_title = event.title
        self.post_message(self.TitleChanged())

    @on(TerminalView.Activity)
    def _activity(self) -> None:
        self.session.noticed(bell=False)

    @on(TerminalView.Bell)
    def _bell(self) -> None:
        if self.display and self.screen.is_current:
            self.app.bell()
        else:
            self.session.noticed(bell=True)

    @on(TerminalView.Copied)
    def _copied(self, event: TerminalView.Copied) -> None:
        self.app.copy_to_clipboard(event.text)
        self._say(f"copied {len(event.text)} characters")

    @on(TerminalView.ClipboardSet)
    def _clipboard_set(self, event: TerminalView.ClipboardSet) -> None:
        if self._clipboard:
            self.app.copy_to_clipboard(event.text)
            self._say(f"{self.session.agent} put {len(event.text)} characters on your clipboard")
        else:
            self._say(f"{self.session.agent} wants to write to your clipboard: not done (clipboard = true allows it)")
