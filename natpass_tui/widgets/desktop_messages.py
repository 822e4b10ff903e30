"""What a `natpass_tui.widgets.desktop_view.DesktopView` tells the widgets above it, beside `view_messages`.

Positions are cells of the view.
"""

from textual.widget import Widget

from natpass_tui.widgets.view_messages import ViewMessage


class KeyPressed(ViewMessage, namespace="desktop_view"):
    """A key for the remote, named as Textual does; `character` is what it writes, if anything."""

    def __init__(self, view: Widget, key: str, character: str | None) -> None:
        super().__init__(view)
        self.key = key
        self.character = character


class Pasted(ViewMessage, namespace="desktop_view"):
    """The user pasted `text` into the terminal."""

    def __init__(self, view: Widget, text: str) -> None:
        super().__init__(view)
        self.text = text


class PointerMessage(ViewMessage):
    """Something happened at a cell; during a drag it may lie outside of the view."""

    def __init__(self, view: Widget, row: int, col: int) -> None:
        super().__init__(view)
        self.row = row
        self.col = col


class PointerMoved(PointerMessage, namespace="desktop_view"):
    """The pointer is over another cell."""


class ButtonPressed(PointerMessage, namespace="desktop_view"):
    """A button (1 left, 2 middle, 3 right) went down, with these modifiers held."""

    def __init__(self, view: Widget, row: int, col: int, button: int, modifiers: tuple[str, ...]) -> None:
        super().__init__(view, row, col)
        self.button = button
        self.modifiers = modifiers


class ButtonReleased(PointerMessage, namespace="desktop_view"):
    """A button came up."""

    def __init__(self, view: Widget, row: int, col: int, button: int) -> None:
        super().__init__(view, row, col)
        self.button = button


class WheelTurned(PointerMessage, namespace="desktop_view"):
    """The wheel was turned: notches to the right and up."""

    def __init__(self, view: Widget, row: int, col: int, x: int, y: int) -> None:
        super().__init__(view, row, col)
        self.x = x
        self.y = y


class Left(ViewMessage, namespace="desktop_view"):
    """The keyboard went elsewhere, or the view is out of sight: what is pressed will not be released here."""
