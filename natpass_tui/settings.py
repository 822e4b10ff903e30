"""The settings of the console's screens."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

#: The prefix key, by Textual's name.
DEFAULT_PREFIX = "ctrl+]"


@dataclass(frozen=True, slots=True)
class Settings:
    """The console's settings.

    Attributes:
        prefix: the prefix key's name.
        clipboard: whether a remote may write to the user's clipboard (OSC 52). Off by default: a remote program (or a
            file shown by `cat` there) could put a command there that the user pastes into another shell.
        agent: the agent of a tab to open at once; the console ends with it.
        opens: the name of that tab's kind; empty: the first with tabs.
        kinds: the kinds' own settings.
        notice: waits for a line to show below the fleet, which may be empty; None: there is none.
    """

    prefix: str = DEFAULT_PREFIX
    clipboard: bool = False
    agent: str = ""
    opens: str = ""
    kinds: tuple[object, ...] = ()
    notice: Callable[[], Awaitable[str]] | None = None

    def of(self, settings: type[T]) -> T:
        """Return a kind's settings by their class, the defaults if there are none."""
        return next((own for own in self.kinds if isinstance(own, settings)), None) or settings()
