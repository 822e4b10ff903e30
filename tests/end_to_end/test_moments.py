"""What nobody typed, through a relay that stands still: too late for a program that was interrupted meanwhile."""

import re
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from tests.end_to_end.agent_programs import Program, agent, relay
from tests.end_to_end.test_console_shell import SHELL, TEXT, console_command, console_env, meet
from tests.support.network.line import Shape
from tests.support.network.proxy import NetworkProxy
from tests.support.waiting import wait_until
from tests.tui.terminal.panes import Pane, needs, pane

assert sys.platform != "win32"

ROWS, COLS = 24, 100
pytestmark = [pytest.mark.tmux, needs("bash")]
#: Asks for the background colour and the cursor's place, all the time.
ASK = r"printf '\e]11;?\a\e[6n'"
LOOPS = {
    "now and then, in the shell itself": f"while :; do {ASK}; sleep 0.1; done",
    "without pause, in a program": f"bash -c \"trap 'exit 3' INT; while :; do {ASK}; done\"",
    "by a program that reads the answers": f"{sys.executable} asks-and-reads",
}
#: Not bash: an interrupt that comes just when its `read -t` gives up leaves it reading, without a time limit.
ASKS_AND_READS = r"""
import os, select, signal, termios, tty
signal.signal(signal.SIGINT, signal.SIG_DFL)
tty.setraw(0)
mode = termios.tcgetattr(0)
mode[3] |= termios.ISIG
termios.tcsetattr(0, termios.TCSANOW, mode)
while True:
    os.write(1, b"\x1b]11;?\a\x1b[6n")
    if select.select([0], [], [], 0.02)[0]:
        os.read(0, 9)
"""


@contextmanager
def stopped(program: Program) -> Iterator[None]:
    """Have a program stand still."""
    program.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        program.process.send_signal(signal.SIGCONT)


@contextmanager
def shell_of(tmp_path: Path, port: int) -> Iterator[Pane]:
    """Run a console with a shell on the agent."""
    script = tmp_path / "shell"
    script.write_text(SHELL)
    script.chmod(0o755)
    (tmp_path / "asks-and-reads").write_text(ASKS_AND_READS)
    meet(port, "box", tmp_path)
    command = console_command(port, "shell", "box", "--exec", str(script))
    with pane(ROWS, COLS, *command, TERM="screen-256color", **console_env(tmp_path)) as console:
        console.wait_for("ready>")
        yield console


@pytest.mark.parametrize("loop", LOOPS.values(), ids=LOOPS.keys())
def test_late_answers_do_not_stand_at_the_prompt(tmp_path: Path, loop: str) -> None:
    with relay(tmp_path) as (program, port), agent(tmp_path, port) as box:
        box.said("logged in")
        with shell_of(tmp_path, port) as console:
            console.write(f"cd {tmp_path}; stty -echo; echo as''king; {loop}\r")
            console.wait_for("asking")
            with stopped(program):
                console.type("C-c")
                console.wait_until(has_waited, "a key that is on its way for a while")
            console.wait_until(lambda lines: last(lines).endswith("ready>"), "the prompt")
            console.type("Enter")
            console.write("stty sane; echo do''ne\r")
            console.wait_for("done")
            shown = "\n".join(console.lines()[1:-1])
            behind = shown.partition("asking\n")[2] or shown
            assert not any(word in behind for word in ("rgb", "1R", "not found")), shown


def test_a_file_that_asks_plants_no_command(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content\n\x1b]11;?\x1b\\\x1b]10;?\x1b\\\x1b[6n\x1b[c")
    with relay(tmp_path) as (_, port), agent(tmp_path, port) as box:
        box.said("logged in")
        with shell_of(tmp_path, port) as console:
            for round_ in range(1, 9):
                console.write(f"clear; cat {tmp_path / 'file'}; echo end {round_}\r")
                console.wait_until(partial(has_line, f"end {round_}"), "the end")
                console.type("Enter")
                console.write(f"echo do''ne {round_}\r")
                shown = "\n".join(console.wait_for(f"done {round_}"))
                assert "rgb" not in shown, shown
                assert "not found" not in shown, shown


@needs("vim")
def test_answers_in_time_arrive_on_a_slow_line(tmp_path: Path) -> None:
    with (
        relay(tmp_path) as (_, port),
        agent(tmp_path, port) as box,
        NetworkProxy(port, shape=Shape(rate=125_000, delay=0.15)) as network,
    ):
        box.said("logged in")
        with shell_of(tmp_path, network.port) as console:
            console.write("stty -echo; printf '\\e[6n'; IFS= read -rsd R place; stty sane; echo place ${place#*[}\r")
            wait_until(lambda: re.search(r"place \d+;1$", "\n".join(console.lines()), re.MULTILINE), "the place", 20)
            console.write(f"vim -n -u NONE -i NONE +'set nocompatible' {TEXT}\r")
            console.wait_for("MIT License")
            console.write(":echo 'version' v:termresponse[1:]\r")
            console.wait_for("version [>")


def test_keys_that_an_agent_does_not_take_are_told_until_it_does(tmp_path: Path) -> None:
    with relay(tmp_path) as (_, port), agent(tmp_path, port) as box:
        box.said("logged in")
        with shell_of(tmp_path, port) as console:
            with stopped(box):
                console.write("echo he''re")
                lines = console.wait_for("no answer for 3 s — 11 keys are on their way")
                assert " 1 box ~" in lines[0]
                console.type("Enter")
                console.wait_for("12 keys are on their way")
                console.wait_for("no answer from box for ")  # nor has the relay had one
            wait_until(lambda: "here" in console.lines(), "the output")
            console.wait_until(lambda lines: not re.search("no answer|~", "\n".join(lines)), "the end of the notice")


@pytest.mark.parametrize("is_planned", [True, False])
def test_what_a_shell_did_not_take_before_its_agent_went_is_told(tmp_path: Path, is_planned: bool) -> None:
    with relay(tmp_path) as (_, port), agent(tmp_path, port) as box:
        box.said("logged in")
        with shell_of(tmp_path, port) as console:
            if is_planned:
                box.stop()
                console.wait_for("is shutting down")
                console.write("rm xy")
                console.wait_for("not sent: there is no connection")
            else:
                box.process.send_signal(signal.SIGSTOP)
                console.write("rm x")
                console.wait_for("4 keys are on their way")
                box.kill()
                console.wait_for("reconnecting to box")
                console.write("y")
                console.wait_for("5 keys wait")
            with agent(tmp_path, port):
                shown = wait_until(lambda: separator(console), "the separator", timeout=20)
                assert " ".join(shown.split()).endswith("· not sent: 5 keys ──"), shown


def separator(console: Pane) -> str:
    """Return the line between two shells, which may be longer than this terminal is wide."""
    found = re.search("──.*──", "".join(console.lines()[1:-1]))
    return found[0] if found else ""


def has_waited(lines: list[str]) -> bool:
    """Tell whether the console says that a key waits for longer than an answer of a terminal is valid."""
    found = re.search(r"for (\d+) s — 1 key is on its way", "\n".join(lines))
    return found is not None and int(found[1]) >= 4


def has_line(end: str, lines: list[str]) -> bool:
    """Tell whether a row ends so."""
    return any(line.endswith(end) for line in lines)


def last(lines: list[str]) -> str:
    """Return the last row of the remote's in which there is something."""
    return next((line for line in reversed(lines[1:-1]) if line), "")
