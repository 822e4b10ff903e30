"""The commands' mistakes are one line and status 2, before anything is dialled; the block for ssh_config."""

import shlex
import subprocess
from pathlib import Path

import pytest

from natpass_tui.cli import command
from natpass_tui.links.forward.ssh_config import block
from natpass_wire.program.main import exit_status


def _run(capsys: pytest.CaptureFixture[str], folder: Path, *words: str) -> tuple[int, str, str]:
    where = ["--state-dir", str(folder / "state"), "--relay", "127.0.0.1:1", "--secret", "s" * 20]
    status = exit_status(command, "natpass-tui", [words[0], *where, *words[1:]])
    out, err = capsys.readouterr()
    return status, out, err


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["forward"], "which agent?"),
        (["forward", "web1"], "nothing to forward"),
        (["forward", "-L", "1:a:1", "--", "-rf"], "not an agent's id"),
        (["forward", "web1", "-L", "8080"], "-L 8080: something is missing"),
        (["forward", "web1", "-L", "8080:web:http"], "'http' is no port"),
        (["forward", "web1", "-L", "1:a:1", "-D", "1"], "another rule listens there"),
        (["forward", "web1", "-U", "1:/a"], "no Unix socket"),
        (["forward", "--rules"], "no [[forward]] table"),
        (["forward", "--rules", "-D", "1"], "leave -L, -R, -D and -U out"),
        (["connect", "web1", "localhost"], "a port is missing"),
        (["connect", "--", "-x", "localhost:1"], "not an agent's id"),
        (["ssh-config", "web*"], "can't be a host's name"),
        (["ssh-config", "a/../b"], "not an agent's id"),
    ],
)
def test_a_mistake_is_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path, words: list[str], why: str) -> None:
    config = tmp_path / "tui.toml"
    config.write_text("")
    status, out, err = _run(capsys, tmp_path, words[0], "--config", str(config), *words[1:])
    assert (status, out) == (2, "")
    assert why in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("tables", "why"),
    [
        ('[[forward]]\nagent = "web1"\nlocal = "8080"', "-L 8080: "),
        ("forward = 3", "forward should be a list"),
        ("[forward]\nagent = 3", "forward should be a list"),
        ("[[forwards]]\nagent = 3", "unknown key"),
        ('[[forward]]\nagent = "db"\ndynamic = 1080', "no [[forward]] table for web1"),
    ],
)
def test_a_mistake_in_the_config_file_is_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, tables: str, why: str
) -> None:
    config = tmp_path / "tui.toml"
    config.write_text(tables)
    status, _, err = _run(capsys, tmp_path, "forward", "web1", "--rules", "--config", str(config))
    assert status == 2
    assert why in err
    assert str(config) in err
    assert err.count("\n") == 1


def test_other_commands_take_a_config_file_with_forwards(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    config = tmp_path / "tui.toml"
    config.write_text('[[forward]]\nagent = "web1"\nlocal = "1:a:1"')
    status, out, err = _run(capsys, tmp_path, "ssh-config", "--config", str(config))
    assert status == 0
    assert f"--config {config}" in out
    assert "--relay 127.0.0.1:1" in out
    assert "s" * 20 not in out + err
    note = "the block has no secret: set NATPASS_SECRET where ssh runs, or give ssh-config --secret-file FILE"
    assert err == f"natpass-tui: {note}\n"
    assert out.startswith(f"# {note}\n")


def test_the_block_works_from_any_shell_and_folder(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def printed(*words: str) -> tuple[list[str], str]:
        """Return the words after `connect`, and the notes."""
        assert exit_status(command, "natpass-tui", [*words[:-1], "ssh-config", words[-1]]) == 0
        out, err = capsys.readouterr()
        line = next(line for line in out.splitlines() if "ProxyCommand" in line)
        return shlex.split(line.partition(" connect ")[2]), err

    for variable in ("NATPASS_RELAY", "NATPASS_SECRET", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    target = ["web1", "localhost:%p"]
    config, secret = tmp_path / "my.toml", tmp_path / "secret"
    config.write_text('relay = "relay:1"\nsecret-file = "secret"\n')
    secret.write_text("s" * 20)
    # A config file in a folder of ours: it, and what is relative in there.
    found = ["--config", str(config), "--secret-file", str(secret), *target]
    assert printed("--config", "my.toml", "web1") == (found, "")
    # The environment of this shell.
    monkeypatch.setenv("NATPASS_RELAY", "other:2")
    monkeypatch.setenv("NATPASS_SECRET", "t" * 20)
    words, notes = printed("web1")
    assert words == ["--relay", "other:2", *target]
    assert "NATPASS_SECRET" in notes
    assert "t" * 20 not in notes
    # A file outranks the variable.
    found = ["--relay", "other:2", "--secret-file", str(secret), *target]
    assert printed("--secret-file", "secret", "web1") == (found, "")
    # Folders that variables have moved.
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "c"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "s"))
    (tmp_path / "c" / "natpass").mkdir(parents=True)
    moved = tmp_path / "c" / "natpass" / "tui.toml"
    moved.write_text("dead-after = 9\n")
    words, _ = printed("web1")
    assert words == ["--relay", "other:2", "--config", str(moved), "--state-dir", str(tmp_path / "s/natpass"), *target]
    # A proxy's password is a secret, too.
    words, notes = printed("--proxy", "http://ann:sesame@proxy:1", "web1")
    assert "sesame" not in " ".join(words) + notes
    assert "the block has no password of the proxy: put proxy into the config file" in notes


@pytest.mark.parametrize("agents", [(), ("web1", "db")])
@pytest.mark.programs
def test_ssh_reads_the_block(tmp_path: Path, agents: tuple[str, ...]) -> None:
    config = tmp_path / "ssh_config"
    config.write_text(block(agents, ["/opt/my programs/natpass-tui", "connect", "--config", "/a%b"]))
    host = "web1" if agents else "web1.natpass"
    try:
        found = subprocess.run(["ssh", "-G", "-F", str(config), host], capture_output=True, text=True, check=True)
    except FileNotFoundError:
        pytest.skip("there is no ssh")
    lines = dict(line.split(" ", 1) for line in found.stdout.splitlines())
    assert lines["proxycommand"].startswith("'/opt/my programs/natpass-tui' connect --config /a%%b ")
    assert lines["proxycommand"].endswith("web1 localhost:%p" if agents else '--strip .natpass "%n" localhost:%p')
    assert lines.get("hostkeyalias", "web1.natpass") == "web1.natpass"
    assert lines["hostname"] == host
