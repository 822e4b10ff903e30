"""The clipboard's text. `clipboard()` is the factory; the fake is in `fake`."""

import sys
from typing import Protocol

from natpass_wire.frame import MAX_DATA_BYTES

#: The longest text in bytes of UTF-8: one frame's data.
MOST_BYTES = MAX_DATA_BYTES
#: Seconds that a program has to give us its text.
GET_SECONDS = 3.0


class Clipboard(Protocol):
    """The clipboard. The calls may block; only one thread at a time may call."""

    def get(self) -> str:
        """Return the text in it, "" if there is none.

        Raises:
            ClipboardError: it can't be read, or the text has more than 60 KiB.
        """

    def set(self, text: str) -> None:
        """Put a text in; it stays there while this object is open, unless another program replaces it.

        Raises:
            ClipboardError: it can't be set.
        """

    def close(self) -> None:
        """Release all resources."""


def clipboard() -> Clipboard:
    """Return this machine's clipboard.

    Raises:
        DesktopError: there is no clipboard.
    """
    found: Clipboard
    if sys.platform == "win32":
        from natpass_agent.links.desktop.worker.clipboard.windows import WindowsClipboard  # noqa: PLC0415 - imports modules of one system only

        found = WindowsClipboard()
    elif sys.platform == "darwin":
        from natpass_agent.links.desktop.worker.clipboard.macos import MacClipboard  # noqa: PLC0415 - imports modules of one system only

        found = MacClipboard()
    else:
        from natpass_agent.links.desktop.worker.clipboard.x11 import X11Clipboard  # noqa: PLC0415 - imports modules of one system only

        found = X11Clipboard()
    return found
