"""The descriptor of a kind at the console: a frozen `Kind`, which the kind's folder exports as `KIND`.

Shared code (command line, palette, keys, fleet, help, links to existing programs) asks the descriptors of the registry
(`natpass_tui.links.kinds`) and knows no kind by name. A descriptor has values, and functions that import when they are
called, so the program loads only what it uses.
"""

# Why: docs/decisions/064-kinds-describe-themselves.md

from collections.abc import Callable, Coroutine, Iterable, Mapping
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
    from natpass_wire.aio.link import Link


@dataclass(frozen=True, slots=True)
class PrefixKey:
    """A key after the prefix.

    Attributes:
        keys: the keys, by Textual's names; the first is the one shown to users.
        shown: how the keys are shown.
        words: the description in the hint line.
        help: the description in the help.
        is_often: the hint line shows it before others if there is no room for all.
        moved: former keys, which still work but are not shown.
        moved_text: the message after a former key, with ``{prefix}`` for the prefix.
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
        keys: the keys, by Textual's names; without Enter, which is always the first kind's.
        shown: how the status line shows the keys.
        words: what it opens, for the status line.
        help_keys: how the help shows the keys.
        help: the description in the help.
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
        title: the entry's title.
        help: the description beside it.
        is_shown: whether it shows before anything is typed; otherwise only a search finds it.
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
        """Return the pane, with its tab.

        Args:
            agent: the agent's id.
            console: opens the links.
            settings: the console's settings.
            changed: called with the tab after each change of its state, title, activity or bell.
        """
        ...


@dataclass(frozen=True, slots=True)
class KindTabs:
    """The tabs of a kind, and how to open one.

    Attributes:
        opener: returns the function that makes a tab.
        key: the key after the prefix that opens another on the same agent.
        key_in_fleet: whether this key also opens one on the agent under the fleet's cursor.
        fleet: the fleet's keys for it.
        same: the palette's entry for the agent of the tab in front.
        at_cursor: the palette's entry for the agent under the fleet's cursor.
        others: the palette's entry for every other agent.
        help: more rows of the help: a key, and what it does in such a tab.
        own_keys: the title of these rows if keys in such a tab are the console's; empty: they go to the remote.
        is_single: whether an agent has one at most; the keys go to it if it is open.
    """

    opener: Callable[[], OpenTab]
    key: PrefixKey
    fleet: FleetKey
    same: Offer
    at_cursor: Offer
    others: Offer
    key_in_fleet: bool = True
    help: tuple[tuple[str, str], ...] = ()
    own_keys: str = ""
    is_single: bool = False


class KindSettings(Protocol):
    """A kind's settings from the console's options. Without arguments they are the defaults."""

    @staticmethod
    def options() -> Iterable[Callable[[Any], Any]]:
        """Return click option decorators for the commands that open a screen, the last one shown first."""
        ...

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Self:
        """Return the settings for these options."""
        ...


def _nothing_amiss(_: ConnectRequest) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class PlainRules:
    """The rules for a kind's plain links, to existing natpass programs; they are not sealed.

    Attributes:
        fault: returns why these programs can't serve a request, empty if they can.
        played: for a kind that they know only in part: returns, for an agent's id and the opener of its plain links, a
            link whose other end plays the agent in this process, and the work of that end. None: they are asked.
    """

    fault: Callable[[ConnectRequest], str] = _nothing_amiss
    played: Callable[[str, "LinkOpener"], tuple["Link", Coroutine[Any, Any, None]]] | None = None


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of link.

    Attributes:
        name: the name of its folder and its command.
        wire: its name on the wire, in `connect_req`.
        words: the words for its tabs in messages.
        command: returns the command `natpass-tui NAME`; None: no command.
        more_commands: returns further commands, by their names.
        demo: a module that the demo runs beside its agent, with ``--relay`` and ``--state-dir``: it says ``listening on
            HOST:PORT``, where a page is; empty: none.
        tables: tables of the config file that belong to it, such as ``[[forward]]``, by their keys.
        plain: the rules for its plain links, with existing natpass programs; None: only sealed streams.
        instead: the message about existing programs if `plain` is None, after "links to it"; ``{agent}`` stands for the
            agent's id, quoted for a shell.
        tabs: its tabs; None: no tabs.
        actions: the keys after the prefix in its tabs (`LinkPane.act`), by the names of the actions. Kinds with the
            same action use the same name and the same key.
        settings: returns the class of its own settings; None: no settings.
    """

    name: str
    wire: ConnectRequest.Kind
    words: Words
    command: Callable[[], click.Command] | None = None
    more_commands: Mapping[str, Callable[[], click.Command]] = field(default_factory=dict)
    demo: str = ""
    tables: tuple[str, ...] = ()
    plain: PlainRules | None = None
    instead: str = "can carry nothing of this kind"
    tabs: KindTabs | None = None
    actions: Mapping[str, PrefixKey] = field(default_factory=dict)
    settings: Callable[[], type[KindSettings]] | None = None
