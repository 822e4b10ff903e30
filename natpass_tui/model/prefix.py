"""The one key that the console keeps for itself, and what follows it.

Everything else belongs to the remote, so the console's own actions are two keys: the prefix, then a letter. Some are
the console's, the others those of the kinds of links (`natpass_tui.links.kind`).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import Enum, auto

from natpass_tui.links.kind import Kind, PrefixKey


class Action(Enum):
    """What a key after the prefix does."""

    SEND_PREFIX = auto()
    NEXT = auto()
    PREVIOUS = auto()
    TAB = auto()
    CLOSE = auto()
    FLEET = auto()
    OPEN = auto()
    """Open a tab of a kind."""
    IN_TAB = auto()
    """Do what the kind of the tab in front has for it."""
    PALETTE = auto()
    HELP = auto()
    QUIT = auto()
    UNKNOWN = auto()
    """A key that means nothing: this is said."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen.

    Attributes:
        action: what to do.
        number: the tab's, from 1, where the action is to go to one.
        name: the kind's, where the action opens a tab; the kind's name of the action, where it is one in a tab.
        key: the key that it was chosen by, if any.
    """

    action: Action
    number: int = 0
    name: str = ""
    key: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the hint line and the help: a key, and what it chooses."""

    key: PrefixKey
    choice: Choice


_MOVES = (
    Row(PrefixKey(("n", "right"), "n", "next", "next tab (also →)"), Choice(Action.NEXT)),
    Row(PrefixKey(("p", "left"), "p", "previous", "previous tab (also ←)"), Choice(Action.PREVIOUS)),
    Row(PrefixKey(("x",), "x", "close", "close the tab; ends its shell"), Choice(Action.CLOSE)),
)
_FLEET = Row(PrefixKey(("f",), "f", "fleet", "the fleet; shells run on"), Choice(Action.FLEET))
_REST = (
    Row(PrefixKey((":", "colon", "space"), ":", "palette", "palette (also space)"), Choice(Action.PALETTE)),
    Row(PrefixKey(("?", "question_mark"), "?", "help", "this help"), Choice(Action.HELP)),
    Row(PrefixKey(("q",), "q", "quit", "quit; ends all shells"), Choice(Action.QUIT)),
)
#: Kept for what is to come: forwards, files, sessions, words. Nothing else may take them.
RESERVED = frozenset("tesw")
#: Takes the prefix back; nothing is to be said of it.
CANCEL = "escape"


def rows(kinds: Iterable[Kind]) -> tuple[Row, ...]:
    """Return all keys after the prefix but the digits, in the order of the help, for these kinds."""
    kinds = tuple(kinds)
    opening = (Row(kind.tabs.key, Choice(Action.OPEN, name=kind.name)) for kind in kinds if kind.tabs is not None)
    in_tabs = {name: Row(key, Choice(Action.IN_TAB, name=name)) for kind in kinds for name, key in kind.actions.items()}
    return (*_MOVES, *opening, _FLEET, *in_tabs.values(), *_REST)


class PrefixKeys:
    """Tells which keys are the console's. Keys are named as Textual names them.

    Args:
        prefix: the prefix's canonical name.
        kinds: whose keys there are beside the console's own.
    """

    def __init__(self, prefix: str, kinds: Iterable[Kind]) -> None:
        self.prefix = prefix
        #: Whether the prefix was pressed and its action is awaited.
        self.armed = False
        self._choices = {key: row.choice for row in rows(kinds) for key in (*row.key.keys, *row.key.moved)}

    def press(self, key: str) -> Choice | bool | None:
        """Take a key: False if it is not ours, None if it is ours and does nothing (yet), or what to do."""
        if not self.armed:
            self.armed = key == self.prefix
            return None if self.armed else False
        self.armed = False
        if key == self.prefix:
            return Choice(Action.SEND_PREFIX)
        if len(key) == 1 and key in "123456789":
            return Choice(Action.TAB, int(key))
        if key == CANCEL:
            return None
        return replace(self._choices.get(key, Choice(Action.UNKNOWN)), key=key)
