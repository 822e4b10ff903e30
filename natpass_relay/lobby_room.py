"""A room of the lobby: its visitors, for whom there are so many places, and who has to go when they are too few.

`lobby` says what rooms there are, and what the order is in which visitors have to go.
"""

# Why: docs/decisions/068-who-has-to-go-before-the-login.md

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from enum import IntEnum
from functools import partial
from typing import Generic, TypeVar

from natpass_relay.network_counts import Bag, NetworkCounts, NetworkRank
from natpass_relay.remembered import RememberedNetworks
from natpass_relay.sources import Penalties, Source

#: A network with more than this part of a room's places is bad, unless its logins explain them.
SHARE = 8
#: Random early drop begins when this part of a room is taken.
_EARLY = 4
#: Seconds without a step after which a visitor at the desk may lose its place, if others wait for one.
STALLED_SECONDS = 2.0
#: Seconds from a visitor's last step for which it is spared, if anybody else can go: an honest answer takes a round
#: trip, and what came already may not have been read yet.
PATIENCE_SECONDS = 0.25
#: How many visitors a known network may have: so many for each of its clients, and so many more.
_PER_CLIENT, _SPARE = 2, 8

Who = TypeVar("Who", bound=Hashable)


class Stage(IntEnum):
    """How far a visitor has got."""

    LEAVING = -1  # it is told why, and closed
    SILENT = 0
    WAITING = 1
    SPEAKING = 2
    GREETED = 3
    PROVED = 4


@dataclass(slots=True)
class NetworkStanding:
    """How networks stand with the relay.

    Attributes:
        penalties: what they have done wrong.
        remembered: those that clients have logged in from.
    """

    penalties: Penalties = field(default_factory=Penalties)
    remembered: RememberedNetworks = field(default_factory=RememberedNetworks)

    def rank(self, network: str, count: int, now: float, fair: int) -> NetworkRank:
        """Return the rank of a network that has `count` places, where `fair` are a stranger's share."""
        clients = self.remembered.clients(network)
        allowed = _PER_CLIENT * clients + _SPARE if clients else 0
        if count > max(fair, allowed) or self.penalties.counts(network, now):
            return NetworkRank.BAD
        return NetworkRank.KNOWN if count <= allowed else NetworkRank.STRANGE


class LobbyRoom(Generic[Who]):
    """Visitors for whom there are so many places.

    Args:
        most: the places.
        standing: how networks stand.
        random: returns numbers that are uniform in [0, 1).
        share: a network with more than this part of the places is bad.
        is_strict: whether there are never more visitors; else more wait outside while all who are here go on.
    """

    def __init__(
        self,
        most: int,
        standing: NetworkStanding,
        random: Callable[[], float],
        *,
        share: int = SHARE,
        is_strict: bool = True,
    ) -> None:
        self.most = most
        fair = max(1, most // share)
        self._is_strict = is_strict
        self._random = random
        self._rank = partial(_rank, standing, fair)
        self._is_penalised = standing.penalties.counts
        self._wide = NetworkCounts(self._rank, random)
        self._parts: dict[str, NetworkCounts] = {}  # the /64 of each /48
        self._members: dict[str, dict[Stage, Bag[Who]]] = {}
        self._stays: dict[Who, tuple[Source, Stage, float]] = {}

    def __len__(self) -> int:
        return len(self._stays)

    def __contains__(self, who: Who) -> bool:
        return who in self._stays

    def enter(self, who: Who, source: Source, stage: Stage, now: float) -> None:
        """Add a visitor."""
        self._stays[who] = (source, stage, now)
        self._members.setdefault(source.narrow, {}).setdefault(stage, Bag()).add(who)
        self._count(source, 1, now)

    def leave(self, who: Who, now: float) -> None:
        """Remove a visitor; no-op if it is not here."""
        stay = self._stays.pop(who, None)
        if stay is None:
            return
        source, stage, _ = stay
        self._take_from_bag(who, source, stage)
        self._count(source, -1, now)

    def move(self, who: Who, stage: Stage, now: float) -> None:
        """Record that a visitor has got further."""
        source, old, _ = self._stays.pop(who)
        self._take_from_bag(who, source, old)
        self._stays[who] = (source, stage, now)
        self._members.setdefault(source.narrow, {}).setdefault(stage, Bag()).add(who)

    def look_again(self, source: Source, now: float) -> None:
        """Record that a source stands worse than before."""
        self._count(source, 0, now)

    def rank(self, network: str, now: float) -> NetworkRank:
        """Return how a network stands here."""
        return self._rank(network, self._wide.count(network), now)

    def to_go(self, who: Who, now: float) -> Who | None:
        """Return who has to go after `who` has come: None if nobody has to, or those that would have only just come."""
        count = len(self._stays)
        early = self.most // _EARLY
        is_full = count > self.most
        if not is_full and (count <= early or self._random() * (self.most - early) >= count - early):
            return None
        worst = self._wide.worst(now)
        if worst is None or (worst[1] is not NetworkRank.BAD and not (is_full and self._is_strict)):
            return None
        patience = PATIENCE_SECONDS
        if not self._is_strict and worst[0] == self._stays[who][0].wide and not self._is_penalised(worst[0], now):
            patience = STALLED_SECONDS  # for another of the same network, only those go that do not go on
        return self._pick(worst[0], now, patience, must=is_full and self._is_strict)

    def has_stalled(self, who: Who, now: float) -> bool:
        """Tell whether a visitor has not got further for too long."""
        stay = self._stays.get(who)
        return stay is not None and now - stay[2] >= STALLED_SECONDS

    def stalled(self, now: float) -> Who | None:
        """Return the visitor whose last step is longest ago, if that is too long; None if there is none."""
        for who, (_, stage, since) in self._stays.items():
            if now - since < STALLED_SECONDS:
                return None
            if stage is not Stage.PROVED:  # that one waits for us
                return who
        return None

    def _pick(self, wide: str, now: float, patience: float, *, must: bool) -> Who | None:
        """Choose at random among those of a network that have got least far, then further, who are not just here."""
        parts = self._parts.get(wide)
        worst = parts.worst(now) if parts is not None else None
        stages = self._members[worst[0] if worst is not None else wide]
        candidates = [stages[stage].pick(self._random()) for stage in sorted(stages)]
        for who in candidates:
            if now - self._stays[who][2] >= patience:
                return who
        return candidates[0] if must else None

    def _count(self, source: Source, by: int, now: float) -> None:
        self._wide.change(source.wide, by, now)
        if source.narrow == source.wide:
            return
        parts = self._parts.setdefault(source.wide, NetworkCounts(self._rank, self._random))
        parts.change(source.narrow, by, now)
        if not self._wide.count(source.wide):
            del self._parts[source.wide]

    def _take_from_bag(self, who: Who, source: Source, stage: Stage) -> None:
        stages = self._members[source.narrow]
        stages[stage].remove(who)
        if not stages[stage]:
            del stages[stage]
            if not stages:
                del self._members[source.narrow]


def _rank(standing: NetworkStanding, fair: int, network: str, count: int, now: float) -> NetworkRank:
    return standing.rank(network, count, now, fair)
