"""`natpass-agent status` and `end`, as somebody at the agent's machine uses them; all programs real."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.agent.processes import is_gone
from tests.end_to_end import agent_programs
from tests.end_to_end.agent_programs import LOOPS, Program
from tests.support import nameless
from tests.support.waiting import wait_until

assert sys.platform != "win32"

LOGGED_IN = r"logged in at 127\.0\.0\.1:\d+ as box"


def ask(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [str(Path(sys.executable).parent / "natpass-agent"), *arguments]
    environment = {"HOME": str(folder), "PATH": os.environ["PATH"]}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=60)


def console(folder: Path, port: int, *command: str) -> Program:
    options = ["--relay", f"127.0.0.1:{port}", "--no-tls", "--state-dir", str(folder / "tui")]
    return Program("natpass_tui", ["exec", *options, "box", "--", *command], folder)


def links(folder: Path) -> list[dict[str, Any]]:
    found = ask(folder, "status", "--state-dir", str(folder / "agent"), "--json")
    assert found.returncode == 0, found.stderr
    listed: list[dict[str, Any]] = json.loads(found.stdout)["links"]
    return listed


@pytest.mark.parametrize("loop", list(LOOPS))
def test_a_killed_console_leaves_a_line_in_the_log_and_a_link_that_can_be_ended(tmp_path: Path, loop: str) -> None:
    state = ("--state-dir", str(tmp_path / "agent"))
    with (
        agent_programs.relay(tmp_path, loop=loop) as (_, port),
        agent_programs.agent(tmp_path, port, loop=loop) as agent,
    ):
        agent.said(LOGGED_IN)
        with console(tmp_path, port, "sleep", "1000") as killed, console(tmp_path, port, "sleep", "2000") as other:
            agent.said("command for", times=2)
            killed.kill()
            name = r"exec [0-9a-f]{4} of tui-\S+ \(sleep with 1 argument, pid \d+\)"
            agent.said(rf"the console of {name} is out of reach: .*; kept for 3600 s")
            wait_until(lambda: [link["detached_seconds"] is None for link in links(tmp_path)].count(True) == 1)
            (detached,) = [link for link in links(tmp_path) if link["detached_seconds"] is not None]
            assert detached["program"] == "sleep 1000"
            assert 3500 < detached["kept_seconds"] <= 3600
            said = ask(tmp_path, "status", *state).stdout
            assert re.search(r"^agent box \(natpass .*, pid \d+\): up for", said)
            assert "connected for" in said
            assert re.search(r"detached since \d+ s, kept for another (59 min|1 h 00 min)", said), said
            sleep = psutil.Process(detached["pid"])
            ended = ask(tmp_path, "end", "--detached", *state)
            what = f"exec of {detached['console']} (sleep 1000, pid {sleep.pid})"
            assert ended.stdout == f"ended {detached['id']}: {what}\n"
            assert is_gone(sleep)
            (left,) = links(tmp_path)
            assert ask(tmp_path, *state, "end", left["id"]).returncode == 0  # options before the command as well
            assert other.status() == 255
            assert "ended on the agent's machine" in other.output
            nothing = ask(tmp_path, "end", "--detached", *state)
            assert (nothing.returncode, nothing.stdout, nothing.stderr) == (0, "", "no link is detached\n")
        # Arguments may hold passwords: whatever happens to a link, the log names the program alone.
        assert not re.search(r"sleep [12]000", agent.output)


def fails(found: "subprocess.CompletedProcess[str]", text: str) -> None:
    assert (found.returncode, found.stdout) == (2, ""), found
    assert found.stderr.startswith("natpass-agent: ")
    assert found.stderr.count("\n") == 1
    assert text in found.stderr


def test_a_mistake_is_one_line_and_status_2(tmp_path: Path) -> None:
    state = ("--state-dir", str(tmp_path / "agent"))
    for command in (["status"], ["status", "--json"], ["end", "a1b2"], ["end", "--detached"]):
        fails(ask(tmp_path, *command, *state), f"no agent is running with the state directory {tmp_path / 'agent'}")
    with agent_programs.agent(tmp_path, 1) as agent:  # no relay is needed
        agent.said("cannot reach")
        assert "not connected" in ask(tmp_path, "status", *state).stdout
        fails(ask(tmp_path, "end", "zzzz", *state), "no link 'zzzz' (natpass-agent status lists them)")
        fails(ask(tmp_path, "end", *state), "which link?")
        fails(ask(tmp_path, "status", *state, "--id", "other"), "no agent 'other' is running")
        agent.kill()
        fails(ask(tmp_path, "status", *state), "no agent is running")  # its socket is still there
        assert list((tmp_path / "agent" / "control").iterdir())
    with agent_programs.agent(tmp_path, 1) as agent:  # and is replaced
        agent.said("cannot reach")
        assert ask(tmp_path, "status", *state).returncode == 0
    assert list((tmp_path / "agent" / "control").iterdir()) == []


def test_one_of_several_agents_is_named_by_its_id_and_a_config_file_will_do(tmp_path: Path) -> None:
    state = ("--state-dir", str(tmp_path / "agent"))
    with agent_programs.agent(tmp_path, 1) as one, agent_programs.agent(tmp_path, 1, "--id", "two") as two:
        one.said("cannot reach")
        two.said("cannot reach")
        fails(ask(tmp_path, "status", *state), ": --id box or --id two")
        assert "agent two " in ask(tmp_path, "status", *state, "--id", "two").stdout
        config = tmp_path / "agent.toml"
        config.write_text(f'id = "box"\nstate-dir = "{tmp_path / "agent"}"\nrelay = "r:1"\n')
        assert "agent box " in ask(tmp_path, "--config", str(config), "status").stdout
        assert "agent box " in ask(tmp_path, "status", "--config", str(config)).stdout


def test_a_user_without_a_home_needs_the_state_directory_and_no_more(tmp_path: Path) -> None:
    program = str(Path(sys.executable).parent / "natpass-agent")
    command = nameless.command(program, "status")
    found = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, timeout=60)
    fails(found, "no home directory to keep state in: say --state-dir DIR")
    command = nameless.command(program, "status", "--state-dir", str(tmp_path))
    found = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, timeout=60)
    fails(found, "no agent is running with the state directory")


def test_check_counts_what_is_on_the_running_agents_command_line(tmp_path: Path) -> None:
    state = ("--state-dir", str(tmp_path / "agent"), "--id", "box")
    before = ask(tmp_path, "check", *state)
    assert "command line are not counted" in before.stdout
    assert "10.0.0.0/8:80" not in before.stdout
    rules = ["--allow-forward", "10.0.0.0/8:80", "--allow-listen", "*:8080", "--allow-unsealed"]
    options = ["--relay", "127.0.0.1:1", *state, *rules]
    with Program("natpass_agent", options, tmp_path):
        wait_until(lambda: ask(tmp_path, "status", *state).returncode == 0, "its control socket")
        found = ask(tmp_path, "check", *state)
    assert "forward to 10.0.0.0/8:80; listening at *:8080" in found.stdout
    assert "--allow-unsealed" in found.stdout
    assert "not counted" not in found.stdout
