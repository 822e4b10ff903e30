"""A start that fails writes nothing: no secret, no certificate, no key, no lock, whatever was wrong."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from natpass_wire.invite.words import WORDS
from tests.end_to_end.agent_programs import LEGACY_SECRET, SECRET
from tests.support.relay import tls_files

#: The program of each command, the words before and behind its options, and its exit status after a mistake.
COMMANDS = {
    "relay": ("natpass_relay", [], [], 2),
    "agent": ("natpass_agent", [], [], 2),
    "exec": ("natpass_tui", ["exec", "box"], ["--", "true"], 2),
}


@pytest.fixture
def taken() -> Iterator[str]:
    """The address of a port that somebody else has."""
    with socket.create_server(("127.0.0.1", 0)) as holder:
        yield f"127.0.0.1:{holder.getsockname()[1]}"


def fails(
    command: str, folder: Path, options: list[str], text: str, *, left: tuple[str, ...] = (), config: str = ""
) -> None:
    """Start a program; it has to end with one line that holds `text`, and only the files in `left` may be there."""
    module, before, behind, status = COMMANDS[command]
    (folder / "config.toml").write_text(config)
    clean = {key: value for key, value in os.environ.items() if not key.startswith("NATPASS_")}
    options = [*options, "--state-dir", str(folder / "state"), "--config", str(folder / "config.toml")]
    result = subprocess.run(
        [sys.executable, "-c", f"from {module}.cli import main; main()", *before, *options, *behind],
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=clean | {"HOME": str(folder)},
        timeout=60,
        cwd=Path(__file__).parents[2],
    )
    assert (result.returncode, result.stdout) == (status, ""), result
    assert text in result.stderr
    assert result.stderr.count("\n") == 1
    written = {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}
    assert written == {"config.toml", *left}


RELAY = ["--listen", "127.0.0.1:0"]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--listen", "127.0.0.1:0", "--listen", "TAKEN"], "Address already in use"),
        (["--listen", "203.0.113.77:0"], "cannot listen on 203.0.113.77:0"),
        (["--listen", "name.invalid:0"], "cannot listen on name.invalid:0"),
        (["--listen", "0.0.0.0:7", "--listen", "[::]:7"], "includes 0.0.0.0:7 already"),
        ([*RELAY, "--legacy", "md5"], "--legacy-secret-file"),
        ([*RELAY, "--legacy", "md4"], "md4"),
        ([*RELAY, "--secret", "short"], "at least 16"),
        ([*RELAY, "--legacy", "md5", "--secret", SECRET, "--legacy-secret", SECRET], "legacy secret equals"),
        ([*RELAY, "--verifier", "nonsense"], "verifier"),
        ([*RELAY, "--proxy-cert", sys.executable], "no PEM certificate"),
        ([*RELAY, "--tls-name", "no name"], "--tls-name 'no name'"),
        ([*RELAY, "--tls-name", "a.example", "--no-tls"], "leave it or --no-tls out"),
        ([*RELAY, "--log-file", "/dev/null/log"], "cannot open the log file"),
        (["--listen", "0.0.0.0:0", "--no-tls"], "--insecure"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_relay(tmp_path: Path, taken: str, arguments: list[str], text: str) -> None:
    fails("relay", tmp_path, [taken if word == "TAKEN" else word for word in arguments], text)


def test_a_relay_whose_certificate_and_key_do_not_belong_together(tmp_path: Path) -> None:
    one, two = tls_files(tmp_path, "one"), tls_files(tmp_path, "two")
    options = [*RELAY, "--tls-cert", str(one.certificate), "--tls-key", str(two.key)]
    fails("relay", tmp_path, options, "cannot use the certificate", left=("one.crt", "one.key", "two.crt", "two.key"))


def damaged(folder: Path, name: str) -> tuple[str]:
    """Put a file of no use into the state directory; return its name."""
    (folder / "state").mkdir(mode=0o700)
    (folder / "state" / name).write_text("dam\naged")
    (folder / "state" / name).chmod(0o600)
    return (f"state/{name}",)


@pytest.mark.parametrize(("name", "text"), [("secret", "one line"), ("relay.pem", "cannot use the certificate")])
def test_a_relay_whose_own_files_are_damaged_makes_no_others(tmp_path: Path, name: str, text: str) -> None:
    fails("relay", tmp_path, RELAY, text, left=damaged(tmp_path, name))


TO = ["--relay", "127.0.0.1:9"]
CODE = f"4711-{'-'.join(WORDS[9:12])}"


@pytest.mark.parametrize("command", ["agent", "exec"])
@pytest.mark.parametrize(
    ("options", "text"),
    [
        ([], "which relay?"),
        (TO, "a secret is needed"),
        ([*TO, "--legacy", "md5"], "a legacy secret is needed"),
        ([*TO, "--legacy", "md5", "--legacy-secret", LEGACY_SECRET, "--invite", CODE], "an invite brings"),
        ([*TO, "--invite", CODE, "--secret", SECRET], "not both"),
        ([*TO, "--invite", "nonsense"], "an invite code is"),
        ([*TO, "--invite", CODE], "cannot join"),
        ([*TO, "--secret", "short"], "at least 16"),
        ([*TO, "--secret", SECRET, "--log-file", "/dev/null/log"], "cannot open the log file"),
        (["--relay", "192.0.2.99:1", "--no-tls", "--secret", SECRET], "--insecure"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_an_agent_and_a_console(tmp_path: Path, command: str, options: list[str], text: str) -> None:
    fails(command, tmp_path, options, text)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--id", "server"], "'server' is not a valid agent id"),
        (["--authorized-consoles", "/nowhere/consoles"], "there is no /nowhere/consoles"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
@pytest.mark.parametrize("secret", [["--secret", SECRET], ["--invite", CODE]], ids=["secret", "invite"])
def test_an_agent(tmp_path: Path, options: list[str], text: str, secret: list[str]) -> None:
    fails("agent", tmp_path, [*TO, *secret, *options], text)


def test_an_agent_whose_key_is_damaged(tmp_path: Path) -> None:
    fails("agent", tmp_path, [*TO, "--secret", SECRET], "is damaged", left=damaged(tmp_path, "agent.key"))


def test_an_agent_whose_token_others_can_read(tmp_path: Path) -> None:
    left = damaged(tmp_path, "agent-box.instance")
    (tmp_path / left[0]).chmod(0o644)
    fails("agent", tmp_path, [*TO, "--secret", SECRET, "--id", "box"], "open to other users", left=left)


def test_a_console_whose_list_of_agents_is_wrong(tmp_path: Path) -> None:
    fails("exec", tmp_path, [*TO, "--secret", SECRET], "agents in the config file", config='agents = ["server"]')
