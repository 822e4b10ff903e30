"""The palette's commands: the most used ones come first, and none is listed twice."""

from collections.abc import Awaitable, Callable, Iterable, Iterator
from functools import partial
from typing import Protocol

from textual.app import SystemCommand

from natpass_tui.links import kinds_with_tabs
from natpass_tui.links.kind import Kind, Offer
from natpass_tui.links.pane import PaletteEntry
from natpass_tui.model.agents import Presence
from natpass_tui.model.console import Console
from natpass_tui.model.prefix import Action, Choice

#: The most agents that the palette offers tabs on: it is for names that the user knows, not for browsing.
_MOST_AGENTS = 200
#: States of an agent on which the palette offers tabs.
_OFFERED = frozenset({Presence.ONLINE, Presence.ABSENT, Presence.UNTOLD})


class Doer(Protocol):
    """The interface that carries out the user's choice: the main screen."""

    async def run_choice(self, choice: Choice) -> None:
        """Carry out the action of a key after the prefix."""

    def open_tab(self, kind: Kind, agent: str) -> None:
        """Open a tab."""

    def palette(self) -> Iterable[PaletteEntry]:
        """Return what the active tab offers."""
        ...

    @property
    def agent_at_cursor(self) -> str:
        """The id of the agent that the fleet's cursor is on, empty if there is none."""
        ...


def commands(console: Console, doer: Doer) -> Iterator[SystemCommand]:
    """Return the commands, the most likely ones first. All titles are plain text, some of it remote.

    An agent is offered once. What is not discovered (see `Offer.is_shown`) is found by a search only.
    """
    front = console.tabs.front
    numbers = {tab: number for number, tab in enumerate(console.tabs.all(), 1)}
    for tab in console.tabs.recent():
        title = f"Go to tab {numbers[tab]}: {tab.title}"
        what = f"{tab.noun.capitalize()}{f' · {tab.remote_title}' if tab.remote_title else ''}"
        yield SystemCommand(title, what, _chosen(doer, Action.TAB, numbers[tab]))
    first = doer.agent_at_cursor
    if front is not None:
        first = front.agent
        yield SystemCommand("Fleet", "Show all agents", _chosen(doer, Action.FLEET))
        yield from (_offer(console, doer, kind, tabs.same, first) for kind, tabs in kinds_with_tabs())
    elif first:
        yield from (_offer(console, doer, kind, tabs.at_cursor, first) for kind, tabs in kinds_with_tabs())
    if front is not None:
        for title, help_text, act in doer.palette():
            yield SystemCommand(title, help_text, act)
    if len(console.tabs) > 1 or (front is None and len(console.tabs)):
        yield SystemCommand("Next tab", "", _chosen(doer, Action.NEXT))
        yield SystemCommand("Previous tab", "", _chosen(doer, Action.PREVIOUS))
    yield SystemCommand("Help", "All keys", _chosen(doer, Action.HELP))
    if front is not None:
        yield SystemCommand("Close tab", "Ends what runs in it", _chosen(doer, Action.CLOSE))
    yield SystemCommand("Quit", "Ends all shells", _chosen(doer, Action.QUIT))
    for agent in console.fleet.window(0, _MOST_AGENTS):
        if agent.presence in _OFFERED and agent.id != first:
            yield from (_offer(console, doer, kind, tabs.others, agent.id) for kind, tabs in kinds_with_tabs())


def _offer(console: Console, doer: Doer, kind: Kind, offer: Offer, agent_id: str) -> SystemCommand:
    agent = console.fleet.get(agent_id)
    title, what = offer.texts(agent_id, agent.host if agent is not None else "")
    return SystemCommand(title, what, partial(doer.open_tab, kind, agent_id), discover=offer.is_shown)


def _chosen(doer: Doer, action: Action, number: int = 0) -> Callable[[], Awaitable[None]]:
    async def choose() -> None:
        await doer.run_choice(Choice(action, number))

    return choose
