"""Messages of every `natpass_tui.widgets.painted_view.PaintedView` to the widgets above it."""

from textual.message import Message
from textual.widget import Widget


class ViewMessage(Message):
    """A message of a view; `control` makes ``@on(TerminalView.Input, "#id")`` work."""

    def __init__(self, view: Widget) -> None:
        super().__init__()
        self.view = view

    @property
    def control(self) -> Widget:
        """The view that sent the message."""
        return self.view


class Resized(ViewMessage, namespace="painted_view"):
    """The view's size in cells. Sent when it is first known, and at each change."""

    def __init__(self, view: Widget, rows: int, cols: int) -> None:
        super().__init__(view)
        self.rows = rows
        self.cols = cols


class PrefixPressed(ViewMessage, namespace="painted_view"):
    """The prefix key was pressed; its event bubbles on to the parents and the application."""
