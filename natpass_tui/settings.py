"""What the console's screens are told."""

from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

#: The prefix key, by its name as Textual has it.
DEFAULT_PREFIX = "ctrl+]"


@dataclass(frozen=True, slots=True)
class Settings:
    """How the console behaves.

    Attributes:
        prefix: the prefix key's name.
        clipboard: whether a remote may write to the user's clipboard (OSC 52). Off: a program on a remote machine (or
            a file shown by `cat` there) could put a command there that the user pastes into another shell.
        agent: open a tab here at once, and end with it.
        opens: the name of that tab's kind; empty: the first with tabs.
        kinds: how kinds behave, one object for each that has something to say.
    """

    prefix: str = DEFAULT_PREFIX
    clipboard: bool = False
    agent: str = ""
    opens: str = ""
    kinds: tuple[object, ...] = ()

    def of(self, settings: type[T]) -> T:
        """Return a kind's settings by their class, as they are without arguments if nothing was said."""
        return next((own for own in self.kinds if isinstance(own, settings)), None) or settings()
