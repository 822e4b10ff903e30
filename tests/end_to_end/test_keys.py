"""Keys between the real programs: whom an agent serves, and what a console does about an agent that is another one."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from natpass_wire.program.state import StateDir
from tests.end_to_end import agent_programs
from tests.end_to_end.agent_programs import SECRET, Program
from tests.support.network.proxy import NetworkProxy
from tests.support.waiting import wait_until

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

    def begin(self, *words: str, state: str = "console") -> Program:
        """Start a command, and return while it runs."""
        options = ["--relay", f"127.0.0.1:{self.port}", "--no-tls", "--state-dir", str(self.folder / state)]
        return Program("natpass_tui", ["exec", *options, "box", "--", *words], self.folder)

    def check(self, *options: str, state: str = "agent") -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "natpass_agent", "check", "--state-dir", str(self.folder / state), *options]
        env = {"HOME": str(self.folder), "PATH": os.environ["PATH"]}
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=env, cwd=ROOT)

    def authorize(self, content: str) -> Path:
        """Write the agent's file; return its path."""
        StateDir(self.folder / "agent").replace("authorized_consoles", content.encode())
        return self.folder / "agent" / "authorized_consoles"

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


@pytest.mark.parametrize("loop", list(agent_programs.LOOPS))
def test_a_link_ends_with_the_rights_of_its_console(place: Place, loop: str) -> None:
    """A removed line, one that has expired, one that allows less: with the reason, and the program is gone as well."""
    kept = place.line("kept")
    place.authorize(f"{place.line()}{kept}")
    with agent_programs.agent(place.folder, place.port, loop=loop) as agent, ExitStack() as running:
        agent.said("logged in")
        other = running.enter_context(place.begin("sleep", "1000", state="kept"))
        agent.said("command for", times=1)
        for number, (content, reason) in enumerate(
            [
                ("", "this agent does not know your console's key"),
                (f'kinds="shell" {place.line()}', "your console's key may not do this here (it may: shell)"),
                (f"read-only,\n{place.line()}", "line 3 of this agent's authorized_consoles"),
                (f'expiry-time="2026-11-23" {place.line()}', "your console's key was welcome here until 2026-11-23"),
            ],
            2,
        ):
            ended = running.enter_context(place.begin("sleep", "1000"))
            agent.said("command for", times=number)
            place.authorize(f"{kept}{content}")
            assert ended.status() == 255  # within 10 s
            assert reason in ended.output
            agent.said(r"ending exec .* \(sleep with 1 argument, pid \d+\): ", times=number - 1)
            place.authorize(f"{kept}{place.line()}")
        assert other.process.poll() is None
        pids = [int(pid) for pid in re.findall(r"ending exec .*, pid (\d+)\): ", agent.output)]
        assert len(pids) == 4
        wait_until(lambda: not any(psutil.pid_exists(pid) for pid in pids))


def test_a_removed_key_does_not_resume_what_was_kept(place: Place) -> None:
    place.authorize(place.line())
    with NetworkProxy(place.port) as net, place.agent() as agent:
        agent.said("logged in")
        far = Place(place.folder, net.port)
        script = "echo here; until [ -e away ]; do sleep 0.05; done; printf 'sec%s\\n' ret; touch said; sleep 1000"
        with far.begin("sh", "-c", f"cd {shlex.quote(str(place.folder))}; {script}") as console:
            console.said("here")
            net.down()
            agent.said("is out of reach")
            (place.folder / "away").touch()
            wait_until((place.folder / "said").exists)
            place.authorize("")
            agent.said("ending exec .*: this agent does not know your console's key")
            net.up()
            assert console.status() == 255
            assert "this agent does not know your console's key" in console.output
            assert "secret" not in console.output


def test_a_file_that_goes_missing_while_the_agent_is_down_opens_nothing(place: Place) -> None:
    path = place.authorize(place.line())
    with place.agent() as agent:
        agent.said("logged in")
    path.unlink()
    with place.agent() as agent:
        agent.said("no console is served: .* is gone; to serve every console that has the secret, remove .*consoles")
        agent.said("logged in")
        assert "can't tell which consoles it may serve" in place.exec("true", state="stranger").stderr
        found = place.check("--id", "box")
        assert (found.returncode, found.stdout) == (2, "")
        assert "authorized_consoles is gone; to serve every console" in found.stderr
        place.authorize(place.line())
        assert place.exec("echo", "in").stdout == "in\n"


def test_check_says_who_may_do_what_and_fails_on_doubt(place: Place) -> None:
    found = place.check()
    assert found.returncode == 0
    assert (
        found.stdout.splitlines()[1]
        == "every console that has the secret: everything (shell, exec, desktop, forward, bench)"
    )
    path = place.authorize(f'kinds="exec",expiry-time="2100-01-31" {place.line().strip()} ann\n')
    found = place.check()
    assert (found.returncode, found.stderr) == (0, "")
    assert re.fullmatch(r"line 1: SHA256:\S+ \(.*ann\): exec, until 2100-01-31 00:00 UTC", found.stdout.splitlines()[1])
    place.authorize(f"read-only,\n{place.line()}")
    found = place.check()
    assert found.returncode == 2
    assert len(found.stdout.splitlines()) == 4  # the last one: no agent runs
    assert found.stderr.startswith("natpass-agent: line 1 grants nothing: ")
    assert found.stderr.count("\n") == 1
    path.chmod(0o644)
    found = place.check()
    assert (found.returncode, found.stdout) == (2, "")
    assert "chmod 600" in found.stderr
    found = place.check("--authorized-consoles", str(place.folder / "nowhere"))
    assert (found.returncode, found.stdout) == (2, "")
    assert "there is no" in found.stderr
