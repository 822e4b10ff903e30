"""Each mistake of a user is one line and exit status 2, on a terminal and without one."""

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pexpect
import pytest

from tests.end_to_end.agent_programs import SECRET, Program, agent, relay
from tests.support.waiting import wait_until

COMMAND = [sys.executable, "-m", "natpass_tui"]


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """A relay with one agent, `box`."""
    with relay(tmp_path) as (_, port), agent(tmp_path, port) as box:
        box.said("logged in")
        yield port


def environment(folder: Path, **more: str) -> dict[str, str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith("NATPASS_")}
    return clean | {"HOME": str(folder), "NATPASS_SECRET": SECRET, "TERM": "xterm-256color"} | more


def without_terminal(folder: Path, *arguments: str, **more: str) -> tuple[int, str, str]:
    """Return exit status, output and errors."""
    done = subprocess.run(
        [*COMMAND, *arguments],
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=environment(folder, **more),
        timeout=30,
        cwd=Path(__file__).parents[2],
    )
    return done.returncode, done.stdout, done.stderr


def on_terminal(folder: Path, *arguments: str, **more: str) -> tuple[int, str]:
    """Return exit status and everything written to the terminal."""
    child = pexpect.spawn(
        COMMAND[0],
        [*COMMAND[1:], *arguments],
        env=environment(folder, **more),
        dimensions=(24, 200),
        encoding="utf-8",
        timeout=30,
        cwd=str(Path(__file__).parents[2]),
    )
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus is not None
    return child.exitstatus, child.before or ""


def one_line(output: str) -> str:
    """Return the only line; what was shown meanwhile and erased again does not count."""
    visible = re.sub(r"[^\r\n]*\r\x1b\[K", "", output).replace("\r\n", "\n")
    assert visible.count("\n") == 1, output
    assert "Traceback" not in visible
    assert "\x1b" not in visible, "the screen was opened"
    assert visible.startswith("natpass-tui: ")
    return visible.strip()


def test_a_wrong_secret(tmp_path: Path, port: int) -> None:
    address = ("--relay", f"127.0.0.1:{port}", "--no-tls")
    wrong = "another secret, not that one"
    for arguments in ((), ("shell", "box")):
        status, output = on_terminal(tmp_path, *arguments, *address, NATPASS_SECRET=wrong)
        assert status == (255 if arguments else 2)
        assert "wrong secret" in one_line(output)
    status, out, errors = without_terminal(tmp_path, "agents", *address, NATPASS_SECRET=wrong)
    assert (status, out) == (2, "")
    assert "wrong secret" in one_line(errors)


def test_an_unreachable_relay(tmp_path: Path) -> None:
    with socket.socket() as nobody:  # bound, not listening: nobody else takes the port
        nobody.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{nobody.getsockname()[1]}"
        status, output = on_terminal(tmp_path, "--relay", address)
    assert status == 2
    assert f"no login within 10 s: cannot reach {address}: Connection refused" in one_line(output)


def test_an_unknown_agent(tmp_path: Path, port: int) -> None:
    address = ("--relay", f"127.0.0.1:{port}", "--no-tls")
    status, output = on_terminal(tmp_path, "shell", "bxo", *address)
    assert status == 255
    assert one_line(output) == "natpass-tui: agent bxo is not connected (did you mean box?)"
    status, output = on_terminal(tmp_path, "shell", "\x1b[2J", *address)
    assert status == 2
    assert "is not an agent's id" in one_line(output)


def test_an_agent_that_is_away_is_no_misspelling(tmp_path: Path) -> None:
    """As it was found: `exec site2` while site2 was down said "did you mean site1?"."""

    def site(number: int, port: int) -> Program:
        options = ["--relay", f"127.0.0.1:{port}", "--no-tls", "--state-dir", str(tmp_path / f"agent{number}")]
        return Program("natpass_agent", [*options, "--id", f"site{number}"], tmp_path)

    with relay(tmp_path) as (_, port), site(1, port) as one, site(2, port) as two, site(3, port) as three:
        address = ("--relay", f"127.0.0.1:{port}", "--no-tls")
        for agent in (one, two, three):
            agent.said("logged in")
        assert without_terminal(tmp_path, "exec", "site2", *address, "--", "true")[0] == 0
        two.kill()
        three.kill()
        wait_until(lambda: without_terminal(tmp_path, "agents", *address)[1].count(" away ") == 2, "two that are away")
        table = without_terminal(tmp_path, "agents", *address)[1]
        assert [line.split()[0] for line in table.splitlines()] == ["ID", "site1", "site2", "site3"]
        status, out, errors = without_terminal(tmp_path, "exec", "site2", *address, "--", "true")
        assert (status, out) == (255, "")
        assert re.fullmatch(r"natpass-tui: site2 is away since [0-9:]{8} \([0-9]+ s\)", one_line(errors))
        status, output = on_terminal(tmp_path, "shell", "site3", *address)
        assert status == 255
        assert "site3 is away since " in one_line(output)
        found = json.loads(without_terminal(tmp_path, "agents", "--json", *address)[1])
        assert [(agent["id"], agent["state"], agent["connected"]) for agent in found] == [
            ("site1", "online", True),
            ("site2", "away", False),
            ("site3", "away", False),
        ]
        assert datetime.fromisoformat(found[1]["away_since"]).tzinfo is not None
        assert (found[0]["away_since"], found[1]["connected_since"]) == (None, None)
        online = json.loads(without_terminal(tmp_path, "agents", "--json", "--online", *address)[1])
        assert online == [agent for agent in found if agent["connected"]]
        one.stop()
    with relay(tmp_path, port=port), site(1, port) as one:  # it remembers them, and site3 was never met by us
        one.said("logged in")
        for name in ("site2", "site3"):
            status, _, errors = without_terminal(tmp_path, "exec", name, *address, "--", "true")
            assert status == 255
            assert re.fullmatch(rf"natpass-tui: {name} is away since [0-9:]{{8}} \([0-9]+ s\)", one_line(errors))
    shutil.rmtree(tmp_path / "relay")
    with relay(tmp_path, port=port), site(1, port) as one:  # it knows of no earlier agents, but we have met site2
        one.said("logged in")
        status, _, errors = without_terminal(tmp_path, "exec", "site2", *address, "--", "true")
        assert status == 255
        assert re.fullmatch(r"natpass-tui: site2 is away \(first met [0-9:]{8}\)", one_line(errors))
        assert "did you mean" not in errors
        status, _, errors = without_terminal(tmp_path, "exec", "site", *address, "--", "true")
        assert "agent site is not connected (did you mean site1, site2?)" in one_line(errors)
        met = json.loads(without_terminal(tmp_path, "agents", "--json", *address)[1])[1]
        assert (met["id"], met["state"], met["away_since"]) == ("site2", "away", None)
        assert datetime.fromisoformat(met["first_met"]).tzinfo is not None


def test_an_agent_of_the_config_file_is_no_misspelling_either(tmp_path: Path, port: int) -> None:
    file = tmp_path / "tui.toml"
    file.write_text('agents = ["box2"]')
    address = ("--relay", f"127.0.0.1:{port}", "--no-tls", "--config", str(file))
    status, _, errors = without_terminal(tmp_path, "exec", "box2", *address, "--", "true")
    assert status == 255
    assert "agent box2 is not connected (it is listed in the config file" in one_line(errors)


def test_a_missing_program(tmp_path: Path, port: int) -> None:
    status, output = on_terminal(
        tmp_path, "shell", "box", "--exec", "/no/such/program", "--relay", f"127.0.0.1:{port}", "--no-tls"
    )
    assert status == 255
    assert "no shell on box: " in output.splitlines()[-1]
    assert "/no/such/program" in output.splitlines()[-1]
    assert "Traceback" not in output


@pytest.mark.parametrize("arguments", [(), ("shell", "box"), ("demo",)])
def test_no_terminal(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    status, out, errors = without_terminal(tmp_path, *arguments, "--relay" if not arguments else "--log-level", "info")
    assert (status, out) == (2, "")
    assert "this needs a terminal" in one_line(errors)
    assert ("natpass-tui exec box -- COMMAND" in errors) == ("shell" in arguments)


@pytest.mark.parametrize("streams", [("stdin",), ("stdout",), ("stderr",), ("stdin", "stderr")])
def test_the_stream_that_is_no_terminal_is_named(tmp_path: Path, streams: tuple[str, ...]) -> None:
    away = {"stdin": "</dev/null", "stdout": ">/dev/null", "stderr": f"2>{tmp_path}/errors"}
    line = shlex.join([*COMMAND, "--relay", "127.0.0.1:1"])
    child = pexpect.spawn(
        "sh",
        ["-c", " ".join([line, *(away[name] for name in streams)])],
        env=environment(tmp_path),
        dimensions=(24, 200),
        encoding="utf-8",
        timeout=30,
        cwd=str(Path(__file__).parents[2]),
    )
    child.expect(pexpect.EOF)
    child.close()
    said = (tmp_path / "errors").read_text() if "stderr" in streams else child.before or ""
    names = f"{' and '.join(streams)} {'is not one' if len(streams) == 1 else 'are not'}"
    assert child.exitstatus == 2
    assert f"this needs a terminal, but {names} (without one: natpass-tui agents --json)" in one_line(said)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("colour = 1", "unknown key"),
        ('agents = "web"', "agents should be a list"),
        ("agents = [1]", "should be a list of strings"),
        ('agents = ["server"]', "server"),
        ('prefix = "x"', "prefix 'x' cannot be the prefix"),
        ("no toml", "is not valid TOML"),
    ],
)
def test_a_config_file_of_no_use(tmp_path: Path, config: str, words: str) -> None:
    file = tmp_path / "bad.toml"
    file.write_text(config)
    status, output = on_terminal(tmp_path, "--config", str(file), "--relay", "127.0.0.1:1")
    assert status == 2
    assert words in one_line(output)


def test_a_missing_relay(tmp_path: Path) -> None:
    status, output = on_terminal(tmp_path)
    assert status == 2
    assert "which relay?" in one_line(output)


def test_agents_are_listed_as_table_and_json(tmp_path: Path, port: int) -> None:
    address = ("--relay", f"127.0.0.1:{port}", "--no-tls")
    status, out, errors = without_terminal(tmp_path, "agents", *address)
    assert (status, errors) == (0, "")
    head, row = out.splitlines()
    assert head.split() == ["ID", "STATE", "HOST", "SYSTEM", "USER", "VERSION", "UP", "AWAY"]
    assert row.split()[:2] == ["box", "online"]
    assert row.index("online") == head.index("STATE")
    status, out, _ = without_terminal(tmp_path, "agents", "--json", *address)
    assert status == 0
    (found,) = json.loads(out)
    assert {"id", "state", "host", "os", "user", "version", "connected_since", "serves"} <= set(found)
    assert found["id"] == "box"
    assert found["serves"] == sorted(found["serves"])
    assert "shell" in found["serves"]
    assert datetime.fromisoformat(found["connected_since"]).tzinfo is not None


def test_an_empty_list_says_so_beside_the_output(tmp_path: Path) -> None:
    with relay(tmp_path) as (_, port):
        address = ("--relay", f"127.0.0.1:{port}", "--no-tls")
        assert without_terminal(tmp_path, "agents", *address) == (0, "", "no agents are connected\n")
        assert without_terminal(tmp_path, "agents", "--json", *address)[1] == "[]\n"
