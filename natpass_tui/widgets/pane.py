"""What stands between the tab bar and the status bar: the fleet, or one tab."""

from textual.containers import Container


class Pane(Container):
    """Shows one tab, or the fleet."""

    def take_focus(self) -> None:
        """Give the keyboard to what is shown."""

    def redraw(self) -> None:
        """Draw what has changed with time, or with the model."""
