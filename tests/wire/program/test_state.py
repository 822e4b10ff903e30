"""What is made once is made once, whole, and for its user only."""

import shutil
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from secrets import token_bytes

import pytest

from natpass_wire.errors import UserError
from natpass_wire.program.platform import user_id
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


@pytest.mark.parametrize(("mode", "what"), [(0o644, "token"), (0o620, "token")])
def test_a_file_that_others_can_touch_is_refused(tmp_path: Path, mode: int, what: str) -> None:
    (tmp_path / what).write_bytes(b"planted")
    (tmp_path / what).chmod(mode)
    with pytest.raises(UserError, match="open to other users: chmod 600"):
        StateDir(tmp_path).make_once(what, lambda: b"one")


def test_a_directory_that_others_can_write_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(UserError, match="open to other users: chmod 700"):
        StateDir(tmp_path).make_once("token", lambda: b"one")
    tmp_path.chmod(0o755)  # others may look, the files are closed to them
    assert StateDir(tmp_path).make_once("token", lambda: b"one") == b"one"


def test_a_link_in_place_of_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(b"planted")
    (tmp_path / "elsewhere").chmod(0o600)
    (tmp_path / "token").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="token is a symbolic link, which is not followed"):
        StateDir(tmp_path).make_once("token", lambda: b"one")


@pytest.mark.skipif(user_id() != 0, reason="only root can give files away")
def test_what_belongs_to_somebody_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(b"planted")
    (tmp_path / "token").chmod(0o600)
    shutil.chown(tmp_path / "token", 65534, 65534)
    with pytest.raises(UserError, match="belongs to another user"):
        StateDir(tmp_path).make_once("token", lambda: b"one")
    shutil.chown(tmp_path, 65534, 65534)
    with pytest.raises(UserError, match="belongs to another user"):
        StateDir(tmp_path).make_once("other", lambda: b"one")


def test_an_empty_file_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "token").touch(mode=0o600)
    assert StateDir(tmp_path).make_once("token", lambda: b"one") == b"one"


def test_a_place_that_cannot_be_written_is_named() -> None:
    with pytest.raises(UserError, match="state-dir"):
        StateDir(Path("/proc/no/such")).make_once("token", lambda: b"one")


def test_a_file_is_replaced_whole_and_closed_to_others(tmp_path: Path) -> None:
    state = StateDir(tmp_path / "state")
    assert state.stamp("list") is None
    state.replace("list", b"one")
    first = state.stamp("list")
    assert first == state.stamp("list")
    state.replace("list", b"two")
    assert state.read("list") == b"two"
    assert state.stamp("list") != first
    assert [path.name for path in state.path.iterdir()] == ["list"]
    assert stat.S_IMODE((state.path / "list").stat().st_mode) == 0o600


def test_a_stamp_changes_with_the_mode(tmp_path: Path) -> None:
    state = StateDir(tmp_path)
    state.replace("list", b"one")
    first = state.stamp("list")
    (tmp_path / "list").chmod(0o604)
    assert state.stamp("list") != first


def test_what_can_not_be_replaced_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = StateDir(tmp_path)
    state.replace("list", b"one")

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(UserError, match=r"cannot write .*list: No space left on device; see --state-dir"):
        state.replace("list", b"two")
    assert state.read("list") == b"one"
    assert [path.name for path in tmp_path.iterdir()] == ["list"]


def test_what_is_made_once_is_on_the_disk_with_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that a power failure takes away again would be a changed one to everybody who has seen it."""
    synced: list[list[str]] = []

    def note(path: Path) -> None:
        synced.append(sorted(file.name for file in path.iterdir() if not file.name.startswith(".")))

    monkeypatch.setattr("natpass_wire.program.state.sync_directory", note)
    StateDir(tmp_path).make_once("agent.key", lambda: b"key")
    assert synced == [["agent.key"]]


def test_a_directory_that_takes_no_files_is_found_out_before_it_matters(tmp_path: Path) -> None:
    state = StateDir(tmp_path / "a" / "b")
    state.make()
    state.make()
    assert list(state.path.iterdir()) == []
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="--state-dir"):
        StateDir(tmp_path / "file" / "below").make()
