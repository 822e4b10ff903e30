"""The screen of Windows or macOS, through mss.

It does not report changes: we compare it for each frame. Not tested on these systems.
"""

from collections.abc import Sequence

import mss
import numpy as np
from mss.exception import ScreenShotError

from natpass_agent.links.desktop.worker.errors import DesktopError, ScreenChangedError
from natpass_agent.links.desktop.worker.tiles import Area, Picture
from natpass_wire.text import printable


class PolledScreen:
    """The primary monitor. The pointer is not drawn: neither system gives mss its picture."""

    tells_changes = False

    def __init__(self) -> None:
        try:
            self._capture = mss.MSS()
            self._left = self._top = self.width = self.height = 0
            self._measure()
            self._capture.grab({"left": self._left, "top": self._top, "width": 1, "height": 1})
        except ScreenShotError as error:
            raise DesktopError(
                f"the screen cannot be captured ({printable(str(error))}): on macOS allow it in System Settings, "
                "Privacy & Security, Screen Recording; on Windows run the agent in the user's session"
            ) from error

    def wait(self, seconds: float, *, cursor: bool) -> Sequence[Area]:
        """Return the whole screen at once."""
        self._measure()
        return [Area(0, 0, self.width, self.height)]

    def grab(self, area: Area, *, cursor: bool) -> Picture:
        """Return the pixels of an area."""
        region = {
            "left": self._left + area.x,
            "top": self._top + area.y,
            "width": area.width,
            "height": area.height,
        }
        try:
            shot = self._capture.grab(region)
        except ScreenShotError as error:
            raise DesktopError(f"the screen cannot be read any more: {printable(str(error))}") from error
        if (shot.width, shot.height) != (area.width, area.height):  # macOS: pixels of a scaled display
            raise ScreenChangedError
        return np.frombuffer(bytearray(shot.raw), np.uint8).reshape(area.height, area.width, 4)

    def close(self) -> None:
        """Release the capture."""
        self._capture.close()

    def _measure(self) -> None:
        monitor = self._capture.monitors[1]
        self._left, self._top = monitor["left"], monitor["top"]
        self.width, self.height = monitor["width"], monitor["height"]
