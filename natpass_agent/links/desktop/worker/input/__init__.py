"""Pointer and keyboard: one service, since a click with a key held must arrive in that order.

`devices()` is the factory; the fake is in `fake`.
"""

import sys
from enum import Enum, auto
from typing import Protocol

from natpass_agent.links.desktop.worker.keys import Key


class Button(Enum):
    """A button of the pointer."""

    LEFT = auto()
    MIDDLE = auto()
    RIGHT = auto()


class Devices(Protocol):
    """The pointer and the keyboard. No call blocks for long; one thread makes them.

    All raise `DesktopError` when the desktop is gone.
    """

    def move(self, x: int, y: int) -> None:
        """Move the pointer to a pixel of the screen, at most to its edge."""

    def press_button(self, button: Button) -> None:
        """Press a button that is up."""

    def release_button(self, button: Button) -> None:
        """Release a button that is down."""

    def scroll(self, x: int, y: int) -> None:
        """Turn the wheel by so many clicks: y > 0 up, x > 0 left (as robotgo does on X11)."""

    def press_key(self, key: Key) -> None:
        """Press a key that is up.

        Raises:
            NoKeyError: this keyboard can't type that.
        """

    def release_key(self, key: Key) -> None:
        """Release a key that is down."""

    def secure_attention(self) -> None:
        """Do what Ctrl+Alt+Del does at this machine."""

    def close(self) -> None:
        """Release all resources. Pressed keys stay down: release them first."""


def devices() -> Devices:
    """Return this machine's pointer and keyboard.

    Raises:
        DesktopError: they are missing, or may not be used.
    """
    found: Devices
    if sys.platform == "win32" or sys.platform == "darwin":
        from natpass_agent.links.desktop.worker.input.native import NativeDevices  # noqa: PLC0415 - imports modules of one system only

        found = NativeDevices()
    else:
        from natpass_agent.links.desktop.worker.input.x11 import X11Devices  # noqa: PLC0415 - imports modules of one system only

        found = X11Devices()
    return found
