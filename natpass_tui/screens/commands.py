"""What the palette offers: what one does most comes first, and nothing stands there twice."""

from collections.abc import Awaitable, Callable, Iterable, Iterator
from functools import partial
from typing import Protocol

from textual.app import SystemCommand

from natpass_tui.links.pane import PaletteEntry
from natpass_tui.session.agents import Presence
from natpass_tui.session.console import Console
from natpass_tui.session.prefix import Choice, Command

#: Agents that the palette offers shells on, at most: it is for names that one knows, not for browsing.
_MOST_AGENTS = 200
#: Whom one could open a shell on.
_OFFERED = frozenset({Presence.ONLINE, Presence.ABSENT, Presence.UNTOLD})


class Doer(Protocol):
    """Who does what was chosen: the main screen."""

    async def run_choice(self, choice: Choice) -> None:
        """Do what a key after the prefix does."""

    def open_shell(self, agent: str) -> None:
        """Open a shell tab."""

    def open_desktop(self, agent: str) -> None:
        """Open a desktop tab."""

    def palette(self) -> Iterable[PaletteEntry]:
        """Return what the tab in front offers."""
        ...

    @property
    def agent_at_cursor(self) -> str:
        """The id of the agent that the fleet's cursor is on, empty if there is none."""
        ...


def commands(console: Console, doer: Doer) -> Iterator[SystemCommand]:
    """Return the commands, the most likely ones first. All titles are plain text, some of it remote.

    An agent is offered once, by its shell; what is not to be discovered (its desktop) is for those who ask for it.
    """
    front = console.tabs.front
    numbers = {tab: number for number, tab in enumerate(console.tabs.all(), 1)}
    for tab in console.tabs.recent():
        title = f"Go to tab {numbers[tab]}: {tab.title}"
        what = f"{tab.noun.capitalize()}{f' · {tab.remote_title}' if tab.remote_title else ''}"
        yield SystemCommand(title, what, _chosen(doer, Command.TAB, numbers[tab]))
    first = doer.agent_at_cursor
    if front is not None:
        first = front.agent
        yield SystemCommand("Fleet", "Show all agents", _chosen(doer, Command.FLEET))
        yield SystemCommand(f"New shell on {first}", "Another shell on the same agent", _chosen(doer, Command.NEW))
        yield SystemCommand("Desktop", "The desktop of the same agent", _chosen(doer, Command.DESKTOP))
    elif first:
        yield from _of_agent(console, doer, first)
        yield SystemCommand("Desktop", f"The desktop of {first}", _chosen(doer, Command.DESKTOP))
    if front is not None:
        for title, help_text, act in doer.palette():
            yield SystemCommand(title, help_text, act)
    if len(console.tabs) > 1 or (front is None and len(console.tabs)):
        yield SystemCommand("Next tab", "", _chosen(doer, Command.NEXT))
        yield SystemCommand("Previous tab", "", _chosen(doer, Command.PREVIOUS))
    yield SystemCommand("Help", "All keys", _chosen(doer, Command.HELP))
    if front is not None:
        yield SystemCommand("Close tab", "Ends what runs in it", _chosen(doer, Command.CLOSE))
    yield SystemCommand("Quit", "Ends all shells", _chosen(doer, Command.QUIT))
    for agent in console.fleet.window(0, _MOST_AGENTS):
        if agent.presence in _OFFERED and agent.id != first:
            yield from _of_agent(console, doer, agent.id)
            desktop = partial(doer.open_desktop, agent.id)
            yield SystemCommand(f"Desktop of {agent.id}", agent.host, desktop, discover=False)


def _of_agent(console: Console, doer: Doer, agent_id: str) -> Iterator[SystemCommand]:
    agent = console.fleet.get(agent_id)
    host = agent.host if agent is not None else ""
    yield SystemCommand(f"Shell on {agent_id}", host, partial(doer.open_shell, agent_id))


def _chosen(doer: Doer, command: Command, number: int = 0) -> Callable[[], Awaitable[None]]:
    async def choose() -> None:
        await doer.run_choice(Choice(command, number))

    return choose
