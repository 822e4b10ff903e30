"""An agent in the fleet: its details, its presence, its sort order and its filter text."""

import re
from dataclasses import dataclass
from enum import Enum, auto

from natpass_tui.model.times import moment
from natpass_wire.durations import span
from natpass_wire.pb.roster_pb2 import RosterEntry
from natpass_wire.text import printable

#: The most characters of an agent's own texts that we keep.
_MOST_TEXT = 120
#: Unix seconds of a day in the year 2096.
_LATEST = 4e9
_DIGITS = re.compile(r"(\d+)")


class Presence(Enum):
    """Whether the relay says that an agent can be reached."""

    ONLINE = auto()
    AWAY = auto()  # it was connected: this console, the relay, or an earlier console has met it
    CONSOLE = auto()  # an existing natpass program that has opened links and served none: probably not an agent
    ABSENT = auto()  # configured or typed, never seen
    UNTOLD = auto()  # configured or typed, and the relay has no roster


@dataclass(frozen=True, slots=True)
class FleetAgent:
    """One row of the fleet; every text is safe to print.

    Attributes:
        id: its client id.
        presence: whether it can be reached.
        since: when it connected, or (AWAY) when it left; 0: unknown. Unix seconds of this machine's clock.
        first_met: AWAY with `since` unknown: when a console of this user first met it; otherwise 0.
        host, os, user, version: its own details.
        serves: the link kinds that it serves.
        streams: its version of streams; 0: none (an existing natpass program), None: not said yet.
    """

    id: str
    presence: Presence
    since: float = 0.0
    host: str = ""
    os: str = ""
    user: str = ""
    version: str = ""
    serves: tuple[str, ...] = ()
    streams: int | None = None
    first_met: float = 0.0

    @property
    def is_connected(self) -> bool:
        """Whether the relay says that a link to it can be opened."""
        return self.presence in {Presence.ONLINE, Presence.CONSOLE}

    def away_text(self, now: float) -> str:
        """Return that it is away, and since when; safe to print. `now` is in Unix seconds."""
        if self.since:
            return f"{self.id} is away since {moment(self.since, now)} ({span(now - self.since)})"
        if self.first_met:
            return f"{self.id} is away (first met {moment(self.first_met, now)})"
        return f"{self.id} is away"


def from_roster(entry: RosterEntry, clock_offset: float = 0.0) -> FleetAgent:
    """Return the agent of a roster entry.

    Args:
        entry: as the relay sent it.
        clock_offset: seconds to add to the relay's clock to get ours.
    """
    about = entry.about
    here = Presence.CONSOLE if entry.console else Presence.ONLINE
    return FleetAgent(
        id=entry.id,
        presence=Presence.AWAY if entry.away_since_unix_ms else here,
        since=_bounded((entry.away_since_unix_ms or entry.connected_unix_ms) / 1000 + clock_offset),
        host=printable(about.host, _MOST_TEXT),
        os=printable(about.os, _MOST_TEXT),
        user=printable(about.user, _MOST_TEXT),
        version=printable(about.version, _MOST_TEXT),
        serves=tuple(printable(kind, _MOST_TEXT) for kind in about.serves),
        # The relay lists an agent from its login on; the agent's details follow right after.
        streams=about.streams if about.ByteSize() else None,
    )


def _bounded(unix_seconds: float) -> float:
    """Return a relay's time, limited to valid dates."""
    return min(max(0.0, unix_seconds), _LATEST)


class Order(Enum):
    """The sort orders of the fleet; equal agents are sorted by id."""

    ID = "id"
    HOST = "host"
    OS = "os"
    NEWEST = "newest"


NaturalKey = tuple[tuple[int, int | str], ...]
SortKey = tuple[bool, float, NaturalKey, NaturalKey, str]


def natural(text: str) -> NaturalKey:
    """Return a key that sorts ``web-2`` before ``web-10``, and upper and lower case alike."""
    parts = _DIGITS.split(text.casefold())
    return tuple((0, int(part)) if part.isdecimal() else (1, part) for part in parts if part)


def sort_key(agent: FleetAgent, order: Order) -> SortKey:
    """Return the sort key of `agent`: agents that can be reached come first.

    No two agents have the same key, since the id is its last part.
    """
    when = -agent.since if order is Order.NEWEST else 0.0
    text = {Order.HOST: agent.host, Order.OS: agent.os}.get(order, "")
    comes_last = agent.presence in {Presence.AWAY, Presence.CONSOLE, Presence.ABSENT}
    return comes_last, when, natural(text), natural(agent.id), agent.id


def haystack(agent: FleetAgent) -> str:
    """Return the text that a filter searches."""
    return "\n".join((agent.id, agent.host, agent.os, agent.user, agent.version, agent.presence.name)).casefold()


def needles(filter_text: str) -> tuple[str, ...]:
    """Return the words of a filter; an agent must contain all of them, in any order."""
    return tuple(filter_text.casefold().split())


def similar(wanted: str, ids: list[str], limit: int = 3) -> list[str]:
    """Return the ids that a person may have meant by `wanted`, best first."""
    import difflib  # noqa: PLC0415 - needed once, after a mistake

    folded = {candidate.casefold(): candidate for candidate in ids}
    within = [name for name in folded if wanted.casefold() in name]
    near = within or difflib.get_close_matches(wanted.casefold(), folded, n=limit, cutoff=0.6)
    return [folded[name] for name in sorted(near, key=natural)[:limit]]
