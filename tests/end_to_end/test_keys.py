"""Keys between the real programs: whom an agent serves, and what a console does about an agent that is another one."""

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end import agent_programs
from tests.end_to_end.agent_programs import SECRET, Program

ROOT = Path(__file__).parents[2]


class Place:
    """A relay, and agents and consoles with state directories of their own."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port

    def agent(self, state: str = "agent", *options: str) -> Program:
        relay = ["--relay", f"127.0.0.1:{self.port}", "--no-tls", "--id", "box"]
        return Program("natpass_agent", [*relay, "--state-dir", str(self.folder / state), *options], self.folder)

    def console(self, *words: str, state: str = "console") -> subprocess.CompletedProcess[str]:
        clean = {key: value for key, value in os.environ.items() if not key.startswith("NATPASS_")}
        env = clean | {"HOME": str(self.folder), "NATPASS_SECRET": SECRET, "NATPASS_RELAY": f"127.0.0.1:{self.port}"}
        command = [sys.executable, "-m", "natpass_tui", "--state-dir", str(self.folder / state), *words]
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env=env,
            cwd=ROOT,
        )

    def exec(self, *words: str, state: str = "console") -> subprocess.CompletedProcess[str]:
        return self.console("exec", "box", "--no-tls", "--", *words, state=state)

    def line(self, state: str = "console") -> str:
        """Return the line that lets a console in."""
        return self.console("fingerprint", state=state).stdout.splitlines()[-1] + "\n"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with agent_programs.relay(tmp_path) as (_, port):
        yield Place(tmp_path, port)


def test_an_agent_serves_whom_its_file_names_as_the_file_says_now(place: Place) -> None:
    (place.folder / "agent").mkdir(mode=0o700)
    path = place.folder / "agent" / "authorized_consoles"
    path.touch(0o600)
    with place.agent() as agent:
        agent.said("logged in")
        refused = place.exec("true")
        assert refused.returncode == 255
        assert "does not know your console's key SHA256:" in refused.stderr
        path.write_text(place.line())
        assert place.exec("echo", "in").stdout == "in\n"
        assert "does not know your console's key" in place.exec("true", state="stranger").stderr
        path.write_text(f'kinds="shell,desktop" {place.line()}')
        assert "your console's key may not do this here (it may: shell, desktop)" in place.exec("true").stderr
        path.write_text(f"read-only {place.line()}")
        assert "may only look at the desktop" in place.exec("true").stderr
        path.write_text(f'expiry-time="2020-01-01" {place.line()}')
        assert "until 2020-01-01 00:00 UTC" in place.exec("true").stderr
        path.write_text(f"{place.line()}sorry? {place.line('stranger')}")
        assert place.exec("echo", "in").stdout == "in\n"
        assert "line 2 of this agent's authorized_consoles, with your" in place.exec("true", state="stranger").stderr
        agent.said(r"authorized_consoles, line 2 grants nothing: not OPTIONS")


def test_an_agent_that_is_another_one_gets_nothing_until_it_is_forgotten(place: Place) -> None:
    with place.agent() as agent:
        agent.said("logged in")
        assert place.exec("true").returncode == 0
    known = place.console("known").stdout
    assert "box" in known
    with place.agent("reinstalled") as agent:
        agent.said("logged in")
        refused = place.exec("true")
        assert refused.returncode == 255
        assert "THE KEY OF box HAS CHANGED" in refused.stderr
        command = shlex.split(refused.stderr.partition("then run: natpass-tui ")[2])
        assert command[:3] == ["known", "forget", "--relay"]
        assert place.console("known").stdout == known
        assert "forgot box" in place.console(*command).stdout
        assert place.exec("true").returncode == 0
        assert place.console("known").stdout != known
