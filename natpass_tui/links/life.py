"""The state machine of a tab with a link to an agent: state and event give the next state. No I/O, no clock.

    Waiting --relay up--> Opening --opened--> Live --exit--> Ended --Enter--> Opening
                             |                 |
                          refused         relay or agent gone
                             v                 v
                          Refused             Lost --relay or agent back, or time--> Opening
                             |--Enter--> Opening

    Live --out of reach--> Reconnecting --within reach--> Live
                                  |--the link is gone: as from Live

Only links that survive the loss of their connection reconnect; others end with it.

An opening that replaces an earlier link of the tab remembers it, so the separator line can say what happened.
Texts use the kind's `Words`.
"""

from dataclasses import dataclass

from natpass_tui.links.outcome import shell_status
from natpass_tui.links.words import Words
from natpass_tui.model.naming import refusal
from natpass_tui.model.times import clock
from natpass_wire.durations import elapsed
from natpass_wire.links import End
from natpass_wire.pb.link_pb2 import ConnectResponse, LinkEnd

#: Seconds until we retry a lost link, first and later; the agent may be back before the roster says so.
FIRST_RETRY, RETRY = 1.0, 5.0


@dataclass(frozen=True, slots=True)
class TabEnded:
    """The link ended by itself, or the other side ended it.

    Attributes:
        text: how it ended, for the user.
        at: when it ended, Unix seconds.
        status: the exit status as in a shell (128 + signal), None if unknown.
        by_itself: whether it ended normally.
    """

    text: str
    at: float
    status: int | None = None
    by_itself: bool = False


@dataclass(frozen=True, slots=True)
class Lost:
    """The link is lost, and opens again automatically.

    Attributes:
        text: what happened first, for the user.
        at: when, Unix seconds.
        by_relay: whether the relay is missing; otherwise the agent is.
        retry_in: seconds until the next attempt.
    """

    text: str
    at: float
    by_relay: bool
    retry_in: float = FIRST_RETRY


@dataclass(frozen=True, slots=True)
class Waiting:
    """Waiting for the relay."""

    after: TabEnded | Lost | None = None


@dataclass(frozen=True, slots=True)
class TabOpening:
    """The agent was asked to open."""

    after: TabEnded | Lost | None = None


@dataclass(frozen=True, slots=True)
class Live:
    """The link is open."""


@dataclass(frozen=True, slots=True)
class Reconnecting:
    """The link can't be reached now; it resumes when it can.

    Attributes:
        text: why, for the user, safe to print.
        at: since when, Unix seconds.
    """

    text: str
    at: float


@dataclass(frozen=True, slots=True)
class TabRefused:
    """The link was refused.

    Attributes:
        reason: why, for the user, safe to print.
        after: the state of an earlier link.
        absent: whether the agent is away; then the link opens when the roster shows it.
        is_alarm: whether the other side does not have the agent's key.
    """

    reason: str
    after: TabEnded | Lost | None = None
    absent: bool = False
    is_alarm: bool = False


State = Waiting | TabOpening | Live | Reconnecting | TabRefused | TabEnded | Lost


@dataclass(frozen=True, slots=True)
class RelayUp:
    """We are logged in."""


@dataclass(frozen=True, slots=True)
class AgentThere:
    """The roster shows that the agent is connected (again)."""


@dataclass(frozen=True, slots=True)
class Retry:
    """The user asks for another attempt, or it is due (`by_user` False)."""

    by_user: bool = True
    relay_up: bool = True


@dataclass(frozen=True, slots=True)
class TabOpened:
    """The agent accepted."""


@dataclass(frozen=True, slots=True)
class TabDetached:
    """The link is out of reach (or the reason has changed), see `natpass_wire.aio.link.Detached`.

    Attributes:
        text: why, for the user, safe to print.
        at: since when, Unix seconds.
    """

    text: str
    at: float


@dataclass(frozen=True, slots=True)
class Attached:
    """The link is within reach again."""


@dataclass(frozen=True, slots=True)
class LinkGone:
    """The link ended or failed to open; `relay_up`: whether we are still logged in."""

    end: End
    relay_up: bool


Event = RelayUp | AgentThere | Retry | TabOpened | TabDetached | Attached | LinkGone


@dataclass(frozen=True, slots=True)
class Step:
    """The result of an event: the next state, and a separator line between the old link and the new one."""

    state: State
    separator: str = ""


def step(state: State, event: Event, now: float, words: Words) -> Step:
    """Return the result of `event`; an event without a meaning in this state changes nothing.

    Args:
        state: the tab's state; if the new one is `TabOpening`, ask the agent now.
        event: the event.
        now: Unix seconds.
        words: the kind's words.
    """
    match state, event:
        case Waiting(after), RelayUp():
            return Step(TabOpening(after))
        case TabOpening(after), TabOpened():
            return Step(Live(), _separator(after, now, words))
        case TabOpening(after), LinkGone(end, relay_up):
            return Step(_not_opened(after, end, relay_up=relay_up, now=now))
        case Live() | Reconnecting(), TabDetached(text, at):
            return Step(Reconnecting(text, at))
        case Reconnecting(), Attached():
            return Step(Live())
        case Live() | Reconnecting(), LinkGone(end) if end.is_alarm:
            return Step(TabRefused(end.text, TabEnded(f"{words.noun} cut off", now), is_alarm=True))
        case Live() | Reconnecting(), LinkGone(end, relay_up):
            return Step(_ended(end, relay_up=relay_up, now=now, words=words))
        case Lost(by_relay=True), RelayUp():
            return Step(TabOpening(state))
        case Lost(by_relay=False), AgentThere():
            return Step(TabOpening(state))
        case Lost(), Retry(relay_up=True):
            return Step(TabOpening(state))
        case TabEnded(), Retry(by_user=True, relay_up=relay_up):
            return Step(TabOpening(state) if relay_up else Waiting(state))
        case TabRefused(_, after, True), AgentThere():
            return Step(TabOpening(after))
        case TabRefused(_, after), Retry(by_user=True, relay_up=relay_up):
            return Step(TabOpening(after) if relay_up else Waiting(after))
    return Step(state)


def _ended(end: End, *, relay_up: bool, now: float, words: Words) -> TabEnded | Lost:
    """Return the state after a live link."""
    if not relay_up and end.status is None:  # with a status it has ended, even if the relay is gone by now
        return Lost("relay connection lost", now, by_relay=True)
    if end.cause == LinkEnd.PEER_GONE:
        return Lost(end.text or "the agent is gone", now, by_relay=False)
    if end.status is not None:
        how = f"status {end.status}" if end.status >= 0 else f"signal {-end.status}"
        return TabEnded(f"{words.noun} ended ({how})", now, shell_status(end.status), by_itself=True)
    by_itself = end.cause in {LinkEnd.UNSET, LinkEnd.EXITED}
    if by_itself and not end.text:  # existing agents give no reason: it may have ended well, or not
        return TabEnded("the link ended without a status", now, by_itself=True)
    return TabEnded(f"{words.noun} ended{f' ({end.text})' if end.text else ''}", now, by_itself=by_itself)


def _not_opened(after: TabEnded | Lost | None, end: End, *, relay_up: bool, now: float) -> State:
    """Return the state after a failed opening."""
    if not relay_up:
        return after if isinstance(after, Lost) and after.by_relay else Waiting(after)
    # An agent that leaves during the request is as absent as one that was away before.
    absent = end.reason == ConnectResponse.ABSENT or end.cause == LinkEnd.PEER_GONE
    if isinstance(after, Lost) and absent:
        return Lost(after.text, after.at, by_relay=False, retry_in=RETRY)
    return TabRefused(end.text or "no reason given", after, absent=absent, is_alarm=end.is_alarm)


def _separator(after: TabEnded | Lost | None, now: float, words: Words) -> str:
    return f"{after.text} {clock(after.at)} · new {words.noun} {clock(now)}" if after is not None else ""


def banner(
    state: State, agent: str, prefix: str, relay: str, words: Words, *, now: float = 0.0, typed: str = ""
) -> str:
    """Return the banner that a tab shows while its link is not live: what happened, and what to do.

    Args:
        state: the tab's state.
        agent: the agent's id.
        prefix: the prefix key's name.
        relay: a line on the relay's status.
        words: the kind's words.
        now: Unix seconds.
        typed: what happens to input while the link is out of reach.
    """
    noun, where = words.noun, f"{words.at} {agent}"
    close = f"{prefix} x: close"
    match state:
        case Live():
            return ""
        case TabOpening():
            return f"opening a {noun} {where} …"
        case Reconnecting(text, at):
            return f"reconnecting to {agent} · {elapsed(now - at)} ({text}){f' — {typed}' if typed else ''}"
        case Waiting():
            return f"waiting for the relay: {relay} — {close}"
        case TabRefused(reason, is_alarm=True):
            return f"{reason} — {close}, Enter tries again"
        case TabRefused(reason, _, absent):
            what = refusal(noun, words.at, agent, reason)
            if absent:
                return f"{what} — it opens when the agent is there; Enter tries now, {close}"
            return f"{what} — Enter tries again, {close}"
        case TabEnded(text):
            return f"{text} — Enter: new {noun}, {close}"
        case Lost(text, at, by_relay):
            back = "the relay is" if by_relay else f"{agent} is"
            return f"{text} {clock(at)} — a new {noun} opens when {back} back; {close}"


def not_sent(state: State, words: Words) -> str:
    """Return why input is not sent, empty if it is."""
    match state:
        case Live():
            return ""
        case TabOpening():
            return f"not sent: the {words.noun} is not open yet"
        case Reconnecting():
            return "not sent: reconnecting"
        case Waiting() | Lost():
            return "not sent: there is no connection"
        case TabRefused() | TabEnded():
            return f"not sent: there is no {words.noun} (Enter opens one)"


def mark(state: State) -> str:
    """Return one character for the tab bar."""
    match state:
        case Live():
            return ""
        case TabOpening() | Waiting():
            return "…"
        case Reconnecting():
            return "~"
        case TabRefused() | Lost():
            return "!"
        case TabEnded():
            return "∎"
