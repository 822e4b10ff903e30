"""The agent does what its file says now, and serves nobody while it can't tell what that is."""

import logging
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from natpass_agent.authorized import DAMAGED, FILE, MOST_FAULTS, SEEN_EVERY, UNSEALED, AuthorizedConsolesFile
from natpass_agent.remembered import Memory
from natpass_wire.errors import UserError
from natpass_wire.identity.authorized import ALL, MAX_BYTES, Rights
from natpass_wire.identity.keys import PublicKey
from natpass_wire.program.platform import HAS_FILE_MODES
from natpass_wire.program.state import StateDir

ONE, TWO = bytes(32), bytes(31) + b"1"
LINE = f"{PublicKey(ONE)} one\n".encode()
#: Now, as files that are written now have it.
NOW = datetime.now(UTC) + timedelta(days=1)  # later than the files of a test that runs long after the import


@pytest.fixture
def state(tmp_path: Path) -> StateDir:
    return StateDir(tmp_path)


def started(state: StateDir, path: Path | None = None, name: str = "box") -> AuthorizedConsolesFile:
    """Return the file as an agent has it that has started."""
    consoles = AuthorizedConsolesFile.at(path, state, name)
    consoles.begin()
    return consoles


def test_without_a_file_whoever_has_the_secret_is_served(state: StateDir) -> None:
    consoles = started(state)
    assert consoles.rights_of(ONE) == ALL
    assert consoles.rights_of(None) == ALL


def test_a_file_is_obeyed_from_when_it_is_there(state: StateDir) -> None:
    consoles = started(state)
    assert consoles.rights_of(TWO) == ALL
    state.replace(FILE, LINE)
    assert consoles.rights_of(ONE) == ALL
    assert "does not know your console's key" in str(consoles.rights_of(TWO))
    assert consoles.rights_of(None) == UNSEALED
    state.replace(FILE, b"read-only " + LINE)
    assert consoles.rights_of(ONE) == Rights(read_only=True)
    state.replace(FILE, b"")
    assert isinstance(consoles.rights_of(ONE), str)


def test_a_file_that_was_there_is_missed(state: StateDir) -> None:
    """An editor that removes it for a moment opens no door."""
    consoles = started(state)
    state.replace(FILE, LINE)
    assert consoles.rights_of(ONE) == ALL
    (state.path / FILE).unlink()
    assert consoles.rights_of(ONE) == DAMAGED
    state.replace(FILE, LINE)
    assert consoles.rights_of(ONE) == ALL


def test_a_file_that_was_there_at_the_start_is_missed_as_well(state: StateDir) -> None:
    """No link has to come first: it would have opened the door to everybody."""
    state.replace(FILE, LINE)
    consoles = started(state)
    (state.path / FILE).unlink()
    assert [consoles.rights_of(key) for key in (ONE, TWO, None)] == [DAMAGED] * 3


def test_the_log_says_at_the_start_who_is_served(state: StateDir, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    started(state)
    assert not caplog.records
    state.replace(FILE, LINE)
    started(state)
    state.replace(FILE, b"what?\n")
    started(state)
    assert [record.message for record in caplog.records] == [
        f"serving the consoles in {state.path / FILE}, and no others",
        f"{state.path / FILE}, line 1 grants nothing: not OPTIONS x25519:KEY COMMENT",
        f"serving the consoles in {state.path / FILE}, and no others",
    ]


def test_a_line_that_is_none_grants_nothing_and_is_named_once(
    state: StateDir, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    consoles = started(state)
    state.replace(FILE, LINE + b"no-such " + f"{PublicKey(TWO)}\nwhat?\n".encode())
    for _ in range(2):
        assert consoles.rights_of(ONE) == ALL
        assert "line 2 of this agent's authorized_consoles" in str(consoles.rights_of(TWO))
        assert consoles.rights_of(None) == UNSEALED
    where = state.path / FILE
    named = [
        f"{where}, line 2 grants nothing: there is no option no-such (kinds, read-only, forward, listen, expiry-time)",
        f"{where}, line 3 grants nothing: not OPTIONS x25519:KEY COMMENT",
    ]
    assert [(record.message, record.levelname) for record in caplog.records] == [(line, "ERROR") for line in named]
    state.replace(FILE, f"{PublicKey(TWO)}\nwhat?\n".encode())
    assert "does not know" in str(consoles.rights_of(ONE))
    assert consoles.rights_of(TWO) == ALL
    assert caplog.messages[2:] == [f"{where}, line 2 grants nothing: not OPTIONS x25519:KEY COMMENT"]


def test_a_file_that_is_no_such_file_at_all_fills_no_log(state: StateDir, caplog: pytest.LogCaptureFixture) -> None:
    state.replace(FILE, b"what?\n" * 1000)
    assert "does not know" in str(started(state).rights_of(ONE))
    assert len(caplog.messages) == MOST_FAULTS + 1
    assert caplog.messages[-1] == f"{state.path / FILE} has {1000 - MOST_FAULTS} more lines that grant nothing"


def test_a_file_that_is_too_long_serves_nobody_and_says_so_once(
    state: StateDir, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    state.replace(FILE, LINE + b"#" * MAX_BYTES)
    consoles = started(state)
    assert [consoles.rights_of(key) for key in (ONE, TWO, None)] == [DAMAGED] * 3
    assert caplog.messages == [f"no console is served: {state.path / FILE} is longer than {MAX_BYTES} bytes"]
    state.replace(FILE, LINE)
    assert consoles.rights_of(ONE) == ALL
    assert "served again" in caplog.records[-1].message


@pytest.mark.skipif(not HAS_FILE_MODES, reason="no file modes")
@pytest.mark.parametrize("mode", [0o660, 0o606, 0o640])
def test_a_file_that_others_can_touch_serves_nobody(
    state: StateDir, mode: int, caplog: pytest.LogCaptureFixture
) -> None:
    consoles = started(state)
    state.replace(FILE, LINE)
    assert consoles.rights_of(ONE) == ALL
    (state.path / FILE).chmod(mode)
    assert consoles.rights_of(ONE) == DAMAGED
    assert "chmod 600" in caplog.text


def test_a_file_that_is_named_has_to_be_there(state: StateDir) -> None:
    path = state.path / "else" / "who"
    with pytest.raises(UserError, match=r"there is no .*--authorized-consoles"):
        started(state, path)
    StateDir(path.parent).replace("who", LINE)
    consoles = started(state, path)
    assert consoles.rights_of(ONE) == ALL
    path.unlink()
    assert consoles.rights_of(ONE) == DAMAGED


def test_the_file_is_read_when_it_changes_only(state: StateDir, monkeypatch: pytest.MonkeyPatch) -> None:
    state.replace(FILE, LINE)
    consoles = started(state)
    assert consoles.rights_of(ONE) == ALL
    monkeypatch.setattr(StateDir, "read", lambda *_: pytest.fail("read again"))
    assert consoles.rights_of(ONE) == ALL


def test_time_goes_on_while_the_file_stays(state: StateDir) -> None:
    now = NOW
    consoles = AuthorizedConsolesFile(state.path / FILE, Memory(state, "box"), is_required=False, now=lambda: now)
    state.replace(FILE, b'expiry-time="2100-06-02" ' + LINE)
    assert consoles.rights_of(ONE) == ALL
    now = datetime(2100, 6, 2, tzinfo=UTC)
    assert "until 2100-06-02" in str(consoles.rights_of(ONE))


def test_a_file_that_was_there_before_a_restart_is_missed(state: StateDir, caplog: pytest.LogCaptureFixture) -> None:
    state.replace(FILE, LINE)
    started(state)
    (state.path / FILE).unlink()
    for name in ("box", "another agent of this state directory"):
        assert [started(state, name=name).rights_of(key) for key in (ONE, TWO, None)] == [DAMAGED] * 3
    memory = Memory(state, "box").path
    assert f"is gone; to serve every console that has the secret, remove {memory} and restart" in caplog.text
    state.replace(FILE, LINE)
    assert started(state).rights_of(ONE) == ALL
    assert started(state).rights_of(TWO) != ALL
    (state.path / FILE).unlink()
    memory.unlink()
    assert started(state).rights_of(TWO) == ALL


def test_a_file_that_an_option_named_is_missed_when_the_option_is_gone(
    state: StateDir, caplog: pytest.LogCaptureFixture
) -> None:
    StateDir(state.path / "else").replace("who", LINE)
    path = state.path / "else" / "who"
    started(state, path)
    assert started(state).rights_of(TWO) == DAMAGED
    assert f"this agent obeyed {path} before: say --authorized-consoles {path}" in caplog.text
    assert started(state, name="another").rights_of(TWO) == ALL
    state.replace(FILE, LINE)
    assert "does not know" in str(started(state).rights_of(TWO))


def test_a_start_that_fails_remembers_nothing(state: StateDir) -> None:
    state.replace(FILE, LINE)
    assert AuthorizedConsolesFile.at(None, state, "box").rights_of(ONE) == ALL
    assert not Memory(state, "box").path.exists()


def test_a_damaged_memory_stops_the_agent(state: StateDir) -> None:
    for content in (b"", b"{", b"[]", b'{"file": "", "seen": 1}', b'{"file": "x", "seen": 1e99}', b"\xff"):
        state.replace("agent-box.consoles", content)
        with pytest.raises(UserError, match="is damaged"):
            AuthorizedConsolesFile.at(None, state, "box")


def at_the_time(state: StateDir, now: datetime) -> AuthorizedConsolesFile:
    consoles = AuthorizedConsolesFile(state.path / FILE, Memory(state, "box"), is_required=False, now=lambda: now)
    consoles.begin()
    return consoles


@pytest.mark.parametrize("now", [datetime(1970, 1, 1, 0, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)])
def test_a_clock_that_is_wrong_admits_nothing_that_expires(
    state: StateDir, now: datetime, caplog: pytest.LogCaptureFixture
) -> None:
    state.replace(FILE, b'expiry-time="2026-02-01" ' + LINE + f"{PublicKey(TWO)}\n".encode())
    consoles = at_the_time(state, now)
    for _ in range(2):
        assert "this agent's clock is wrong" in str(consoles.rights_of(ONE))
        assert consoles.rights_of(TWO) == ALL
    said = [record.message for record in caplog.records if "no console whose line expires" in record.message]
    assert len(said) == 1
    assert f"the clock says {now:%Y-%m-%d %H:%M} UTC, but " in said[0]


def test_a_clock_that_is_before_the_files_own_time_is_wrong(state: StateDir) -> None:
    state.replace(FILE, b'expiry-time="2100-02-01" ' + LINE)
    later = NOW + timedelta(days=300)
    os.utime(state.path / FILE, (later.timestamp(),) * 2)
    assert "clock is wrong" in str(at_the_time(state, NOW).rights_of(ONE))
    assert at_the_time(state, later - timedelta(seconds=30)).rights_of(ONE) == ALL


def test_a_clock_that_is_before_the_last_time_seen_is_wrong(state: StateDir) -> None:
    """The time is remembered while it goes on, not with every link."""
    state.replace(FILE, b'expiry-time="2100-02-01" ' + LINE)
    now = NOW
    consoles = AuthorizedConsolesFile(state.path / FILE, Memory(state, "box"), is_required=False, now=lambda: now)
    consoles.begin()
    written = Memory(state, "box").path.stat().st_mtime_ns
    now = NOW + SEEN_EVERY / 2
    assert consoles.rights_of(ONE) == ALL
    assert Memory(state, "box").path.stat().st_mtime_ns == written
    now = NOW + timedelta(days=30)
    assert consoles.rights_of(ONE) == ALL
    assert "clock is wrong" in str(at_the_time(state, now - timedelta(days=1)).rights_of(ONE))
    assert at_the_time(state, now).rights_of(ONE) == ALL
    Memory(state, "box").path.unlink()  # as the log says, if that time was wrong
    assert at_the_time(state, now - timedelta(days=1)).rights_of(ONE) == ALL


def test_a_clock_that_comes_right_admits_again(state: StateDir, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    state.replace(FILE, b'expiry-time="2100-02-01" ' + LINE)
    now = datetime(1970, 1, 1, tzinfo=UTC)
    consoles = AuthorizedConsolesFile(state.path / FILE, Memory(state, "box"), is_required=False, now=lambda: now)
    consoles.begin()
    assert consoles.rights_of(ONE) != ALL
    now = NOW
    assert consoles.rights_of(ONE) == ALL
    assert "served again: the clock can be right" in caplog.text


def test_it_knows_which_keys_it_names(state: StateDir) -> None:
    consoles = AuthorizedConsolesFile.at(None, state, "box")
    assert not consoles.lists(ONE), "without a file nobody is named"
    state.replace(FILE, b"read-only " + LINE)
    assert consoles.lists(ONE)
    assert not consoles.lists(TWO)
    (state.path / FILE).unlink()
    assert not consoles.lists(ONE)
