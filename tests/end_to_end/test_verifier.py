"""A relay that has the verifier only: agents and consoles with the secret log in, all as programs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from natpass_wire.login.keys import LoginKey
from natpass_wire.program.state import StateDir
from tests.end_to_end import agent_programs
from tests.end_to_end.agent_programs import SECRET, Program
from tests.support.relay_process import COMMAND, relay_process

VERIFIER = LoginKey.from_secret(SECRET).to_verifier()


def clean(folder: Path, **more: str) -> dict[str, str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("NATPASS_")}
    return environment | {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder / "no-config")} | more


def relay(folder: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    words = [str(COMMAND), "--state-dir", str(folder / "state"), *arguments]
    return subprocess.run(
        words,
        env=clean(folder, **env),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def exec_true(folder: Path, port: int, secret: str) -> subprocess.CompletedProcess[str]:
    words = ["exec", "--relay", f"127.0.0.1:{port}", "--no-tls", "box", "--", "echo", "it works"]
    command = [sys.executable, "-m", "natpass_tui", *words]
    env = clean(folder, NATPASS_SECRET=secret)
    return subprocess.run(
        command, env=env, capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL
    )


def test_agents_and_consoles_with_the_secret_log_in(tmp_path: Path) -> None:
    with (
        agent_programs.relay(tmp_path, "--verifier", VERIFIER) as (program, port),
        agent_programs.agent(tmp_path, port) as agent,
    ):
        agent.said("logged in")
        assert exec_true(tmp_path, port, SECRET).stdout == "it works\n"
        refused = exec_true(tmp_path, port, "quite another secret")
        assert refused.returncode == 255
        assert "wrong secret" in refused.stderr
        assert VERIFIER.encode() not in Path(f"/proc/{program.process.pid}/cmdline").read_bytes()
        assert SECRET not in program.output
        assert VERIFIER not in program.output
        assert "FILE must hold the secret" in program.output
    assert not (tmp_path / "relay" / "secret").exists()


def test_a_relay_with_another_verifier_lets_nobody_in(tmp_path: Path) -> None:
    other = LoginKey(b"k" * 32).to_verifier()
    with (
        agent_programs.relay(tmp_path, "--verifier", other) as (_, port),
        agent_programs.agent(tmp_path, port) as agent,
    ):
        agent.said("wrong secret")


def test_the_verifier_of_a_secret_is_printed_with_a_word_of_warning(tmp_path: Path) -> None:
    file = tmp_path / "s"
    file.write_text(SECRET + "\n")
    file.chmod(0o600)
    for result in (
        relay(tmp_path, "verifier", "--secret-file", str(file)),
        relay(tmp_path, "--secret-file", str(file), "verifier"),
        relay(tmp_path, "verifier", NATPASS_SECRET=SECRET),
    ):
        assert (result.returncode, result.stdout) == (0, VERIFIER + "\n")
        assert "log in" in result.stderr
        assert SECRET not in result.stderr
    assert not (tmp_path / "state").exists()


def test_the_relays_own_secret_has_a_verifier(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    with relay_process(state):
        pass
    result = relay(tmp_path, "verifier")
    assert result.stdout == LoginKey.from_secret((state / "secret").read_text().strip()).to_verifier() + "\n"


def test_a_secret_that_stayed_on_the_relay_is_not_forgotten(tmp_path: Path) -> None:
    """With it on the disk, the verifier keeps nothing from whoever takes the machine."""
    StateDir(tmp_path / "relay").replace("secret", f"{SECRET}\n".encode())
    with agent_programs.relay(tmp_path, "--verifier", VERIFIER) as (program, _):
        program.said(f"a secret is still in {tmp_path / 'relay' / 'secret'}: .* move it away")


def test_without_a_secret_there_is_no_verifier(tmp_path: Path) -> None:
    result = relay(tmp_path, "verifier")
    assert (result.returncode, result.stdout) == (2, "")
    assert "--secret-file" in result.stderr


def test_it_comes_from_a_file_the_environment_or_the_config(tmp_path: Path) -> None:
    file, config = tmp_path / "v", tmp_path / "c.toml"
    file.write_text(VERIFIER + "\n")
    file.chmod(0o600)
    config.write_text(f'verifier = "{VERIFIER}"')
    config.chmod(0o600)
    for arguments, variable in ((["--verifier-file", str(file)], ""), (["--config", str(config)], ""), ([], VERIFIER)):
        options = ["--listen", "127.0.0.1:0", "--no-tls", "--state-dir", str(tmp_path / "relay"), *arguments]
        env = {"NATPASS_SECRET": "", "NATPASS_VERIFIER": variable}
        with Program("natpass_relay", options, tmp_path, env) as program:
            port = int(program.said(r"listening on 127\.0\.0\.1:(\d+)")[1])
            program.said("has a verifier")
            program.said("natpass-tui --relay")
            assert "still in" not in program.output
            with agent_programs.agent(tmp_path, port) as agent:
                agent.said("logged in")
            assert VERIFIER.encode() not in Path(f"/proc/{program.process.pid}/environ").read_bytes()
    assert not (tmp_path / "relay" / "secret").exists()


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--verifier", "natpass-verifier-1:nonsense"], "not a verifier"),
        (["--verifier", SECRET], "not a verifier"),
        (["--verifier", ""], "empty"),
        (["--verifier", VERIFIER, "--secret", SECRET], "not both"),
        (["--verifier", VERIFIER, "--verifier-file", "x"], "not both"),
        (["--verifier-file", "missing"], "missing"),
        (["--verifier", VERIFIER, "--legacy", "md5"], "--legacy-secret"),
        (["--verifier", VERIFIER, "--legacy", "md5", "--legacy-secret", SECRET], "legacy secret equals"),
        (["--secret", VERIFIER], "--verifier"),
    ],
)
def test_a_mistake_is_one_line_and_shows_nothing(tmp_path: Path, arguments: list[str], text: str) -> None:
    result = relay(tmp_path, "--listen", "127.0.0.1:0", *arguments)
    assert (result.returncode, result.stdout, result.stderr.count("\n")) == (2, "", 1), result
    assert text in result.stderr
    assert SECRET not in result.stderr
    assert VERIFIER not in result.stderr
