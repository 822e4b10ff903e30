"""`natpass-tui exec -t` and `shell AGENT -- COMMAND` on a real terminal, through a real relay, to a real agent."""

import os
import re
import shlex
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pexpect
import psutil
import pytest

from tests.agent.processes import is_gone
from tests.end_to_end import agent_programs
from tests.end_to_end.agent_programs import LOOPS, SECRET, Program
from tests.support.waiting import patience, wait_until

assert sys.platform != "win32"

ROOT = Path(__file__).parents[2]


class Place:
    """A relay, and an agent called `box`."""

    def __init__(self, folder: Path, port: int, relay: Program, agent: Program) -> None:
        self.port = port
        self.children: list[pexpect.spawn[Any]] = []
        self.relay = relay
        self.agent = agent
        clean = {key: value for key, value in os.environ.items() if not key.startswith("NATPASS_")}
        self.env = clean | {"HOME": str(folder), "NATPASS_SECRET": SECRET, "TERM": "xterm-256color"}

    def words(self, command: str, *words: str, loop: str = "uvloop") -> list[str]:
        return [
            "-c",
            f"{LOOPS[loop]}from natpass_tui.cli import main; main()",
            command,
            "--relay",
            f"127.0.0.1:{self.port}",
            "--no-tls",
            *words,
        ]

    def spawn(self, command: str, *words: str, loop: str = "uvloop", rows: int = 24) -> "pexpect.spawn[Any]":
        return self.spawn_program(sys.executable, *self.words(command, *words, loop=loop), rows=rows)

    def spawn_program(
        self, program: str, *arguments: str, rows: int = 24, env: dict[str, str] | None = None
    ) -> "pexpect.spawn[Any]":
        child = pexpect.spawn(
            program,
            list(arguments),
            env=self.env | (env or {}),
            cwd=str(ROOT),
            dimensions=(rows, 100),
            timeout=patience(),
        )
        child.delaybeforesend = None
        self.children.append(child)
        return child

    def close(self) -> None:
        """End what a test that failed has left."""
        for child in self.children:
            child.close(force=True)
        self.children.clear()

    def run(self, command: str, *words: str) -> "subprocess.CompletedProcess[str]":
        arguments = [sys.executable, *self.words(command, *words)]
        return subprocess.run(
            arguments,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env=self.env,
            cwd=ROOT,
        )

    def nothing_runs(self) -> None:
        agent = psutil.Process(self.agent.process.pid)
        wait_until(
            lambda: all(is_gone(child) for child in agent.children(recursive=True)), "the program's end over there"
        )


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("tty")
    with agent_programs.relay(folder) as (relay, port), agent_programs.agent(folder, port) as agent:
        agent.said("logged in")
        place = Place(folder, port, relay, agent)
        assert place.run("exec", "box", "--", "true").returncode == 0  # it has met box
        yield place


@pytest.fixture
def place(shared: Place) -> Iterator[Place]:
    yield shared
    shared.close()
    shared.nothing_runs()


def modes(child: "pexpect.spawn[Any]") -> list[object]:
    """Return how the terminal is set."""
    return termios.tcgetattr(child.child_fd)[:4]


def end(child: "pexpect.spawn[Any]") -> tuple[bytes, int]:
    """Return the rest of the output, and the exit status."""
    child.expect(pexpect.EOF)
    rest = child.before
    assert isinstance(rest, bytes)
    child.wait() if child.isalive() else None
    status = child.exitstatus
    assert status is not None
    return rest, status


@pytest.mark.parametrize("loop", LOOPS)
def test_a_program_with_arguments_has_the_users_terminal(place: Place, loop: str) -> None:
    script = (
        'printf "%s|" "$@"; stty size; echo "$TERM $NATPASS_AGENT"; tty -s && echo yes; read x; echo "<$x>"; exit 7'
    )
    child = place.spawn("exec", "-t", "box", "--env", "A=1", "--", "sh", "-c", script, "sh", "a  b", "*", "", loop=loop)
    child.expect_exact(b"a  b|*||24 100\r\nxterm-256color box\r\nyes\r\n")
    child.send("typed\r")
    child.expect_exact(b"<typed>")
    assert end(child) == (b"\r\n", 7)


@pytest.mark.parametrize("loop", LOOPS)
def test_ctrl_c_is_a_byte_and_a_new_size_gets_there(place: Place, loop: str) -> None:
    script = "trap 'echo caught' INT; trap 'stty size' WINCH; echo ready; while :; do sleep 0.05; done"
    child = place.spawn("exec", "-t", "box", "--", "sh", "-c", script, loop=loop)
    child.expect_exact(b"ready")
    child.send("\x03")
    child.expect_exact(b"caught")
    child.setwinsize(31, 97)
    child.expect_exact(b"31 97")
    child.send("\x1c")  # QUIT, which it does not catch
    assert end(child)[1] == 131


def test_what_it_writes_is_filtered_and_what_it_has_set_is_undone(place: Place) -> None:
    evil = r"\033]0;title\a\033[6n\033]52;c;AAAA\a\033[?1000;1006h\033[?1049h\033[?2004h\033[>1u\033[31mred"
    child = place.spawn("exec", "-t", "box", "--", "printf", evil)
    output, status = end(child)
    assert status == 0
    assert output.startswith(b"\x1b[?1000;1006h\x1b[?1049h\x1b[?2004h\x1b[>1u\x1b[31mred")
    for undone in (b"\x1b[?1000l", b"\x1b[?1006l", b"\x1b[?1049l", b"\x1b[?2004l", b"\x1b[<1u", b"\x1b[0m"):
        assert undone in output
    raw = place.spawn("exec", "-t", "--raw", "box", "--", "printf", evil)
    assert end(raw)[0].startswith(b"\x1b]0;title\x07\x1b[6n\x1b]52;c;AAAA\x07")


def test_exec_filters_for_a_terminal_and_not_for_a_pipe(place: Place) -> None:
    evil = r"\033]0;title\aout\033[6n\033[?25l"
    child = place.spawn("exec", "box", "--", "sh", "-c", f"printf '{evil}'; printf '{evil}' >&2")
    output, status = end(child)
    assert status == 0
    assert output == b"out\x1b[?25lout\x1b[?25l" + b"\x1b[?25h\x1b[0m" + b"\x1b[0m"
    child = place.spawn("exec", "--raw", "box", "--", "printf", evil)
    assert end(child)[0] == b"\x1b]0;title\x07out\x1b[6n\x1b[?25l"
    assert place.run("exec", "box", "--", "printf", evil).stdout == "\x1b]0;title\x07out\x1b[6n\x1b[?25l"


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("way", ["exit", "escape", "TERM", "HUP", "INT", "killed there"])
def test_the_terminal_is_as_before_on_every_way_out(place: Place, way: str, loop: str) -> None:
    child = place.spawn("exec", "-t", "box", "--", "sh", "-c", "printf '\\033[?1000hready'; exec cat", loop=loop)
    before = modes(child)
    child.expect_exact(b"ready")
    assert modes(child) != before
    match way:
        case "exit":
            child.send("\x04")
            expected = 0
        case "escape":
            child.send("\r~.")
            expected = 130
        case "killed there":
            (program,) = psutil.Process(place.agent.process.pid).children()
            program.kill()
            expected = 137
        case _:
            number = signal.Signals[f"SIG{way}"]
            child.kill(number)
            expected = 128 + number
    rest, status = end(child)
    assert status == expected
    assert b"\x1b[?1000l" in rest
    assert modes(child) == before


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("how", ["signal", "keys"])
def test_a_shell_that_stops_it_has_its_terminal_back_until_it_goes_on(place: Place, loop: str, how: str) -> None:
    """As it was found: `kill -TSTP` left the user's shell with a raw terminal that reported the mouse."""
    script = "trap 'echo size-changed' WINCH; printf '\\033[?1000hready'; while :; do read x && echo \"<$x>\"; done"
    words = [sys.executable, *place.words("exec", "-t", "box", "--", "sh", "-c", script, loop=loop)]
    child = place.spawn_program("bash", "--norc", "--noprofile", "-i", env={"PS1": "outer> "})
    child.expect_exact(b"outer> ")
    child.send("stty -a | md5sum; " + shlex.join(words) + "\r")
    child.expect(rb"[\r\n]([0-9a-f]{32}) ")
    assert isinstance(child.match, re.Match)
    before = child.match[1]
    child.expect_exact(b"\x1b[?1000hready")
    if how == "signal":
        (natpass,) = psutil.Process(child.pid).children()
        natpass.send_signal(signal.SIGTSTP)
    else:
        child.send("\r~\x1a")
    child.expect_exact(b"\x1b[?1000l")
    child.expect_exact(b"Stopped")
    child.expect_exact(b"outer> ")
    child.send("stty -a | md5sum\r")
    child.expect(rb"[\r\n]([0-9a-f]{32}) ")
    assert child.match[1] == before
    child.expect_exact(b"outer> ")
    child.send("fg\r")
    child.expect_exact(b"\x1b[?1000h")
    child.expect_exact(b"size-changed")  # it draws its screen anew
    child.send("typed\r")
    child.expect_exact(b"<typed>")
    child.send("\r~?")
    child.expect_exact(b"~^Z  suspend this")
    child.send("~.")
    child.expect_exact(b"given up")
    child.expect_exact(b"outer> ")
    child.send("exit\r")
    end(child)


@pytest.mark.parametrize("loop", LOOPS)
def test_it_goes_on_over_a_lost_connection_and_says_so(tmp_path: Path, loop: str) -> None:
    with ExitStack() as stack:
        relay, port = stack.enter_context(agent_programs.relay(tmp_path))
        agent = stack.enter_context(agent_programs.agent(tmp_path, port))
        stack.callback(relay.process.send_signal, signal.SIGCONT)  # a stopped one does not end
        agent.said("logged in")
        place = Place(tmp_path, port, relay, agent)
        stack.callback(place.close)
        child = place.spawn(
            "exec", "-t", "box", "--dead-after", "1", "--", "sh", "-c", "echo ready; exec cat", loop=loop
        )
        child.expect_exact(b"ready")
        relay.process.send_signal(signal.SIGSTOP)
        child.expect_exact(b"reconnecting to box")
        child.send("typed meanwhile\r")
        relay.process.send_signal(signal.SIGCONT)
        child.expect_exact(b"typed meanwhile\r\ntyped meanwhile")
        relay.process.send_signal(signal.SIGSTOP)
        child.expect_exact(b"reconnecting to box")
        child.send("\r~.")  # where nothing gets through
        rest, status = end(child)
        relay.process.send_signal(signal.SIGCONT)
        assert status == 130
        assert b"natpass-tui: box: given up" in rest


@pytest.mark.parametrize("loop", LOOPS)
def test_keys_that_a_silent_agent_does_not_take_are_told_until_it_does(tmp_path: Path, loop: str) -> None:
    with ExitStack() as stack:
        relay, port = stack.enter_context(agent_programs.relay(tmp_path))
        agent = stack.enter_context(agent_programs.agent(tmp_path, port))
        stack.callback(agent.process.send_signal, signal.SIGCONT)  # a stopped one does not end
        agent.said("logged in")
        place = Place(tmp_path, port, relay, agent)
        stack.callback(place.close)
        child = place.spawn(
            "exec", "-t", "box", "--dead-after", "100", "--", "sh", "-c", "echo ready; read x; exit 4", loop=loop
        )
        child.expect_exact(b"ready")
        agent.process.send_signal(signal.SIGSTOP)
        child.send("typed")
        child.expect(rb"reconnecting to box \xc2\xb7 \d+ s [^)]*\(box does not answer\)")
        agent.process.send_signal(signal.SIGCONT)
        child.expect_exact(b"typed")
        child.expect_exact(b"\x1b7\x1b[1;1H\x1b[0m\x1b[2K\x1b8")  # the notice is gone
        child.send("\r")
        assert end(child)[1] == 4


def test_without_a_terminal_it_says_so(place: Place) -> None:
    done = place.run("exec", "-t", "box", "--", "ls")
    assert (done.returncode, done.stdout, done.stderr) == (2, "", "natpass-tui: exec -t needs a terminal on stdin\n")


def test_a_command_line_for_a_programs_name_gets_a_hint(place: Place) -> None:
    done = place.run("exec", "box", "ls / | wc")
    assert done.returncode == 255
    assert done.stderr.endswith("no such program: ls / | wc (no shell is used; for one: -- sh -c 'ls / | wc')\n")
    assert "sh -c" not in place.run("exec", "box", "--", "no-such-program").stderr
    child = place.spawn("shell", "box", "--", "ls /")
    rest, status = end(child)
    assert status == 255
    assert b"-- sh -c 'ls /'" in rest


def test_a_shell_tab_runs_a_program_with_arguments_and_leaves_its_last_screen(place: Place) -> None:
    child = place.spawn(
        "shell", "box", "--", "sh", "-c", 'printf "%s|" "$@"; echo; seq 1 30; exit 5', "sh", "a  b", "*"
    )
    rest, status = end(child)
    assert status == 5
    left = rest.rpartition(b"\x1b[?1049l")[2]
    assert b"\n29\r\n30\r\n" in left
    assert b"\n9\r\n" not in left  # scrolled away
    env = place.spawn("shell", "box", "--exec", "/usr/bin/env", rows=40)
    rest, status = end(env)
    assert status == 0
    assert b"NATPASS_AGENT=box\r\n" in rest.rpartition(b"\x1b[?1049l")[2]


def test_a_time_limit_holds_on_a_terminal_too(place: Place) -> None:
    child = place.spawn("exec", "-t", "box", "--timeout", "0.5", "--", "sleep", "1000")
    rest, status = end(child)
    assert status == 124
    assert b"natpass-tui: box: timed out after 0.5 s" in rest
