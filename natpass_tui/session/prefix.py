"""The one key that the console keeps for itself, and what follows it.

Everything else belongs to the remote, so the console's own commands are two keys: the prefix, then a letter.
"""

from dataclasses import dataclass, field
from enum import Enum, auto

DEFAULT_PREFIX = "ctrl+]"


class Command(Enum):
    """What a key after the prefix does."""

    SEND_PREFIX = auto()
    NEXT = auto()
    PREVIOUS = auto()
    TAB = auto()
    CLOSE = auto()
    FLEET = auto()
    NEW = auto()
    DESKTOP = auto()
    DESKTOP_BY_D = auto()
    SCROLL = auto()
    KEYS = auto()
    PALETTE = auto()
    HELP = auto()
    QUIT = auto()
    UNKNOWN = auto()
    """A key that means nothing: this is said."""


#: The choices in the order of the hint line: keys, what is shown for them, what they do.
CHOICES: tuple[tuple[tuple[str, ...], str, str, Command], ...] = (
    (("n", "right"), "n", "next", Command.NEXT),
    (("p", "left"), "p", "previous", Command.PREVIOUS),
    (("x",), "x", "close", Command.CLOSE),
    (("c",), "c", "new shell", Command.NEW),
    (("v",), "v", "desktop", Command.DESKTOP),
    (("f",), "f", "fleet", Command.FLEET),
    (("[", "left_square_bracket", "pageup", "up"), "[", "scroll", Command.SCROLL),
    (("k",), "k", "keys", Command.KEYS),
    ((":", "colon", "space"), ":", "palette", Command.PALETTE),
    (("?", "question_mark"), "?", "help", Command.HELP),
    (("q",), "q", "quit", Command.QUIT),
)
#: Keys whose command has moved: they still do it, and nothing offers them. `d` is kept for detaching.
MOVED = {"d": Command.DESKTOP_BY_D}
#: Kept for what is to come: forwards, files, sessions, words. Nothing else may take them.
RESERVED = frozenset("tesw")
#: Takes the prefix back; nothing is to be said of it.
CANCEL = "escape"
_COMMANDS = {key: command for keys, _, _, command in CHOICES for key in keys} | MOVED


@dataclass(frozen=True, slots=True)
class Choice:
    """A command, the tab's number where the command names one (from 1), and the key that it was chosen by, if any."""

    command: Command
    number: int = 0
    key: str = field(default="", compare=False)


class PrefixKeys:
    """Tells which keys are the console's. Keys are named as Textual names them.

    Args:
        prefix: the prefix's canonical name.
    """

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        #: Whether the prefix was pressed and its command is awaited.
        self.armed = False

    def press(self, key: str) -> Choice | bool | None:
        """Take a key: False if it is not ours, None if it is ours and does nothing (yet), or what to do."""
        if not self.armed:
            self.armed = key == self.prefix
            return None if self.armed else False
        self.armed = False
        if key == self.prefix:
            return Choice(Command.SEND_PREFIX)
        if len(key) == 1 and key in "123456789":
            return Choice(Command.TAB, int(key))
        if key == CANCEL:
            return None
        return Choice(_COMMANDS.get(key, Command.UNKNOWN), key=key)
