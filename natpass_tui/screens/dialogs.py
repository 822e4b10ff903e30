"""The help, and the question before the console ends something that runs."""

from typing import ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from natpass_tui.links import kinds, kinds_with_tabs
from natpass_tui.model.prefix import rows
from natpass_tui.widgets.cells import wrap
from natpass_wire.version import __version__

#: Columns for what a key does, in a terminal of 80 columns.
_CELLS = 46
_MOVES = ("↑ ↓ PgUp PgDn Home End", "move (also j k g G)")
_FLEET = (
    ("/", "filter by id, host, system, user, state; Esc clears"),
    ("n", "type an agent's id"),
    ("s", "sort by id, host, system, newest"),
    ("1 … 9, click on a tab", "go to a tab"),
    ("r", "dial the relay now"),
    (": or ctrl+p", "palette: all commands by name"),
    ("?", "this help"),
    ("q", "quit"),
)


class HelpScreen(ModalScreen[None]):
    """All keys, those of the current place first."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,enter,question_mark,space", "close", show=False)]

    def __init__(self, prefix: str, *, in_fleet: bool) -> None:
        super().__init__()
        self._prefix = prefix
        self._in_fleet = in_fleet

    def compose(self) -> ComposeResult:
        """Lay it out."""
        with VerticalScroll(id="help", classes="dialog"):
            yield Static(self._text(), markup=False)

    def on_mount(self) -> None:
        """Focus the text, so that it can be scrolled."""
        self.set_focus(self.query_one("#help"))

    def action_close(self) -> None:
        """Close the dialog."""
        self.dismiss()

    def on_click(self, event: events.Click) -> None:
        """Close the dialog if the click is beside it."""
        if event.widget is self:
            self.dismiss()

    def _text(self) -> Text:
        text = Text(f"natpass {__version__}\n")
        after = [(row.key.shown, row.key.help) for row in rows(kinds())]
        after[2:2] = [("1 … 9", "that tab")]
        after.append((self._prefix, f"send {self._prefix} itself"))
        with_tabs = kinds_with_tabs()
        opening = ((tabs.fleet.help_keys, tabs.fleet.help) for _, tabs in with_tabs)
        fleet = ("In the fleet", (_MOVES, *opening, *_FLEET))
        anywhere = (f"Anywhere, after the prefix {self._prefix}", tuple(after))
        remote = [(kind, tabs) for kind, tabs in with_tabs if not tabs.own_keys]
        nouns = " or ".join(kind.words.noun for kind, _ in remote)
        in_tabs = [
            (
                f"In a {nouns} every other key goes to the remote machine",
                tuple(row for _, tabs in remote for row in tabs.help),
            ),
            *((tabs.own_keys, tabs.help) for _, tabs in with_tabs if tabs.own_keys),
        ]
        for title, keys in (fleet, anywhere, *in_tabs) if self._in_fleet else (anywhere, *in_tabs, fleet):
            text.append(f"\n{title}\n", style="bold")
            for key, what in keys:
                first, *more = wrap(what, _CELLS)
                text.append(f"  {key:<24}", style="bold dim")
                text.append("\n".join((first, *(" " * 26 + line for line in more), "")))
        text.append("\nEsc closes this.", style="dim")
        return text


class ConfirmScreen(ModalScreen[bool]):
    """A question with yes and no."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y,enter", "answer(True)", show=False),
        Binding("n,escape,q", "answer(False)", show=False),
    ]

    def __init__(self, question: str, yes: str) -> None:
        super().__init__()
        self._question = question
        self._yes = yes

    def compose(self) -> ComposeResult:
        """Lay it out."""
        with Vertical(id="confirm", classes="dialog"):
            yield Static(self._question, markup=False)
            keys = Text("\n")
            for key, what in (("y, Enter", self._yes), ("n, Esc", "no")):
                keys.append(f" {key} ", style="bold reverse").append(f" {what}   ")
            yield Static(keys, markup=False)

    def action_answer(self, answer: bool) -> None:
        """Give the answer."""
        self.dismiss(answer)
