"""The agent does what its file says now, and serves nobody while it can't tell what that is."""

import logging
from datetime import UTC, datetime
from pathlib import Path

import pytest

from natpass_agent.authorized import DAMAGED, FILE, MOST_FAULTS, UNSEALED, AuthorizedConsolesFile
from natpass_wire.errors import UserError
from natpass_wire.identity.authorized import ALL, MAX_BYTES, Rights
from natpass_wire.identity.keys import PublicKey
from natpass_wire.program.platform import HAS_FILE_MODES
from natpass_wire.program.state import StateDir

ONE, TWO = bytes(32), bytes(31) + b"1"
LINE = f"{PublicKey(ONE)} one\n".encode()


@pytest.fixture
def state(tmp_path: Path) -> StateDir:
    return StateDir(tmp_path)


def test_without_a_file_whoever_has_the_secret_is_served(state: StateDir) -> None:
    consoles = AuthorizedConsolesFile.at(None, state)
    assert consoles.rights_of(ONE) == ALL
    assert consoles.rights_of(None) == ALL


def test_a_file_is_obeyed_from_when_it_is_there(state: StateDir) -> None:
    consoles = AuthorizedConsolesFile.at(None, state)
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
    consoles = AuthorizedConsolesFile.at(None, state)
    state.replace(FILE, LINE)
    assert consoles.rights_of(ONE) == ALL
    (state.path / FILE).unlink()
    assert consoles.rights_of(ONE) == DAMAGED
    state.replace(FILE, LINE)
    assert consoles.rights_of(ONE) == ALL


def test_a_file_that_was_there_at_the_start_is_missed_as_well(state: StateDir) -> None:
    """No link has to come first: it would have opened the door to everybody."""
    state.replace(FILE, LINE)
    consoles = AuthorizedConsolesFile.at(None, state)
    (state.path / FILE).unlink()
    assert [consoles.rights_of(key) for key in (ONE, TWO, None)] == [DAMAGED] * 3


def test_the_log_says_at_the_start_who_is_served(state: StateDir, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    AuthorizedConsolesFile.at(None, state)
    assert not caplog.records
    state.replace(FILE, LINE)
    AuthorizedConsolesFile.at(None, state)
    state.replace(FILE, b"what?\n")
    AuthorizedConsolesFile.at(None, state)
    assert [record.message for record in caplog.records] == [
        f"serving the consoles in {state.path / FILE}, and no others",
        f"{state.path / FILE}, line 1 grants nothing: not OPTIONS x25519:KEY COMMENT",
        f"serving the consoles in {state.path / FILE}, and no others",
    ]


def test_a_line_that_is_none_grants_nothing_and_is_named_once(
    state: StateDir, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    consoles = AuthorizedConsolesFile.at(None, state)
    state.replace(FILE, LINE + b"no-such " + f"{PublicKey(TWO)}\nwhat?\n".encode())
    for _ in range(2):
        assert consoles.rights_of(ONE) == ALL
        assert "line 2 of this agent's authorized_consoles" in str(consoles.rights_of(TWO))
        assert consoles.rights_of(None) == UNSEALED
    where = state.path / FILE
    named = [
        f"{where}, line 2 grants nothing: there is no option no-such (kinds, read-only, expiry-time)",
        f"{where}, line 3 grants nothing: not OPTIONS x25519:KEY COMMENT",
    ]
    assert [(record.message, record.levelname) for record in caplog.records] == [(line, "ERROR") for line in named]
    state.replace(FILE, f"{PublicKey(TWO)}\nwhat?\n".encode())
    assert "does not know" in str(consoles.rights_of(ONE))
    assert consoles.rights_of(TWO) == ALL
    assert caplog.messages[2:] == [f"{where}, line 2 grants nothing: not OPTIONS x25519:KEY COMMENT"]


def test_a_file_that_is_no_such_file_at_all_fills_no_log(state: StateDir, caplog: pytest.LogCaptureFixture) -> None:
    state.replace(FILE, b"what?\n" * 1000)
    assert "does not know" in str(AuthorizedConsolesFile.at(None, state).rights_of(ONE))
    assert len(caplog.messages) == MOST_FAULTS + 1
    assert caplog.messages[-1] == f"{state.path / FILE} has {1000 - MOST_FAULTS} more lines that grant nothing"


def test_a_file_that_is_too_long_serves_nobody_and_says_so_once(
    state: StateDir, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    state.replace(FILE, LINE + b"#" * MAX_BYTES)
    consoles = AuthorizedConsolesFile.at(None, state)
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
    consoles = AuthorizedConsolesFile.at(None, state)
    state.replace(FILE, LINE)
    assert consoles.rights_of(ONE) == ALL
    (state.path / FILE).chmod(mode)
    assert consoles.rights_of(ONE) == DAMAGED
    assert "chmod 600" in caplog.text


def test_a_file_that_is_named_has_to_be_there(state: StateDir) -> None:
    path = state.path / "else" / "who"
    with pytest.raises(UserError, match=r"there is no .*--authorized-consoles"):
        AuthorizedConsolesFile.at(path, state)
    StateDir(path.parent).replace("who", LINE)
    consoles = AuthorizedConsolesFile.at(path, state)
    assert consoles.rights_of(ONE) == ALL
    path.unlink()
    assert consoles.rights_of(ONE) == DAMAGED


def test_the_file_is_read_when_it_changes_only(state: StateDir, monkeypatch: pytest.MonkeyPatch) -> None:
    state.replace(FILE, LINE)
    consoles = AuthorizedConsolesFile.at(None, state)
    assert consoles.rights_of(ONE) == ALL
    monkeypatch.setattr(StateDir, "read", lambda *_: pytest.fail("read again"))
    assert consoles.rights_of(ONE) == ALL


def test_time_goes_on_while_the_file_stays(state: StateDir) -> None:
    now = datetime(2026, 6, 1, tzinfo=UTC)
    consoles = AuthorizedConsolesFile(state.path / FILE, is_required=False, now=lambda: now)
    state.replace(FILE, b'expiry-time="2026-06-02" ' + LINE)
    assert consoles.rights_of(ONE) == ALL
    now = datetime(2026, 6, 2, tzinfo=UTC)
    assert "until 2026-06-02" in str(consoles.rights_of(ONE))


def test_it_knows_which_keys_it_names(state: StateDir) -> None:
    consoles = AuthorizedConsolesFile.at(None, state)
    assert not consoles.lists(ONE), "without a file nobody is named"
    state.replace(FILE, b"read-only " + LINE)
    assert consoles.lists(ONE)
    assert not consoles.lists(TWO)
    (state.path / FILE).unlink()
    assert not consoles.lists(ONE)
