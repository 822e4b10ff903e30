"""What the driver tells the application besides Textual's own events."""

from textual.message import Message


class PasteNotTaken(Message):
    """A paste is too large.

    Attributes:
        text: says so, for the user.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text
