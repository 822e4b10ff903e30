"""Messages of a `natpass_tui.widgets.terminal_view.TerminalView` to the widgets above it, besides `view_messages`."""

from textual.widget import Widget

from natpass_tui.terminal.clipboard import Clip
from natpass_tui.terminal.source import InputSource
from natpass_tui.widgets.view_messages import ViewMessage


class Input(ViewMessage, namespace="terminal_view"):
    """Bytes for the remote: keys and pastes, or an automatic reaction to the bytes before position `seen`.

    A press and a release name their `button`.
    """

    def __init__(self, view: Widget, data: bytes, source: InputSource, seen: int, button: int = 0) -> None:
        super().__init__(view)
        self.data = data
        self.source = source
        self.seen = seen
        self.button = button

    @property
    def typed(self) -> bool:
        """Whether a person typed it."""
        return self.source is InputSource.TYPED


class TitleChanged(ViewMessage, namespace="terminal_view"):
    """The application set the window title: printable and short, but remote text, so never markup."""

    def __init__(self, view: Widget, title: str) -> None:
        super().__init__(view)
        self.title = title


class Activity(ViewMessage, namespace="terminal_view"):
    """The remote wrote something while the view was hidden; sent a few times a second at most."""


class Bell(ViewMessage, namespace="terminal_view"):
    """The bell rang, once or more."""


class ClipboardSet(ViewMessage, namespace="terminal_view"):
    """The remote asks to put a text on the user's clipboard (OSC 52). Nothing was done: the parent decides."""

    def __init__(self, view: Widget, clip: Clip) -> None:
        super().__init__(view)
        self.clip = clip


class Copied(ViewMessage, namespace="terminal_view"):
    """The user selected ``text`` with the mouse."""

    def __init__(self, view: Widget, text: str) -> None:
        super().__init__(view)
        self.text = text
