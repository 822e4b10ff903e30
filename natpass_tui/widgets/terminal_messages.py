"""What a `natpass_tui.widgets.terminal_view.TerminalView` tells the widgets above it."""

from typing import TYPE_CHECKING

from textual.message import Message

from natpass_tui.terminal.clipboard import Clip
from natpass_tui.terminal.source import Source

if TYPE_CHECKING:
    from natpass_tui.widgets.terminal_view import TerminalView


class TerminalMessage(Message):
    """Sent by a view; `control` makes ``@on(TerminalView.Input, "#id")`` work."""

    def __init__(self, view: "TerminalView") -> None:
        super().__init__()
        self.view = view

    @property
    def control(self) -> "TerminalView":
        """The view that sent it."""
        return self.view


class Input(TerminalMessage, namespace="terminal_view"):
    """Bytes for the remote: keys and pastes; or what nobody typed, in reaction to the bytes before position `seen`.

    A press and a release say of which `button` they are.
    """

    def __init__(self, view: "TerminalView", data: bytes, source: Source, seen: int, button: int = 0) -> None:
        super().__init__(view)
        self.data = data
        self.source = source
        self.seen = seen
        self.button = button

    @property
    def typed(self) -> bool:
        """Whether a person typed it."""
        return self.source is Source.TYPED


class Resized(TerminalMessage, namespace="terminal_view"):
    """The screen has this size now, in cells. Sent once it is known, and for each change."""

    def __init__(self, view: "TerminalView", rows: int, cols: int) -> None:
        super().__init__(view)
        self.rows = rows
        self.cols = cols


class TitleChanged(TerminalMessage, namespace="terminal_view"):
    """The application set the window title: printable and short, but the remote's words: never markup."""

    def __init__(self, view: "TerminalView", title: str) -> None:
        super().__init__(view)
        self.title = title


class Activity(TerminalMessage, namespace="terminal_view"):
    """Something was written while nobody could see it; a few times a second at most."""


class Bell(TerminalMessage, namespace="terminal_view"):
    """The bell rang, once or more."""


class ClipboardSet(TerminalMessage, namespace="terminal_view"):
    """The remote asks to put a text on the user's clipboard (OSC 52). Nothing was done: the parent decides."""

    def __init__(self, view: "TerminalView", clip: Clip) -> None:
        super().__init__(view)
        self.clip = clip


class Copied(TerminalMessage, namespace="terminal_view"):
    """The user selected ``text`` with the mouse."""

    def __init__(self, view: "TerminalView", text: str) -> None:
        super().__init__(view)
        self.text = text


class PrefixPressed(TerminalMessage, namespace="terminal_view"):
    """The prefix key was pressed; its event was left alone and goes on to the parents and the application."""
