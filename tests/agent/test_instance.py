import os
import stat
import sys
from pathlib import Path

import pytest

from natpass_agent import instance
from natpass_agent.platform.lock import FakeLocks, FileLocks, Locks
from natpass_wire.errors import UserError
from natpass_wire.program.state import StateDir


@pytest.fixture(params=["file", "fake"])
def locks(request: pytest.FixtureRequest) -> Locks:
    return FileLocks() if request.param == "file" else FakeLocks()


def test_the_token_is_made_once_for_its_users_eyes(tmp_path: Path) -> None:
    state = StateDir.at(tmp_path / "state")
    token = instance.token(state, "box")
    assert len(token) == instance.TOKEN_BYTES
    assert instance.token(state, "box") == token
    assert instance.token(state, "another") != token
    modes = {stat.S_IMODE(path.stat().st_mode) for path in state.path.iterdir()}
    assert modes == {0o600}


def test_one_agent_of_an_id_runs_in_a_state_directory(tmp_path: Path, locks: Locks) -> None:
    state = StateDir.at(tmp_path / "state")
    with instance.lock(state, "box", locks):
        with pytest.raises(UserError, match=r"an agent 'box' is running already.*--state-dir") as caught:
            instance.lock(state, "box", locks)
        assert "\n" not in str(caught.value)
        with instance.lock(state, "another", locks):
            pass
    with instance.lock(state, "box", locks):
        pass


def test_an_id_that_is_no_file_name_locks_and_keeps_its_token(tmp_path: Path) -> None:
    state = StateDir.at(tmp_path)
    with instance.lock(state, "../é/box", FileLocks()):
        assert instance.token(state, "../é/box") == instance.token(state, "../é/box")
    assert all(path.parent == tmp_path for path in tmp_path.rglob("*"))


@pytest.mark.skipif(sys.platform == "win32", reason="there are no modes")
def test_a_lock_that_another_user_has_planted_is_not_taken(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    state = StateDir(tmp_path / "state")
    state.make()
    lock = state.path / "agent-box.lock"
    lock.symlink_to(victim)
    with pytest.raises(UserError, match="is a symbolic link, which is not followed"):
        instance.lock(state, "box", FileLocks())
    assert not victim.exists()
    lock.unlink()
    if sys.platform != "win32":
        os.mkfifo(lock, 0o600)
    with pytest.raises(UserError, match="is not a file"):
        instance.lock(state, "box", FileLocks())
    lock.unlink()
    lock.touch(0o666)
    lock.chmod(0o666)
    with pytest.raises(UserError, match="is open to other users"):
        instance.lock(state, "box", FileLocks())
    lock.unlink()
    state.path.chmod(0o777)
    with pytest.raises(UserError, match="is open to other users"):
        instance.lock(state, "box", FileLocks())
    assert not lock.exists()


def test_a_state_directory_that_can_not_be_made_is_the_users_to_mend(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="--state-dir"):
        instance.lock(StateDir.at(tmp_path / "file" / "state"), "box", FileLocks())
