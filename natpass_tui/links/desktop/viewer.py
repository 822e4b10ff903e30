"""The interface of a desktop's view to its model."""

from typing import Protocol


class Viewer(Protocol):
    """The viewer of a desktop. All calls come from the event loop."""

    def picture_changed(self) -> None:
        """There is something new to draw."""

    def status_changed(self) -> None:
        """The latched keys or the desktop's parameters changed."""

    def remark(self, text: str) -> None:
        """Show the user a remark for a moment; safe to print."""

    def copy(self, text: str) -> None:
        """Put a requested text on the user's clipboard; it comes from the remote: not safe to print."""


class Nobody:
    """The null viewer, of a desktop without a view."""

    def picture_changed(self) -> None:
        """Show nothing."""

    def status_changed(self) -> None:
        """Show nothing."""

    def remark(self, text: str) -> None:
        """Say nothing."""

    def copy(self, text: str) -> None:
        """Copy nothing."""
