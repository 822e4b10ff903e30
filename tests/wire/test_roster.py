"""The console's copy of the roster: right, or known to be wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from natpass_wire import roster as roster_module
from natpass_wire.errors import RemoteProtocolError
from natpass_wire.pb.roster_pb2 import Roster, RosterEntry
from natpass_wire.roster import RosterChanges, RosterMirror


def entries(*ids: str, since: int = 1) -> list[RosterEntry]:
    return [RosterEntry(id=client_id, connected_unix_ms=since) for client_id in ids]


def snapshot(*ids: str, revision: int = 5) -> Roster:
    return Roster(revision=revision, snapshot_begin=True, snapshot_end=True, present=entries(*ids), now_unix_ms=99)


def mirror_of(*ids: str) -> RosterMirror:
    mirror = RosterMirror()
    mirror.receive(snapshot(*ids))
    return mirror


def test_a_snapshot_counts_once_it_is_whole() -> None:
    mirror = RosterMirror()
    assert mirror.receive(Roster(revision=5, snapshot_begin=True, present=entries("a"))) == RosterChanges()
    assert list(mirror.entries) == []
    changes = mirror.receive(Roster(revision=5, snapshot_end=True, present=entries("b"), now_unix_ms=99))
    assert [entry.id for entry in changes.changed] == ["a", "b"]
    assert mirror.is_complete
    assert (list(mirror.entries), mirror.now_unix_ms) == (["a", "b"], 99)


def test_a_step_changes_the_copy() -> None:
    mirror = mirror_of("a", "b")
    changes = mirror.receive(Roster(revision=6, present=entries("c"), left=["a", "unknown"]))
    assert ([entry.id for entry in changes.changed], changes.left, changes.gap) == (["c"], ("a",), False)
    assert list(mirror.entries) == ["b", "c"]


@pytest.mark.parametrize("revision", [0, 4, 5, 7])
def test_a_gap_is_told_once_and_the_old_entries_stay_until_the_new_snapshot(revision: int) -> None:
    mirror = mirror_of("a", "b")
    assert mirror.receive(Roster(revision=revision, left=["a"])) == RosterChanges(gap=True)
    assert mirror.receive(Roster(revision=revision + 1, left=["b"])) == RosterChanges()
    assert not mirror.is_complete
    assert list(mirror.entries) == ["a", "b"]
    changes = mirror.receive(snapshot("b", "c", revision=9))
    assert ([entry.id for entry in changes.changed], changes.left) == (["c"], ("a",))
    assert mirror.receive(Roster(revision=10)) == RosterChanges()
    assert mirror.is_complete


def test_a_snapshot_that_changes_its_revision_midway_is_a_gap() -> None:
    mirror = RosterMirror()
    mirror.receive(Roster(revision=5, snapshot_begin=True, present=entries("a")))
    assert mirror.receive(Roster(revision=6, snapshot_end=True)).gap


def test_a_new_connection_starts_from_a_snapshot() -> None:
    mirror = mirror_of("a")
    mirror.restart()
    assert mirror.receive(Roster(revision=6, left=["a"])) == RosterChanges()
    assert list(mirror.entries) == ["a"]
    assert mirror.receive(snapshot(revision=1)).left == ("a",)


def test_a_roster_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roster_module, "MAX_ENTRIES", 2)
    mirror = mirror_of("a", "b")
    with pytest.raises(RemoteProtocolError):
        mirror.receive(Roster(revision=6, present=entries("c")))
    with pytest.raises(RemoteProtocolError):
        mirror.receive(snapshot("a", "b", "c"))


@given(
    st.lists(
        st.builds(
            Roster,
            revision=st.integers(0, 4),
            snapshot_begin=st.booleans(),
            snapshot_end=st.booleans(),
            present=st.lists(st.sampled_from(entries("a", "b", "c") + entries("a", since=2)), max_size=3),
            left=st.lists(st.sampled_from("abc"), max_size=2),
            away=st.lists(st.sampled_from([RosterEntry(id=one, away_since_unix_ms=3) for one in "abc"]), max_size=2),
        ),
        max_size=12,
    )
)
def test_the_changes_tell_everything_whatever_comes(messages: list[Roster]) -> None:
    mirror = RosterMirror()
    shown: dict[str, RosterEntry] = {}
    for message in messages:
        changes = mirror.receive(message)
        for client_id in changes.left:
            del shown[client_id]
        shown.update((entry.id, entry) for entry in changes.changed)
        assert shown == dict(mirror.entries)
