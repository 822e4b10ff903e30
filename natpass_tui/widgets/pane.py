"""What stands between the tab bar and the status bar: the fleet, or one tab."""

from typing import ClassVar

from textual.containers import Container


class Pane(Container):
    """Shows one tab, or the fleet.

    Attributes:
        KEYS: what the status bar says of the keys here.
    """

    KEYS: ClassVar[tuple[tuple[str, str], ...]] = ()

    def take_focus(self) -> None:
        """Give the keyboard to what is shown."""

    def redraw(self) -> None:
        """Draw what has changed with time, or with the model."""
