"""Messages of a `natpass_tui.widgets.desktop_view.DesktopView` to the widgets above it, besides `view_messages`.

Positions are cells of the view.
"""

from textual.widget import Widget

from natpass_tui.widgets.view_messages import ViewMessage


class KeyPressed(ViewMessage, namespace="desktop_view"):
    """A key for the remote, by Textual's name; `character` is what it writes, if anything."""

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
    """A pointer event at a cell; during a drag the cell may be outside of the view."""

    def __init__(self, view: Widget, row: int, col: int) -> None:
        super().__init__(view)
        self.row = row
        self.col = col


class PointerMoved(PointerMessage, namespace="desktop_view"):
    """The pointer moved to another cell."""


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
    """The wheel was turned by so many notches to the right and up."""

    def __init__(self, view: Widget, row: int, col: int, x: int, y: int) -> None:
        super().__init__(view, row, col)
        self.x = x
        self.y = y


class ViewLeft(ViewMessage, namespace="desktop_view"):
    """The view lost the focus or was hidden: it will not see the release of what is pressed."""
