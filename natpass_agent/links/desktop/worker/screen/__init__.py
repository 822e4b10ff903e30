"""The screen: its changes and its pixels. `screen()` is the factory; the fake is in `fake`."""

import sys
from collections.abc import Sequence
from typing import Protocol

from natpass_agent.links.desktop.worker.tiles import Area, Picture


class Screen(Protocol):
    """A screen. One thread uses it; only `close` may come from another thread, after the first has ended."""

    @property
    def width(self) -> int:
        """Columns of pixels; `wait` may change it."""

    @property
    def height(self) -> int:
        """Rows of pixels; `wait` may change it."""

    @property
    def tells_changes(self) -> bool:
        """Whether `wait` waits for changes; if not, it returns the whole screen at once."""

    def wait(self, seconds: float, *, cursor: bool) -> Sequence[Area]:
        """Wait for up to `seconds` until the screen changes; return what may have changed since the last call.

        Args:
            seconds: how long to wait.
            cursor: whether the pointer is drawn; then its moves are changes.

        Raises:
            DesktopError: the screen is gone.
        """

    def grab(self, area: Area, *, cursor: bool) -> Picture:
        """Return the pixels of an area within the screen; the caller may change them.

        Args:
            area: which part.
            cursor: whether to draw the pointer into it.

        Raises:
            ScreenChangedError: the area is not within the screen any more.
            DesktopError: the screen is gone.
        """

    def close(self) -> None:
        """Release all resources."""


def screen() -> Screen:
    """Return this machine's screen.

    Raises:
        DesktopError: there is no screen, or it may not be read.
    """
    found: Screen
    if sys.platform == "win32" or sys.platform == "darwin":
        from natpass_agent.links.desktop.worker.screen.polled import PolledScreen  # noqa: PLC0415 - imports modules of one system only

        found = PolledScreen()
    else:
        from natpass_agent.links.desktop.worker.screen.x11 import X11Screen  # noqa: PLC0415 - imports modules of one system only

        found = X11Screen()
    return found
