"""What is made once is made once, whole, and for its user only."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from secrets import token_bytes

import pytest

from natpass_wire.errors import UserError
from natpass_wire.program.state import StateDir


def test_what_is_made_once_stays(tmp_path: Path) -> None:
    state = StateDir(tmp_path / "a" / "b")
    assert state.read("token") is None
    first = state.make_once("token", lambda: b"one")
    assert first == state.make_once("token", lambda: b"two") == state.read("token") == b"one"
    assert stat.S_IMODE((state.path / "token").stat().st_mode) == 0o600
    assert stat.S_IMODE(state.path.stat().st_mode) == 0o700


def test_many_makers_agree_and_leave_nothing_behind(tmp_path: Path) -> None:
    state = StateDir(tmp_path)
    with ThreadPoolExecutor(16) as pool:
        contents = set(pool.map(lambda _: state.make_once("token", lambda: token_bytes(16)), range(64)))
    assert len(contents) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["token"]


def test_an_empty_file_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "token").touch()
    assert StateDir(tmp_path).make_once("token", lambda: b"one") == b"one"


def test_a_place_that_cannot_be_written_is_named() -> None:
    with pytest.raises(UserError, match="state-dir"):
        StateDir(Path("/proc/no/such")).make_once("token", lambda: b"one")
