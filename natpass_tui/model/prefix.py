"""The prefix key, the only key that the console keeps for itself, and the keys after it.

All other keys belong to the remote, so the console's actions have two keys: the prefix, then a letter. Some actions are
the console's, the others belong to the kinds (`natpass_tui.links.kind`).
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
    #: Open a tab of a kind.
    OPEN = auto()
    #: An action of the kind of the tab in front.
    IN_TAB = auto()
    PALETTE = auto()
    HELP = auto()
    QUIT = auto()
    #: An unknown key: the user is told.
    UNKNOWN = auto()


@dataclass(frozen=True, slots=True)
class Choice:
    """The choice of a key after the prefix.

    Attributes:
        action: the action.
        number: the tab's number from 1, if the action goes to a tab.
        name: the kind's name if the action opens a tab; the name of the kind's action for `Action.IN_TAB`.
        key: the pressed key, if any.
    """

    action: Action
    number: int = 0
    name: str = ""
    key: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the hint line and the help: a key and its choice."""

    key: PrefixKey
    choice: Choice


_MOVES = (
    Row(PrefixKey(("n", "right"), "n", "next", "next tab (also →)"), Choice(Action.NEXT)),
    Row(PrefixKey(("p", "left"), "p", "previous", "previous tab (also ←)"), Choice(Action.PREVIOUS)),
    Row(PrefixKey(("x",), "x", "close", "close the tab; ends its shell or its forwards"), Choice(Action.CLOSE)),
)
_FLEET = Row(PrefixKey(("f",), "f", "fleet", "the fleet; tabs run on"), Choice(Action.FLEET))
_REST = (
    Row(PrefixKey((":", "colon", "space"), ":", "palette", "palette (also space)"), Choice(Action.PALETTE)),
    Row(PrefixKey(("?", "question_mark"), "?", "help", "this help"), Choice(Action.HELP)),
    Row(PrefixKey(("q",), "q", "quit", "quit; ends all shells"), Choice(Action.QUIT)),
)
#: Keys reserved for later: files, sessions, words.
RESERVED = frozenset("esw")
#: Cancels the prefix, without a message.
CANCEL = "escape"


def rows(kinds: Iterable[Kind]) -> tuple[Row, ...]:
    """Return all keys after the prefix except digits, in the order of the help, for these kinds."""
    kinds = tuple(kinds)
    opening = (Row(kind.tabs.key, Choice(Action.OPEN, name=kind.name)) for kind in kinds if kind.tabs is not None)
    in_tabs = {name: Row(key, Choice(Action.IN_TAB, name=name)) for kind in kinds for name, key in kind.actions.items()}
    return (*_MOVES, *opening, _FLEET, *in_tabs.values(), *_REST)


def tabs_with(action: str, kinds: Iterable[Kind]) -> str:
    """Return in which tabs an action works, such as ``shell tabs``."""
    names = [kind.name for kind in kinds if action in kind.actions]
    return f"{' and '.join(names)} tabs"


class PrefixKeys:
    """Recognizes the console's keys, by Textual's names.

    Args:
        prefix: the prefix's canonical name.
        kinds: the kinds whose keys are added to the console's own.
    """

    def __init__(self, prefix: str, kinds: Iterable[Kind]) -> None:
        self.prefix = prefix
        #: Whether the prefix was pressed and its action is awaited.
        self.armed = False
        self._choices = {key: row.choice for row in rows(kinds) for key in (*row.key.keys, *row.key.moved)}

    def press(self, key: str) -> Choice | bool | None:
        """Take a key: return False if it is not ours, None if it is ours without a choice (yet), or the choice."""
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
