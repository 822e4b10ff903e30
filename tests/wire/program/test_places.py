import os
import sys
from pathlib import Path

import platformdirs
import pytest

from natpass_wire.errors import UserError
from natpass_wire.program import config, places
from natpass_wire.program.state import StateDir

assert sys.platform != "win32"


@pytest.fixture(autouse=True)
def _no_folders_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)


def nowhere(*_: object, **__: object) -> str:
    raise RuntimeError("could not determine the home directory")


def unexpanded(*_: object, **__: object) -> str:
    """What platformdirs before 4.11 gives for a user without a home."""
    return "~/.local/state/natpass"


def test_home_is_where_a_users_files_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert places.state_folder() == Path(platformdirs.user_state_dir("natpass"))
    assert StateDir.at(None).path == places.state_folder()
    assert config.default_path("natpass-agent") == tmp_path / ".config" / "natpass" / "agent.toml"


@pytest.mark.parametrize("answer", [nowhere, unexpanded])
def test_a_user_without_a_home_has_no_files_and_can_make_none(
    answer: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(places, "user_state_dir", answer)
    monkeypatch.setattr(places, "user_config_dir", answer)
    state = StateDir.at(None)
    assert config.default_path("natpass-agent") is None
    assert (state.place, state.read("secret"), state.stamp("secret")) == (None, None, None)
    for write in (state.make, lambda: state.replace("a", b"b"), lambda: state.make_once("a", lambda: b"b")):
        with pytest.raises(UserError, match="no home directory to keep state in: say --state-dir DIR, or set HOME"):
            write()
    assert list(tmp_path.iterdir()) == []


def test_a_home_that_is_no_directory_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", os.devnull)  # as some service users have it
    state = StateDir.at(None)
    assert (state.read("secret"), state.stamp("secret")) == (None, None)
    path = config.default_path("natpass-agent")
    assert path is not None
    assert config.load(path, (), must_exist=False) == {}
    with pytest.raises(UserError, match=r"cannot write .*; see --state-dir"):
        state.make()
