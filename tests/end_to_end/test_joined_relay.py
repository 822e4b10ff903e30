"""After an invite no option is needed: real programs, from the invite to the plain command."""

import os
import subprocess
import sys
from pathlib import Path

from tests.end_to_end import agent_programs
from tests.end_to_end.agent_programs import Program

assert sys.platform != "win32"

ROOT = Path(__file__).parents[2]
NOTHING = {"NATPASS_SECRET": "", "NATPASS_RELAY": ""}


def code(folder: Path, port: int) -> Program:
    options = ["--no-tls", "invite", "--relay", f"127.0.0.1:{port}", "--state-dir", str(folder / "relay")]
    return Program("natpass_relay", options, folder)


def console(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("NATPASS_", "XDG_"))}
    return subprocess.run(
        [sys.executable, "-m", "natpass_tui", *words],
        env=clean | {"HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        input="",
        cwd=ROOT,
    )


def test_the_plain_command_finds_the_relay_that_it_has_joined(tmp_path: Path) -> None:
    with agent_programs.relay(tmp_path) as (_, port), code(tmp_path, port) as inviter:
        given = inviter.said(r"one-time code (\S+):")[1]
        invited = ("--relay", f"localhost:{port}", "--no-tls", "--invite", given)
        found = console(tmp_path, "agents", *invited)
        assert (found.returncode, inviter.status()) == (0, 0), found

        plain = console(tmp_path, "agents")
        assert plain.returncode == 0, plain
        assert f"natpass-tui: at localhost:{port}, which this machine has joined\n" in plain.stderr
        # The same state directory serves the agent.
        options = ["--id", "box", "--state-dir", str(tmp_path / ".local" / "state" / "natpass")]
        with Program("natpass_agent", options, tmp_path, NOTHING) as agent:
            agent.said(f"natpass-agent: at localhost:{port}, which this machine has joined")
            agent.said(rf"logged in at localhost:{port} as box")
            ran = console(tmp_path, "exec", "box", "--", "echo", "it works")
            assert (ran.returncode, ran.stdout) == (0, "it works\n"), ran
            assert "joined" not in ran.stderr  # stderr is the command's, where it is no terminal

        other = console(tmp_path, "agents", "--relay", f"127.0.0.1:{port}", "--no-tls")
        assert other.returncode == 2
        assert other.stderr == (
            "natpass-tui: a secret is needed: --secret-file FILE, or NATPASS_SECRET "
            f"(this machine has joined localhost:{port}: natpass-tui --relay localhost:{port})\n"
        )
        with code(tmp_path, port) as second:
            given = second.said(r"one-time code (\S+):")[1]
            named = ("--relay", f"127.0.0.1:{port}", "--no-tls", "--invite", given)
            assert console(tmp_path, "agents", *named).returncode == 0
        which = console(tmp_path, "agents")
        assert which.returncode == 2
        assert which.stderr == (
            f"natpass-tui: which relay? this machine has joined 127.0.0.1:{port}, localhost:{port}: "
            f"natpass-tui --relay 127.0.0.1:{port}\n"
        )
