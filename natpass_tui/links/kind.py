"""What a kind of link is at the console: a frozen `Kind`, which the kind's folder exports as `KIND`.

Everything shared (command line, palette, keys, fleet, help, links to existing programs) asks the descriptors of the
registry (`natpass_tui.links.kinds`) and knows no kind by name. A descriptor is made of values, and of functions that
import when they are called: the program loads only what it uses.
"""

# Why: docs/decisions/064-kinds-describe-themselves.md

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, Self

import click

from natpass_tui.links.words import Words
from natpass_wire.pb.link_pb2 import ConnectRequest

if TYPE_CHECKING:
    from natpass_tui.links.pane import LinkPane
    from natpass_tui.links.tab import LinkTab
    from natpass_tui.model.relay_port import LinkOpener
    from natpass_tui.settings import Settings


@dataclass(frozen=True, slots=True)
class PrefixKey:
    """A key after the prefix.

    Attributes:
        keys: names of the keys, as Textual has them; the first is the one that is offered.
        shown: what is shown for them.
        words: what it does, for the hint line.
        help: what it does, for the help.
        is_often: the hint line shows it before others where there is no room for all.
        moved: names of keys that did it once. They still do, and nothing offers them.
        moved_text: what is said then, with ``{prefix}`` for the prefix.
    """

    keys: tuple[str, ...]
    shown: str
    words: str
    help: str
    is_often: bool = False
    moved: tuple[str, ...] = ()
    moved_text: str = ""


@dataclass(frozen=True, slots=True)
class FleetKey:
    """A key that opens a tab on the agent under the fleet's cursor.

    Attributes:
        keys: names of the keys, as Textual has them; without Enter, which is always the first kind's.
        shown: what is shown for them in the status line.
        words: what it opens, for the status line.
        help_keys: what is shown for the keys in the help.
        help: what it does, for the help.
    """

    keys: tuple[str, ...]
    shown: str
    words: str
    help_keys: str
    help: str


@dataclass(frozen=True, slots=True)
class Offer:
    """An entry of the palette that opens a tab; ``{agent}`` and ``{host}`` stand for the agent's id and host.

    Attributes:
        title: the entry.
        help: what is said beside it.
        is_shown: it is there before anything is typed; otherwise it is found only.
    """

    title: str
    help: str
    is_shown: bool = True

    def texts(self, agent: str, host: str) -> tuple[str, str]:
        """Return title and help for an agent."""
        return self.title.format(agent=agent, host=host), self.help.format(agent=agent, host=host)


class OpenTab(Protocol):
    """Makes a tab and its pane."""

    def __call__(
        self, agent: str, console: "LinkOpener", settings: "Settings", changed: Callable[["LinkTab"], None]
    ) -> "LinkPane":
        """Return the pane, which has its tab.

        Args:
            agent: the agent's id.
            console: opens the links.
            settings: how the console behaves.
            changed: to be called with the tab after each change of its state, title, activity or bell.
        """
        ...


@dataclass(frozen=True, slots=True)
class KindTabs:
    """The tabs of a kind: how one is opened.

    Attributes:
        opener: returns what makes one.
        key: opens another on the same agent, after the prefix.
        key_in_fleet: the same key opens one on the agent under the fleet's cursor as well.
        fleet: the fleet's keys for it.
        same: the palette's entry for the agent of the tab in front.
        at_cursor: the palette's entry for the agent under the fleet's cursor.
        others: the palette's entry for every other agent.
        help: other rows of the help: key, what it does in such a tab.
    """

    opener: Callable[[], OpenTab]
    key: PrefixKey
    fleet: FleetKey
    same: Offer
    at_cursor: Offer
    others: Offer
    key_in_fleet: bool = True
    help: tuple[tuple[str, str], ...] = ()


class KindSettings(Protocol):
    """How a kind behaves, by options of the console. Without arguments it is the default."""

    @staticmethod
    def options() -> Iterable[Callable[[Any], Any]]:
        """Return what adds click options to the commands that open a screen, the last one shown first."""
        ...

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Self:
        """Return the settings for these options."""
        ...


def _nothing_amiss(_: ConnectRequest) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class PlainRules:
    """A kind that existing natpass programs have, over links that are not sealed.

    Attributes:
        fault: returns why they can't do what a request asks for, empty if they can.
    """

    fault: Callable[[ConnectRequest], str] = _nothing_amiss


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of link.

    Attributes:
        name: of its folder and its command.
        wire: its name on the wire, in `connect_req`.
        words: how to speak of what its tabs show.
        command: returns the command `natpass-tui NAME`; None: it has none.
        plain: what of it existing natpass programs have; None: nothing, its links are sealed streams.
        instead: what to say of an existing program where `plain` is None, behind "links to it"; ``{agent}`` stands for
            its id, quoted for a shell.
        tabs: its tabs; None: it has none.
        actions: what keys after the prefix do in its tabs (`LinkPane.act`), by the names of the actions. Kinds
            whose tabs do the same have the same name and the same key.
        settings: returns the class of its own settings; None: it has none.
    """

    name: str
    wire: ConnectRequest.Kind
    words: Words
    command: Callable[[], click.Command] | None = None
    plain: PlainRules | None = None
    instead: str = "can carry nothing of this kind"
    tabs: KindTabs | None = None
    actions: Mapping[str, PrefixKey] = field(default_factory=dict)
    settings: Callable[[], type[KindSettings]] | None = None
