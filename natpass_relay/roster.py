"""The roster: the list of connected agents, and of those that are away and since when, for consoles.

The publisher keeps the agents as they are now and as they were published last. Once a second the difference becomes
one step of the roster, or several if it is too long for one message: an agent that comes and goes within the second is
never mentioned. Each watcher pulls its next message when its connection can take one: the rest of its snapshot, then
the steps that it lacks. A watcher that is further behind than the kept steps gets a fresh snapshot. A snapshot has the
agents as they are when it is made: a console that begins to watch after an agent's login finds the agent.

Steps have a budget of bytes, since each of them goes to every console. What is beyond it stays a change, and later ones
of the same agent replace it. Agents that changed least recently go first, so that one that changes all the time, or a
hundred of them, delay only themselves. Those that were never told of take turns with the others: ids cost nothing.
"""

# Why: docs/decisions/007-roster-revisions.md
# Why: docs/decisions/008-agents-that-are-away.md
# Why: docs/decisions/082-away-over-a-restart.md
# Why: docs/decisions/009-existing-programs-in-the-roster.md

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice, zip_longest

from natpass_relay.clients import Client
from natpass_relay.remembered_agents import KeptAgent
from natpass_relay.shared_table import SharedTable
from natpass_relay.sources import Source, source_of
from natpass_wire.pb.roster_pb2 import About, Roster, RosterEntry
from natpass_wire.text import printable

#: Bytes of entries in one message at most, far below a frame's 65 535.
CHUNK_BYTES = 32 * 1024
#: Seconds between two steps.
PUBLISH_SECONDS = 1.0
#: Steps kept for watchers that are behind; the bytes bound memory.
_MAX_STEPS, _MAX_STEP_BYTES = 256, 1024 * 1024
#: Bytes of all steps in a second: at least, and for each agent, so that a whole fleet is told in a minute.
_STEP_BYTES_A_SECOND, _STEP_BYTES_OF_AGENT = 16 * 1024, 2
#: Bytes of steps at once after a pause: 10 000 agents that leave and come back are 2 MB.
_BURST_BYTES = 2 * 1024 * 1024
#: A console's snapshots: bytes in a second, however often it asks for one.
_SNAPSHOT_BYTES_A_SECOND = 256 * 1024
#: Agents remembered after they have left, over a restart too; of more, the one that left first of those from the
#: network with the most is forgotten.
MOST_AWAY = 1024
#: Characters of an agent's texts about itself, and the number of kinds that it may serve.
_MOST_TEXT, _MOST_VERSION, _MOST_SERVES = 64, 32, 16
#: Bytes of UTF-8 for each character of such a text on average.
_BYTES_OF_CHARACTER = 2
#: The version shown for agents that logged in with an older dialect.
LEGACY_VERSION = "legacy"


def sanitised(about: About) -> About:
    """Return an agent's description of itself, safe to print and short."""
    return About(
        host=_short(about.host, _MOST_TEXT),
        os=_short(about.os, _MOST_TEXT),
        user=_short(about.user, _MOST_TEXT),
        version=_short(about.version, _MOST_VERSION),
        serves=[_short(kind, _MOST_VERSION // _BYTES_OF_CHARACTER) for kind in about.serves[:_MOST_SERVES]],
        streams=about.streams,
    )


def _short(text: str, most: int) -> str:
    """Return a text that is safe to print, of so many characters at most, and twice as many bytes."""
    return printable(text, most).encode()[: _BYTES_OF_CHARACTER * most].decode(errors="ignore")


@dataclass(eq=False, slots=True)
class _Watcher:
    """A console that watches.

    Attributes:
        revision: the revision of its copy, once the snapshot is sent.
        snapshot: the rest of its snapshot; None if it needs a new one.
        begun: whether the snapshot's first chunk was sent.
        not_before: the earliest time for its next snapshot, so that repeated requests cost little.
        is_on: whether it watches now; once it has watched, `not_before` is remembered.
    """

    revision: int = 0
    snapshot: deque[RosterEntry] | None = None
    begun: bool = False
    sent: bool = False
    not_before: float = 0.0
    is_on: bool = True


@dataclass(slots=True)
class Publisher:
    """The roster of one relay. `now` is in seconds of one monotonic clock."""

    most_away: int = MOST_AWAY
    _entries: dict[str, RosterEntry] = field(default_factory=dict)
    _away: dict[str, RosterEntry] = field(default_factory=dict)
    _from: SharedTable[str] = field(init=False)  # where those that are away were
    _sources: dict[str, Source] = field(default_factory=dict)  # where connected agents are
    _published: dict[str, RosterEntry] = field(default_factory=dict)
    _serves: dict[str, bool] = field(default_factory=dict)  # of legacy clients, see `acted`
    _served_from: SharedTable[str] = field(init=False)
    _touched: dict[str, None] = field(default_factory=dict)
    _told: set[str] = field(default_factory=set)  # those of them that snapshots had: the next step always has them
    _steps: deque[tuple[Roster, int]] = field(default_factory=deque)
    _step_bytes: int = 0
    _watchers: dict[Client, _Watcher] = field(default_factory=dict)
    _next_at: float = 0.0
    _published_at: dict[str, float] = field(default_factory=dict)
    _budget: float = _BURST_BYTES
    _budget_at: float = 0.0
    #: How often the agents have changed in a way that is worth keeping over a restart.
    changes: int = 0
    #: The number of the last step; never 0, so that an empty message is no step.
    revision: int = 1

    def __post_init__(self) -> None:
        self._from, self._served_from = SharedTable(self.most_away), SharedTable(self.most_away)

    def __len__(self) -> int:
        """Return how many agents are connected."""
        return len(self._entries)

    @property
    def watchers(self) -> Sequence[Client]:
        """The consoles that watch."""
        return [client for client, watcher in self._watchers.items() if watcher.is_on]

    def joined(self, client_id: str, connected_unix_ms: int, version: str = "", source: Source | None = None) -> None:
        """Record an agent that logged in; it replaces an older one under the same id.

        Its entry stays empty until it has described itself, but has `version` if that is given.
        """
        self._entries[client_id] = RosterEntry(
            id=client_id,
            about=About(version=version) if version else None,
            connected_unix_ms=connected_unix_ms,
            console=version == LEGACY_VERSION and self._serves.get(client_id) is False,
        )
        self._away.pop(client_id, None)
        self._from.remove(client_id)
        if source is not None:
            self._sources[client_id] = source
        self._touched[client_id] = None
        self.changes += 1

    def described(self, client_id: str, about: About) -> None:
        """Record a connected agent's description of itself. No-op if there is no such agent."""
        old = self._entries.get(client_id)
        if old is None:
            return
        entry = RosterEntry(id=client_id, about=sanitised(about), connected_unix_ms=old.connected_unix_ms)
        self._entries[client_id] = entry
        self._touched[client_id] = None
        self.changes += 1

    def acted(self, client_id: str, source: Source, *, serves: bool) -> None:
        """Record that a client with an older dialect has accepted a link (`serves`) or asked for one.

        Existing programs do not tell their role. One that opens links is the control side, unless it serves some as
        well: then it is an agent. The publisher remembers both, for as many clients as agents that left.
        """
        known = self._serves.get(client_id)
        if known or known is serves:
            return
        self._serves[client_id] = serves
        if (forgotten := self._served_from.put(client_id, source)) is not None:
            del self._serves[forgotten]
        entry = self._entries.get(client_id)
        if entry is not None and entry.about.version == LEGACY_VERSION:
            changed = self._entries[client_id] = RosterEntry()  # the old one may be published
            changed.CopyFrom(entry)
            changed.console = not serves
            self._touched[client_id] = None

    def left(self, client_id: str, source: Source, now_unix_ms: int) -> None:
        """Record that an agent is gone, which was connected from `source`. No-op if there is no such agent."""
        entry = self._entries.pop(client_id, None)
        if entry is None:
            return
        self.changes += 1
        self._touched[client_id] = None
        self._sources.pop(client_id, None)
        if not entry.console:
            self._remember(client_id, source, now_unix_ms, entry.about if entry.HasField("about") else None)

    def _remember(self, client_id: str, source: Source, since_unix_ms: int, about: About | None) -> None:
        self._away[client_id] = RosterEntry(id=client_id, about=about, away_since_unix_ms=since_unix_ms)
        if (forgotten := self._from.put(client_id, source)) is not None:
            del self._away[forgotten]
            self._touched[forgotten] = None

    def kept(self, now_unix_ms: int) -> list[KeptAgent]:
        """Return the agents to keep over a restart: those that are away, and connected ones while there is room.

        Args:
            now_unix_ms: since when connected ones count as away; 0 if that is not known yet.
        """
        connected = (entry for entry in self._entries.values() if not entry.console)
        room = max(0, self.most_away - len(self._away))
        return [
            KeptAgent(
                entry.id,
                entry.away_since_unix_ms or now_unix_ms,
                self._network_of(entry.id),
                entry.about if entry.HasField("about") else None,
            )
            for entry in (*self._away.values(), *islice(connected, room))
        ]

    def _network_of(self, client_id: str) -> str:
        source = self._sources.get(client_id) or self._from.get(client_id)
        return "" if source is None else source.narrow

    def restore(self, agents: Iterable[KeptAgent]) -> None:
        """Take the agents that an earlier run has kept; they are away."""
        for agent in agents:
            self._touched[agent.client_id] = None
            about = sanitised(agent.about) if agent.about is not None else None
            source = source_of(agent.network.partition("/")[0])
            self._remember(agent.client_id, source, agent.away_since_unix_ms, about)

    def watch(self, client: Client, now: float) -> None:
        """Let a console watch from a fresh snapshot on, even if it watches already. Call `next_message` then."""
        old = self._watchers.get(client)
        # Not at once again: a snapshot of 10 000 agents is over a megabyte.
        self._watchers[client] = _Watcher(not_before=old.not_before if old is not None else now)

    def unwatch(self, client: Client) -> None:
        """Stop a console's watching. No-op if it does not watch."""
        if (watcher := self._watchers.get(client)) is not None:
            self._watchers[client] = _Watcher(not_before=watcher.not_before, is_on=False)

    def gone(self, client: Client) -> None:
        """Forget a console that is gone."""
        self._watchers.pop(client, None)

    def publish(self, now: float) -> None:
        """Make steps of the changes, if the last steps are a second old; call `next_message` then."""
        if now < self._next_at or not self._touched:
            return
        self._next_at = now + PUBLISH_SECONDS
        rate = _STEP_BYTES_A_SECOND + _STEP_BYTES_OF_AGENT * (len(self._entries) + len(self._away))
        self._budget = min(_BURST_BYTES, self._budget + (now - self._budget_at) * rate)
        self._budget_at = now
        is_told = any(each.sent or each.snapshot is not None for each in self._watchers.values() if each.is_on)
        left: list[str] = []
        changed: list[RosterEntry] = []
        for client_id in self._in_order():
            before = self._published.get(client_id)
            after = self._entries.get(client_id) or self._away.get(client_id)
            if before != after or client_id in self._told:
                if is_told:  # else it costs nothing: who begins to watch gets a snapshot
                    if self._budget <= 0:
                        break
                    self._budget -= _size_of_left(client_id) if after is None else _size(after)
                if after is None:
                    left.append(client_id)
                    self._published.pop(client_id, None)
                    self._published_at.pop(client_id, None)
                else:
                    changed.append(after)
                    self._published[client_id], self._published_at[client_id] = after, now
            del self._touched[client_id]
            self._told.discard(client_id)
        for chunk in _chunks(left, changed):
            self.revision += 1
            chunk.revision = self.revision
            self._keep(chunk)

    def _in_order(self) -> list[str]:
        """Return the agents that have changed, in the order in which they are told: new ones and others in turn."""
        new = [each for each in self._touched if each not in self._published_at]
        old = sorted(self._touched.keys() - set(new), key=lambda each: self._published_at[each])
        in_turn = chain.from_iterable(zip_longest(new, old))
        return [each for each in in_turn if each is not None]

    def next_message(self, client: Client, now: float, now_unix_ms: int) -> Roster | None:
        """Return the next message for a console, None if it has everything or does not watch."""
        watcher = self._watchers.get(client)
        if watcher is None or not watcher.is_on:
            return None
        if watcher.snapshot is None:
            if watcher.sent:
                if watcher.revision == self.revision:
                    return None
                missing = self.revision - watcher.revision
                if missing <= len(self._steps):
                    watcher.revision += 1
                    step = Roster()
                    step.CopyFrom(self._steps[-missing][0])
                    step.now_unix_ms = now_unix_ms
                    return step
            if now < watcher.not_before:
                return None
            self.publish(now)
            watcher.snapshot = deque(self._now())
            watcher.begun, watcher.sent, watcher.revision = False, False, self.revision
            size = sum(map(_size, watcher.snapshot))
            watcher.not_before = now + max(PUBLISH_SECONDS, size / _SNAPSHOT_BYTES_A_SECOND)
        return self._next_chunk(watcher, watcher.snapshot, now_unix_ms)

    def _now(self) -> Iterable[RosterEntry]:
        """Return all entries as they are now, for a watcher that will get the next steps; marks them as told."""
        now = dict(self._published)
        for client_id in self._touched:
            if (entry := self._entries.get(client_id) or self._away.get(client_id)) is not None:
                now[client_id] = entry
            else:
                now.pop(client_id, None)
        self._told.update(self._touched)
        return now.values()

    def _next_chunk(self, watcher: _Watcher, rest: deque[RosterEntry], now_unix_ms: int) -> Roster:
        chunk = Roster(revision=watcher.revision, snapshot_begin=not watcher.begun, now_unix_ms=now_unix_ms)
        watcher.begun = True
        size = 0
        while rest and (size := size + _size(rest[0])) <= CHUNK_BYTES:
            _add(chunk, rest.popleft())
        if not rest:
            chunk.snapshot_end = True
            watcher.snapshot, watcher.sent = None, True
        return chunk

    def _keep(self, step: Roster) -> None:
        size = step.ByteSize()
        self._steps.append((step, size))
        self._step_bytes += size
        while len(self._steps) > _MAX_STEPS or self._step_bytes > _MAX_STEP_BYTES:
            self._step_bytes -= self._steps.popleft()[1]


def _size(entry: RosterEntry) -> int:
    # Tags and lengths in the lists: an agent that is away is in two of them.
    return entry.ByteSize() + 4 + (4 * len(entry.id) + 4 if entry.away_since_unix_ms else 0)


def _size_of_left(client_id: str) -> int:
    return 4 * len(client_id) + 4


def _add(roster: Roster, entry: RosterEntry) -> None:
    (roster.away if entry.away_since_unix_ms else roster.present).append(entry)


def _chunks(left: Iterable[str], changed: Iterable[RosterEntry]) -> list[Roster]:
    """Return the changes in messages of at most CHUNK_BYTES."""
    chunks: list[Roster] = []
    room = 0

    def chunk(size: int) -> Roster:
        nonlocal room
        if size > room:
            chunks.append(Roster())
            room = CHUNK_BYTES
        room -= size
        return chunks[-1]

    for client_id in left:
        chunk(_size_of_left(client_id)).left.append(client_id)
    for entry in changed:
        step = chunk(_size(entry))
        _add(step, entry)
        if entry.away_since_unix_ms:
            step.left.append(entry.id)
    return chunks
