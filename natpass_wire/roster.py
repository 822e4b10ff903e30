"""A console's copy of the relay's roster: which agents are connected, and which were.

A relay sends a snapshot in chunks (all of one revision, the first with `snapshot_begin`, the last with
`snapshot_end`), then one message for each step to the next revision. If a step is missing, the copy asks for a new
snapshot. It keeps the old entries until that is complete.

Strings in the entries come from the agents: use `natpass_wire.text.printable` before showing them.
"""

# Why: docs/decisions/007-roster-revisions.md

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from natpass_wire.errors import RemoteProtocolError
from natpass_wire.pb.roster_pb2 import Roster, RosterEntry

#: The most agents of a roster: ten times what a relay is made for.
MAX_ENTRIES = 100_000


@dataclass(frozen=True, slots=True)
class RosterChanges:
    """What a message did to the copy.

    changed: entries that are new or differ: of agents that joined or changed, or that left and are remembered (then
        `away_since_unix_ms` is not 0).
            left and are remembered.
        left: ids of agents that left and are not remembered.
        gap: the copy has missed something: ask the relay for a new snapshot (`roster_watch` with `on`). Reported once.
    """

    changed: tuple[RosterEntry, ...] = ()
    left: tuple[str, ...] = ()
    gap: bool = False


_NOTHING = RosterChanges()


class RosterMirror:
    """The copy of one relay's roster, over one connection; call `restart` for a new connection."""

    def __init__(self) -> None:
        self._entries: dict[str, RosterEntry] = {}
        self._staged: dict[str, RosterEntry] | None = None
        self._staged_revision = 0
        self._revision: int | None = None
        #: The relay's clock when it sent the last message that was taken, unix milliseconds.
        self.now_unix_ms = 0

    @property
    def entries(self) -> Mapping[str, RosterEntry]:
        """The agents by id, connected or away, as of the last message."""
        return MappingProxyType(self._entries)

    @property
    def is_complete(self) -> bool:
        """Whether the copy follows the relay: it has a whole snapshot and every step since."""
        return self._revision is not None

    def restart(self) -> None:
        """Begin again with a new connection; the old entries stay until its snapshot is complete."""
        self._staged = None
        self._revision = None

    def receive(self, roster: Roster) -> RosterChanges:
        """Take a message from the relay; return what it changed.

        Raises:
            RemoteProtocolError: the roster has more than `MAX_ENTRIES` agents.
        """
        if roster.snapshot_begin:
            self._staged, self._staged_revision = {}, roster.revision
        if self._staged is not None:
            return self._stage(roster, self._staged)
        if self._revision is None:
            return _NOTHING  # the snapshot that this step builds on is under way
        if roster.revision != self._revision + 1:
            self._revision = None
            return RosterChanges(gap=True)
        self._revision = roster.revision
        self.now_unix_ms = roster.now_unix_ms
        changed = _by_id(roster)
        left = tuple(
            client_id
            for client_id in roster.left
            if self._entries.pop(client_id, None) is not None and client_id not in changed
        )
        self._entries.update(changed)
        _check_size(self._entries)
        return RosterChanges(tuple(changed.values()), left)

    def _stage(self, roster: Roster, staged: dict[str, RosterEntry]) -> RosterChanges:
        if roster.revision != self._staged_revision:
            self.restart()
            return RosterChanges(gap=True)
        staged.update(_by_id(roster))
        _check_size(staged)
        if not roster.snapshot_end:
            return _NOTHING
        old, self._entries = self._entries, staged
        self._staged = None
        self._revision = roster.revision
        self.now_unix_ms = roster.now_unix_ms
        changed = tuple(entry for client_id, entry in staged.items() if old.get(client_id) != entry)
        return RosterChanges(changed, tuple(client_id for client_id in old if client_id not in staged))


def _by_id(roster: Roster) -> dict[str, RosterEntry]:
    """Return the entries of a message; an agent that is listed as both connected and away is connected."""
    return {entry.id: entry for entries in (roster.away, roster.present) for entry in entries}


def _check_size(entries: Mapping[str, RosterEntry]) -> None:
    if len(entries) > MAX_ENTRIES:
        raise RemoteProtocolError(f"a roster of over {MAX_ENTRIES} agents")
