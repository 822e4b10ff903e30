"""Who shows a desktop, as its model knows it."""

from typing import Protocol


class Viewer(Protocol):
    """Who shows a desktop. All calls come from the event loop."""

    def picture_changed(self) -> None:
        """There is something new to draw."""

    def status_changed(self) -> None:
        """Latched keys, or how the desktop is sent, are different."""

    def remark(self, text: str) -> None:
        """Say something to the user in passing; safe to print."""

    def copy(self, text: str) -> None:
        """Put a text that the user asked for on the user's clipboard; it is the remote's: not safe to print."""


class Nobody:
    """Shows nothing: the viewer of a desktop that has none yet."""

    def picture_changed(self) -> None:
        """Show nothing."""

    def status_changed(self) -> None:
        """Show nothing."""

    def remark(self, text: str) -> None:
        """Say nothing."""

    def copy(self, text: str) -> None:
        """Copy nothing."""
