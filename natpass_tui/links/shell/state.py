"""The state machine of a shell tab: `natpass_tui.links.life` with a shell's words."""

from natpass_tui.links import life
from natpass_tui.links.life import (
    FIRST_RETRY,
    RETRY,
    AgentThere,
    Attached,
    Event,
    LinkGone,
    Live,
    Lost,
    Reconnecting,
    RelayUp,
    Retry,
    State,
    Step,
    TabDetached,
    TabEnded,
    TabOpened,
    TabOpening,
    TabRefused,
    Waiting,
    mark,
)
from natpass_tui.links.shell import KIND

__all__ = [
    "FIRST_RETRY",
    "RETRY",
    "WORDS",
    "AgentThere",
    "Attached",
    "Event",
    "LinkGone",
    "Live",
    "Lost",
    "Reconnecting",
    "RelayUp",
    "Retry",
    "State",
    "Step",
    "TabDetached",
    "TabEnded",
    "TabOpened",
    "TabOpening",
    "TabRefused",
    "Waiting",
    "banner",
    "mark",
    "not_sent",
    "step",
]

WORDS = KIND.words


def step(state: State, event: Event, now: float) -> Step:
    """Return the result of `event`, see `life.step`."""
    return life.step(state, event, now, WORDS)


def banner(state: State, agent: str, prefix: str, relay: str, *, now: float = 0.0, typed: str = "") -> str:
    """Return the banner that a tab shows while its shell is not live, see `life.banner`."""
    return life.banner(state, agent, prefix, relay, WORDS, now=now, typed=typed)


def not_sent(state: State) -> str:
    """Return why input is not sent, empty if it is."""
    return life.not_sent(state, WORDS)
