"""The area between the tab bar and the status bar: the fleet, or one tab."""

from textual.containers import Container


class Pane(Container):
    """Shows one tab, or the fleet."""

    def take_focus(self) -> None:
        """Focus what is shown."""

    def redraw(self) -> None:
        """Redraw what depends on the time or the model."""
