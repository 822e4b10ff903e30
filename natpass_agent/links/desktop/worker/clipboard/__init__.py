"""The clipboard's text. `clipboard()` is the factory; the fake is in `fake`."""

import sys
from typing import Protocol

from natpass_wire.frame import MAX_DATA_BYTES

#: Bytes of UTF-8 that travel at most: one frame's data.
MOST_BYTES = MAX_DATA_BYTES
#: Seconds that a program has to give its text to us.
GET_SECONDS = 3.0


class Clipboard(Protocol):
    """The clipboard. The calls may wait; one thread at a time makes them."""

    def get(self) -> str:
        """Return the text in it, "" if there is none.

        Raises:
            ClipboardError: it can't be read, or the text has more than 60 KiB.
        """

    def set(self, text: str) -> None:
        """Put a text in; it stays there for as long as the clipboard is open, unless somebody puts in another.

        Raises:
            ClipboardError: it can't be set.
        """

    def close(self) -> None:
        """Give everything back."""


def clipboard() -> Clipboard:
    """Return this machine's clipboard.

    Raises:
        DesktopError: there is none.
    """
    found: Clipboard
    if sys.platform == "win32":
        from natpass_agent.links.desktop.worker.clipboard.windows import WindowsClipboard  # noqa: PLC0415 - another system's need what is not there

        found = WindowsClipboard()
    elif sys.platform == "darwin":
        from natpass_agent.links.desktop.worker.clipboard.macos import MacClipboard  # noqa: PLC0415 - another system's need what is not there

        found = MacClipboard()
    else:
        from natpass_agent.links.desktop.worker.clipboard.x11 import X11Clipboard  # noqa: PLC0415 - another system's need what is not there

        found = X11Clipboard()
    return found
