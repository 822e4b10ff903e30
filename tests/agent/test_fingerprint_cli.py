"""`natpass-agent fingerprint` needs neither a relay nor the secret."""

from pathlib import Path

import pytest

from natpass_agent.cli import PROGRAM, command
from natpass_wire.identity import fingerprint
from natpass_wire.program.identity import load_identity
from natpass_wire.program.main import exit_status
from natpass_wire.program.state import StateDir


@pytest.mark.parametrize("before", [True, False])
def test_the_fingerprint_of_a_key_that_may_be_new(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, before: bool
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    option = ["--state-dir", str(tmp_path / "state")]
    arguments = [*option, "fingerprint"] if before else ["fingerprint", *option]
    said, warned = [], []
    for _ in range(2):
        assert exit_status(command, PROGRAM, arguments) == 0
        out, err = capsys.readouterr()
        said.append(out)
        warned.append(err)
    identity = load_identity(StateDir(tmp_path / "state"), "agent")
    assert said == [fingerprint.shown(identity.public) + "\n"] * 2
    assert "this one is new" in warned[0]  # who looks as another user compares the wrong key
    assert str(tmp_path / "state") in warned[0]
    assert warned[1] == ""


def test_a_damaged_key_is_said_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    StateDir(tmp_path).replace("agent.key", b"no key")
    assert exit_status(command, PROGRAM, ["fingerprint", "--state-dir", str(tmp_path)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "agent.key is damaged" in err


def test_a_list_of_consoles_that_is_not_there_is_no_list(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("NATPASS_SECRET", "0123456789abcdef")
    arguments = ["--relay", "127.0.0.1:1", "--state-dir", str(tmp_path / "state"), "--id", "box"]
    assert exit_status(command, PROGRAM, [*arguments, "--authorized-consoles", str(tmp_path / "none")]) == 2
    assert "(--authorized-consoles)" in capsys.readouterr().err
