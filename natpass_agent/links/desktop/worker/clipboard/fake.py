"""A fake clipboard for tests."""

from natpass_agent.links.desktop.worker.clipboard import MOST_BYTES
from natpass_agent.links.desktop.worker.errors import ClipboardError


class FakeClipboard:
    """A clipboard in memory."""

    def __init__(self, text: str = "") -> None:
        self.text = text
        self.is_closed = False

    def get(self) -> str:
        """Return the text."""
        if len(self.text.encode()) > MOST_BYTES:
            raise ClipboardError("the clipboard holds more than 60 KiB")
        return self.text

    def set(self, text: str) -> None:
        """Keep the text."""
        self.text = text

    def close(self) -> None:
        """Record the call."""
        self.is_closed = True
