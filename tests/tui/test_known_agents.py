"""Pins are on the disk before anything is said to an agent, whatever other consoles do meanwhile."""

import os
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from filelock import FileLock

from natpass_tui import known_agents
from natpass_tui.known_agents import FILE, LOCK, KnownAgentsStore, KnownFile
from natpass_wire.errors import UserError
from natpass_wire.identity.known import KeyStatus
from natpass_wire.program.platform import HAS_FILE_MODES, user_id
from natpass_wire.program.state import StateDir
from tests.support.waiting import patience

NOW = datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC)
ONE, TWO = bytes(32), bytes(31) + b"1"


@pytest.fixture
def state(tmp_path: Path) -> StateDir:
    return StateDir(tmp_path / "state")


def agents(state: StateDir, relay: str = "relay:6154") -> KnownAgentsStore:
    return KnownAgentsStore(state, relay, lambda: NOW)


def test_the_first_key_is_the_agents_for_ever(state: StateDir) -> None:
    first = agents(state)
    assert not first.is_pinned("web")
    assert first.check("web", ONE).trust is KeyStatus.NEW
    for console in (first, agents(state), agents(state, "RELAY:6154")):
        assert console.is_pinned("web")
        assert console.check("web", ONE).trust is KeyStatus.KNOWN
        changed = console.check("web", TWO)
        assert (changed.trust, changed.pin.key.raw, changed.pin.since) == (KeyStatus.CHANGED, ONE, NOW)
        assert console.check("web", ONE).trust is KeyStatus.KNOWN
    if HAS_FILE_MODES:
        assert {stat.S_IMODE(path.stat().st_mode) for path in state.path.iterdir()} == {0o600}


def test_each_relay_has_its_own_agents(state: StateDir) -> None:
    agents(state).check("web", ONE)
    other = agents(state, "other:6154")
    assert not other.is_pinned("web")
    assert other.check("web", TWO).trust is KeyStatus.NEW
    assert [pin.relay for pin in other.list()] == ["other:6154"]
    assert [pin.relay for pin in KnownFile(state).read().pins] == ["relay:6154", "other:6154"]
    assert KnownFile(state).forget("web", "other:6154")
    assert agents(state).is_pinned("web")
    other.check("web", TWO)
    assert len(KnownFile(state).forget("web")) == 2
    assert not agents(state).is_pinned("web")


def test_what_another_console_does_is_seen(state: StateDir) -> None:
    first, second = agents(state), agents(state)
    assert not first.is_pinned("web")
    second.check("web", ONE)
    assert first.check("web", TWO).trust is KeyStatus.CHANGED
    assert [pin.agent_id for pin in KnownFile(state).forget("web")] == ["web"]
    assert KnownFile(state).forget("web") == ()
    assert first.check("web", TWO).trust is KeyStatus.NEW
    assert second.check("web", ONE).trust is KeyStatus.CHANGED


@pytest.fixture
def _long_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let consoles wait for each other as long as it takes here; how long they do otherwise is not the question."""
    monkeypatch.setattr(known_agents, "LOCK_SECONDS", patience(20))


@pytest.mark.usefixtures("_long_waits")
def test_of_consoles_that_pin_at_once_one_wins(state: StateDir) -> None:
    keys = [os.urandom(32) for _ in range(8)]
    with ThreadPoolExecutor(len(keys)) as pool:
        checked = list(pool.map(lambda key: agents(state).check("web", key), keys))
    new = [result for result in checked if result.trust is KeyStatus.NEW]
    assert len(new) == 1
    assert {result.pin for result in checked} == {new[0].pin}
    assert {result.trust for result in checked if result is not new[0]} == {KeyStatus.CHANGED}


@pytest.mark.usefixtures("_long_waits")
def test_no_pin_is_lost_among_many(state: StateDir) -> None:
    names = [f"web-{number}" for number in range(32)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: agents(state).check(name, ONE), names))
    assert {pin.agent_id for pin in agents(state).list()} == set(names)
    assert sorted(path.name for path in state.path.iterdir()) == sorted([FILE, LOCK])


def test_the_file_is_read_when_it_changes_only(state: StateDir, monkeypatch: pytest.MonkeyPatch) -> None:
    console = agents(state)
    console.check("web", ONE)
    assert console.is_pinned("web")
    monkeypatch.setattr(StateDir, "read", lambda *_: pytest.fail("read again"))
    assert console.check("web", ONE).trust is KeyStatus.KNOWN
    assert console.check("web", TWO).trust is KeyStatus.CHANGED


def test_what_a_user_wrote_stays(state: StateDir) -> None:
    state.replace(FILE, b"# mine\n\n")
    agents(state).check("web", ONE)
    assert (state.path / FILE).read_text().startswith("# mine\n\nrelay:6154 x25519:")
    KnownFile(state).forget("web")
    assert (state.path / FILE).read_text() == "# mine\n\n"


def test_a_damaged_file_is_trusted_in_nothing(state: StateDir) -> None:
    console = agents(state)
    console.check("web", ONE)
    content = (state.path / FILE).read_bytes()
    state.replace(FILE, content + b"half a li")
    for refused in (
        lambda: console.check("web", ONE),
        lambda: console.check("new", ONE),
        lambda: console.is_pinned("web"),
        lambda: console.is_pinned("web"),  # not only the first time
        lambda: KnownFile(state).forget("web"),
    ):
        with pytest.raises(UserError, match=r"known_agents, line 3: .*mend or remove"):
            refused()
    state.replace(FILE, content)
    assert console.is_pinned("web")


@pytest.mark.skipif(not HAS_FILE_MODES, reason="no file modes")
def test_a_file_that_others_can_touch_is_refused(state: StateDir) -> None:
    console = agents(state)
    console.check("web", ONE)
    (state.path / FILE).chmod(0o620)
    with pytest.raises(UserError, match="chmod 600"):
        console.check("web", ONE)
    with pytest.raises(UserError, match="chmod 600"):
        agents(state).is_pinned("web")


def test_a_pin_that_can_not_be_written_is_none(state: StateDir, monkeypatch: pytest.MonkeyPatch) -> None:
    console = agents(state)
    console.check("web", ONE)

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(UserError, match=r"cannot write .*known_agents: No space left on device"):
            console.check("new", TWO)
        with pytest.raises(UserError, match="No space left"):
            KnownFile(state).forget("web")
        assert console.check("web", ONE).trust is KeyStatus.KNOWN
    assert not console.is_pinned("new")
    assert sorted(path.name for path in state.path.iterdir()) == sorted([FILE, LOCK])


def test_what_can_not_be_pinned_is_found_out_before_anything_is_asked_for(
    state: StateDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command would run over there, and be said to have failed."""
    console = agents(state)
    console.check("web", ONE)
    monkeypatch.setattr(known_agents, "LOCK_SECONDS", 0.05)
    with FileLock(state.path / LOCK):
        with pytest.raises(UserError, match=r"another console holds .*could not be pinned"):
            console.look("new", ONE)
        assert console.look("web", ONE).trust is KeyStatus.KNOWN  # with nothing to write, nothing need be writable
        assert console.look("web", TWO).trust is KeyStatus.CHANGED
    assert console.look("new", ONE).trust is KeyStatus.NEW
    assert not console.is_pinned("new")

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match="No space left on device"):
        console.look("new", ONE)


@pytest.fixture
def read_only(state: StateDir) -> Iterator[StateDir]:
    agents(state).check("web", ONE)
    (state.path / LOCK).unlink()
    state.path.chmod(0o500)
    yield state
    state.path.chmod(0o700)


@pytest.mark.skipif(not HAS_FILE_MODES or user_id() == 0, reason="root writes everywhere")
def test_a_directory_that_can_not_be_written_serves_what_is_known(read_only: StateDir) -> None:
    console = agents(read_only)
    assert console.check("web", ONE).trust is KeyStatus.KNOWN
    assert KnownFile(read_only).forget("none") == ()
    with pytest.raises(UserError, match=r"cannot lock .*--state-dir"):
        console.check("new", ONE)


def test_a_file_system_without_locks_is_a_users_mistake(state: StateDir, monkeypatch: pytest.MonkeyPatch) -> None:
    """Older releases of filelock have an error of their own for that."""

    def acquire(*_: object) -> None:
        raise NotImplementedError("FileSystem does not appear to support flock")

    monkeypatch.setattr(FileLock, "acquire", acquire)
    with pytest.raises(UserError, match=r"cannot lock .*: its file system has no locks; see --state-dir"):
        agents(state).check("web", ONE)


def test_a_place_that_is_none_pins_nothing() -> None:
    with pytest.raises(UserError, match=r"cannot lock .*--state-dir"):
        agents(StateDir(Path("/proc/no/such"))).check("web", ONE)


def test_a_console_that_hangs_does_not_hang_others(state: StateDir, monkeypatch: pytest.MonkeyPatch) -> None:
    agents(state).check("web", ONE)
    monkeypatch.setattr(known_agents, "LOCK_SECONDS", 0.05)
    with FileLock(state.path / LOCK):
        with pytest.raises(UserError, match=r"another console holds .*could not be pinned"):
            agents(state).check("new", ONE)
        assert agents(state).check("web", ONE).trust is KeyStatus.KNOWN
    assert agents(state).check("new", ONE).trust is KeyStatus.NEW
