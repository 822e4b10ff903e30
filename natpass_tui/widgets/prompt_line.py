"""A one-line input over a table."""

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Input


class PromptLine(Input):
    """A one-line input that Esc closes."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", show=False),
        Binding("down,up", "to_table", show=False),
    ]

    class PromptLeft(Message):
        """The user left the input; `cleared`: and emptied it."""

        def __init__(self, prompt: "PromptLine", *, cleared: bool) -> None:
            super().__init__()
            self.prompt = prompt
            self.cleared = cleared

    def action_leave(self) -> None:
        """Clear and leave."""
        self.post_message(self.PromptLeft(self, cleared=True))

    def action_to_table(self) -> None:
        """Keep the text, and focus the rows."""
        self.post_message(self.PromptLeft(self, cleared=False))
