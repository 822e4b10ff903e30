"""Small applications around a terminal view."""

from typing import TypeVar

from textual import events
from textual.app import App, ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import ContentSwitcher, Static

from natpass_tui.driver import prepare_keyboard, release_app_keys
from natpass_tui.widgets.terminal_view import TerminalView

M = TypeVar("M", bound=Message)

prepare_keyboard()


class ViewApp(App[None]):
    """One view above a status line; what it sends is kept."""

    ENABLE_COMMAND_PALETTE = False
    CSS = "Static { height: 1; } #side { width: 6; height: 1fr; }"

    def __init__(self, view: TerminalView | None = None) -> None:
        super().__init__()
        release_app_keys(self, "ctrl+q", "ctrl+c")
        self.view = view or TerminalView(id="view")
        self.sent = b""
        self.inputs: list[TerminalView.Input] = []
        self.messages: list[Message] = []
        self.keys: list[str] = []

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield self.view
            yield Static("side", id="side", markup=False)
        yield Static("status", id="status", markup=False)

    def on_mount(self) -> None:
        self.view.focus()

    def on_terminal_view_input(self, message: TerminalView.Input) -> None:
        self.sent += message.data
        self.inputs.append(message)

    def on_key(self, event: events.Key) -> None:
        self.keys.append(event.key)

    def keep(self, message: Message) -> None:
        self.messages.append(message)

    on_painted_view_resized = on_terminal_view_title_changed = on_terminal_view_bell = keep
    on_terminal_view_activity = on_terminal_view_copied = on_terminal_view_clipboard_set = keep
    on_painted_view_prefix_pressed = keep

    def take(self) -> bytes:
        """What was sent since the last call."""
        sent, self.sent = self.sent, b""
        return sent

    def of_kind(self, kind: type[M]) -> list[M]:
        return [message for message in self.messages if isinstance(message, kind)]


class Dialog(ModalScreen[None]):
    """Something over part of the terminal."""

    DEFAULT_CSS = """
    Dialog { align: center middle; }
    Dialog Static { width: 12; height: 3; background: red; color: white; }
    """

    def compose(self) -> ComposeResult:
        yield Static("a dialog", markup=False)


class TabsApp(App[None]):
    """Two views, of which one is shown."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = TerminalView(id="first"), TerminalView(id="second")
        self.activity: list[str | None] = []

    def compose(self) -> ComposeResult:
        with ContentSwitcher(initial="first"):
            yield self.first
            yield self.second

    def on_terminal_view_activity(self, message: TerminalView.Activity) -> None:
        self.activity.append(message.view.id)
