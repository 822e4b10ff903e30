"""The lobby: connections that are not logged in yet; who waits, who is served, and who has to go.

    silent ──first bytes──> waiting ──its turn──> speaking ──valid hello──> greeted ──proof──> proved
    └────────── the queue: cheap ───────────┘     └─────────── the desk: TLS, and memory ───────────┘

A connection is nobody before its first valid hello. Silent ones cost some KiB, so there may be thousands. From its turn
on it has TLS, which costs some 10 times that, and a millisecond: only a few hundred are served at a time, and a few
begin in one turn of the event loop.

**Who has to go.** Where a room gets full, one goes at random (random early drop, as sshd's MaxStartups): of the network
that stands worst (`NetworkRank`), of these the one with the most visitors, and there of those who have got least far.
So nobody goes while there is a worse network, and a stranger who only connects never pushes out who has said something.
Before a room is full, only networks that are bad lose anybody.
"""

# Why: docs/decisions/068-who-has-to-go-before-the-login.md

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from enum import IntEnum
from functools import partial
from typing import Generic, TypeVar

from natpass_relay.crowds import Bag, Crowds, NetworkRank
from natpass_relay.remembered import RememberedNetworks
from natpass_relay.sources import Penalties, Source
from natpass_wire.login import v2

#: Connections in the queue, and at the desk. Each may hold some 10 KiB, and with TLS some 100 KiB: 80 MiB in all.
MAX_QUEUE, MAX_DESK = 4096, 384
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

    def rank(self, network: str, crowd: int, now: float, fair: int) -> NetworkRank:
        """Return the rank of a network that has `crowd` places, where `fair` are a stranger's share."""
        clients = self.remembered.clients(network)
        allowed = _PER_CLIENT * clients + _SPARE if clients else 0
        if crowd > max(fair, allowed) or self.penalties.counts(network, now):
            return NetworkRank.BAD
        return NetworkRank.KNOWN if crowd <= allowed else NetworkRank.STRANGE


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
        self._wide = Crowds(self._rank, random)
        self._parts: dict[str, Crowds] = {}  # the /64 of each /48
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
        return self._rank(network, self._wide.crowd(network), now)

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
        parts = self._parts.setdefault(source.wide, Crowds(self._rank, self._random))
        parts.change(source.narrow, by, now)
        if not self._wide.crowd(source.wide):
            del self._parts[source.wide]

    def _take_from_bag(self, who: Who, source: Source, stage: Stage) -> None:
        stages = self._members[source.narrow]
        stages[stage].remove(who)
        if not stages[stage]:
            del stages[stage]
            if not stages:
                del self._members[source.narrow]


class Queue(Generic[Who]):
    """Whose turn is next: networks that stand better first, of these one after the other, and there any."""

    def __init__(self, random: Callable[[], float]) -> None:
        self._random = random
        self._networks: tuple[dict[str, Bag[Who]], ...] = tuple({} for _ in NetworkRank)
        self._ranks: dict[Who, tuple[NetworkRank, str]] = {}

    def __len__(self) -> int:
        return len(self._ranks)

    def add(self, who: Who, network: str, rank: NetworkRank) -> None:
        """Add a visitor."""
        self._ranks[who] = (rank, network)
        self._networks[rank].setdefault(network, Bag()).add(who)

    def remove(self, who: Who) -> None:
        """Remove a visitor; no-op if it is not here."""
        if (place := self._ranks.pop(who, None)) is None:
            return
        rank, network = place
        bag = self._networks[rank][network]
        bag.remove(who)
        if not bag:
            del self._networks[rank][network]

    def next(self, worst: NetworkRank) -> Who | None:
        """Remove and return whose turn it is; None if nobody waits whose network stands as well as `worst`."""
        for networks in self._networks[: worst + 1]:
            for network in networks:
                bag = networks.pop(network)
                networks[network] = bag
                who = bag.pick(self._random())
                self.remove(who)
                return who
        return None


class Lobby(Generic[Who]):
    """The connections that wait for their login. `now` is in seconds of one monotonic clock.

    Args:
        standing: how networks stand.
        random: returns numbers that are uniform in [0, 1).
        seconds: the time limit for a login.
        queue: places for those that have not begun.
        desk: places for those that have.
        share: a network with more than this part of the places is bad, unless its logins explain them.
    """

    def __init__(
        self,
        standing: NetworkStanding,
        random: Callable[[], float],
        seconds: float = v2.LOGIN_SECONDS,
        queue: int = MAX_QUEUE,
        desk: int = MAX_DESK,
        *,
        share: int = SHARE,
    ) -> None:
        self._standing = standing
        self._seconds = seconds
        self._queue: LobbyRoom[Who] = LobbyRoom(queue, standing, random, share=share)
        self._desk: LobbyRoom[Who] = LobbyRoom(desk, standing, random, share=share, is_strict=False)
        self._turns: Queue[Who] = Queue(random)
        self._until: dict[Who, tuple[Source, float]] = {}

    def __len__(self) -> int:
        return len(self._until)

    @property
    def waiting(self) -> int:
        """How many wait for their turn."""
        return len(self._turns)

    def enter(self, who: Who, source: Source, now: float) -> Who | None:
        """Add a connection; return the one that has to go, perhaps this one. None if there is room."""
        self._until[who] = (source, now + self._seconds)
        self._queue.enter(who, source, Stage.SILENT, now)
        return self._queue.to_go(who, now)

    def spoke(self, who: Who, now: float) -> None:
        """Record the first bytes of a connection: it waits for its turn."""
        self._queue.move(who, Stage.WAITING, now)
        self._wait(who, self._until[who][0], now)

    def next(self, now: float, worst: NetworkRank = NetworkRank.BAD) -> tuple[Who | None, Who | None]:
        """Give the next connection its turn; return it, and the one that has to go for it, which may be the same.

        Both are None if nobody waits whose network stands as well as `worst`, or all places at the desk are taken by
        those who have done nothing wrong.
        """
        who = self._turns.next(worst)
        if who is None:
            return None, None
        source = self._until[who][0]
        self._queue.leave(who, now)
        self._desk.enter(who, source, Stage.SPEAKING, now)
        evicted = self._desk.to_go(who, now)
        if evicted is None and len(self._desk) > self._desk.most:
            evicted = self._desk.stalled(now)
            if evicted is None:
                self._desk.leave(who, now)
                self._queue.enter(who, source, Stage.WAITING, now)
                self._wait(who, source, now)
                return None, None
        return who, evicted

    def change_source(self, who: Who, source: Source, now: float) -> Who | None:
        """Record where a silent connection is really from; return the one that has to go, None if there is room."""
        self._until[who] = (source, self._until[who][1])
        self._queue.leave(who, now)
        self._queue.enter(who, source, Stage.SILENT, now)
        return self._queue.to_go(who, now)

    def advance(self, who: Who, stage: Stage, now: float) -> None:
        """Record that a connection has got further; no-op if it is not here."""
        self._turns.remove(who)
        for room in (self._queue, self._desk):
            if who in room:
                room.move(who, stage, now)

    def has_stalled(self, who: Who, now: float) -> bool:
        """Tell whether a connection at the desk has not got further for too long."""
        return self._desk.has_stalled(who, now)

    def leave(self, who: Who, now: float) -> None:
        """Remove a connection that has logged in or is gone. No-op if it was removed already."""
        if self._until.pop(who, None) is None:
            return
        self._turns.remove(who)
        self._queue.leave(who, now)
        self._desk.leave(who, now)

    def look_again(self, source: Source, now: float) -> None:
        """Record that a source stands worse than before."""
        self._queue.look_again(source, now)
        self._desk.look_again(source, now)

    def overdue(self, now: float) -> list[Who]:
        """Return the connections that are here for too long."""
        late = []
        for who, (_, until) in self._until.items():
            if until > now:
                break
            late.append(who)
        return late

    def _wait(self, who: Who, source: Source, now: float) -> None:
        rank = NetworkRank.STRANGE if source.is_exempt else self._queue.rank(source.wide, now)
        self._turns.add(who, source.wide, rank)


def _rank(standing: NetworkStanding, fair: int, network: str, crowd: int, now: float) -> NetworkRank:
    return standing.rank(network, crowd, now, fair)
