"""`natpass-tui shell` in a real terminal: what the pane shows is what tmux alone shows."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.end_to_end.agent_programs import SECRET, Program, agent, relay
from tests.support.waiting import wait_until
from tests.tui.terminal.panes import Pane, needs, pane

ROWS, COLS = 30, 100
#: The console's own lines: tabs on top, status at the bottom.
OURS = 2
ROOT = Path(__file__).parents[2]
TEXT = ROOT / "LICENSE"
SHELL = """#!/bin/sh
export PS1='ready> ' LC_ALL=C.UTF-8 HISTFILE=/dev/null LESSHISTFILE=-
unset LINES COLUMNS EXINIT VIMINIT LESS
cd /
exec bash --norc --noprofile
"""
pytestmark = [pytest.mark.tmux, needs("bash")]


@dataclass
class Both:
    """The same shell twice: on the agent through the console, and in tmux alone."""

    console: Pane
    alone: Pane
    relay: Program
    agent: Program
    port: int

    def type(self, *keys: str) -> None:
        self.console.type(*keys)
        self.alone.type(*keys)

    def write(self, text: str) -> None:
        self.console.write(text)
        self.alone.write(text)

    def inner(self, *options: str) -> list[str]:
        """Return what the console shows of the remote."""
        return self.console.lines(*options)[1:-1]

    def until_same(self, containing: str) -> None:
        """Wait until both show the same, with `containing` somewhere in it."""

        def same() -> bool:
            lines = self.alone.lines()
            return containing in "\n".join(lines) and lines == self.inner()

        try:
            wait_until(same, timeout=20)
        except AssertionError:
            both = "\n".join(f"{a:<{COLS}} | {b}" for a, b in zip(self.alone.lines(), self.inner(), strict=False))
            raise AssertionError(f"alone, and through natpass (waiting for {containing!r}):\n{both}") from None


def console_command(port: int, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "natpass_tui", *arguments, "--relay", f"127.0.0.1:{port}", "--no-tls"]


def console_env(folder: Path) -> dict[str, str]:
    return {"NATPASS_SECRET": SECRET, "HOME": str(folder), "PYTHONPATH": str(ROOT), "COLORTERM": "truecolor"}


def meet(port: int, agent_id: str, folder: Path) -> None:
    """Have the console of `folder` pin an agent's key."""
    words = [sys.executable, "-m", "natpass_tui", "exec", "--relay", f"127.0.0.1:{port}", "--no-tls", agent_id]
    subprocess.run([*words, "--", "true"], env=os.environ | console_env(folder), check=True, timeout=30)


@pytest.fixture
def shell(tmp_path: Path) -> str:
    """A shell that is the same for everybody."""
    script = tmp_path / "shell"
    script.write_text(SHELL)
    script.chmod(0o755)
    return str(script)


@pytest.fixture
def both(tmp_path: Path, shell: str) -> Iterator[Both]:
    alike = {"HOME": str(tmp_path), "COLORTERM": "truecolor"}
    with relay(tmp_path) as (program, port), agent(tmp_path, port) as box:
        box.said("logged in")
        meet(port, "box", tmp_path)  # a console says so where it meets an agent for the first time
        command = console_command(port, "shell", "box", "--exec", shell)
        with (
            pane(ROWS + OURS, COLS, *command, TERM="screen-256color", **console_env(tmp_path)) as console,
            pane(ROWS, COLS, shell, TERM="xterm-256color", **alike) as alone,
        ):
            console.wait_for("ready>")
            alone.wait_for("ready>")
            yield Both(console, alone, program, box, port)


def test_a_shell_looks_the_same(both: Both) -> None:
    both.write("clear; stty size; seq 1 200; printf '\\e[1;31mé中\\e[0m %s\\n' done$((1+1))\r")
    both.until_same("done2")
    assert both.inner()[-1] == "ready>"


def test_the_first_shell_on_an_agent_says_whose_key_is_pinned(tmp_path: Path, shell: str) -> None:
    with relay(tmp_path) as (_, port), agent(tmp_path, port) as box:
        box.said("logged in")
        command = console_command(port, "shell", "box", "--exec", shell)
        for met in (True, False):
            with pane(ROWS + OURS, COLS, *command, TERM="screen-256color", **console_env(tmp_path)) as console:
                console.wait_for("ready>")
                shown = "".join(console.lines())
                assert ("met box for the first time" in shown) == met
                assert ("SHA256:" in shown) == met


@needs("vim")
def test_vim_looks_the_same(both: Both) -> None:
    both.write(f"vim -n -u NONE -i NONE +'set ruler number nocompatible' {TEXT}\r")
    both.until_same("MIT License")
    both.write("Gotyped é中 in vim")
    both.until_same("-- INSERT --")
    both.type("Escape")
    wait_until(lambda: "-- INSERT --" not in "\n".join(both.inner() + both.alone.lines()))
    both.until_same("typed é中 in vim")
    both.write(":vsplit\r:set wrap list\rgg")
    both.until_same("$")
    both.type("C-d", "C-w", "w")
    both.write("/software\r")
    both.until_same("search hit" if "search hit" in "\n".join(both.alone.lines()) else "Software")
    both.write(":qa!\r")
    both.until_same("ready>")


@needs("less")
def test_less_looks_the_same(both: Both) -> None:
    both.write(f"less -N {ROOT / 'pyproject.toml'}\r")
    both.until_same("[build-system]")
    both.type("Space")
    both.until_same(f"{ROWS}")
    both.write("/pytest\r")
    both.until_same("pytest")
    both.type("G")
    both.until_same("(END)")
    both.type("g")
    both.until_same("[build-system]")
    both.type("q")
    both.until_same("ready>")


@needs("htop")
def test_htop_looks_the_same(both: Both) -> None:
    """The meters at its top change with every look; the rest is compared, for a process that does nothing."""
    with subprocess.Popen(["sleep", "1000"]) as idle:
        both.write(f"htop -d 600 -p {idle.pid}\r")
        both.console.wait_for("F10Quit")
        both.alone.wait_for("F10Quit")

        def below_meters(lines: list[str]) -> list[str]:
            start = next((y for y, line in enumerate(lines) if re.match(r"\s+PID\s", line)), None)
            return [] if start is None else lines[start:]

        def same() -> bool:
            wanted = below_meters(both.alone.lines())
            return f"{idle.pid}" in "\n".join(wanted) and wanted == below_meters(both.inner())

        try:
            wait_until(same, "the same processes", timeout=20)
        finally:
            idle.kill()
    assert len(below_meters(both.inner())) > 10
    both.type("F10")
    both.console.wait_for("ready>")


def test_a_resized_terminal_is_resized_over_there(both: Both) -> None:
    both.console.tmux("resize-window", "-x", "60", "-y", "12")
    both.console.write("clear; until stty size | grep '^10 60'; do sleep 0.02; done\r")
    wait_until(lambda: "10 60" in both.console.lines(), "the new size")


def test_the_console_ends_with_the_shell_and_its_status(tmp_path: Path, shell: str) -> None:
    with relay(tmp_path) as (_, port), agent(tmp_path, port) as box:
        box.said("logged in")
        command = " ".join(console_command(port, "shell", "box", "--exec", shell))
        with pane(12, 80, "sh", "-c", f"{command}; echo status $?; cat", **console_env(tmp_path)) as shown:
            shown.wait_for("ready>")
            shown.write("exit 7\r")
            wait_until(lambda: "status 7" in shown.lines(), "the console's exit status")  # a line of its own
            left = shown.lines()
            assert "ready> exit 7" in left  # the tab's last screen, as text
            assert not any("ctrl+] commands" in line for line in left), left  # nothing of the console's


def test_a_relay_that_is_killed_comes_back_and_the_shell_has_run_on(both: Both, tmp_path: Path) -> None:
    console = both.console
    console.write("MINE=kept; echo be''fore\r")
    console.wait_for("before")
    both.relay.kill()
    console.wait_for("reconnecting to box · ")
    console.wait_for("is kept")
    console.wait_for("cannot reach")
    console.write("echo $MINE off''line\r")
    console.wait_for("21 keys")
    with relay(tmp_path, port=both.port):
        lines = console.wait_for("kept offline")
        assert "before" in lines
        assert not any("──" in line for line in lines)  # it is the same shell
        wait_until(lambda: console.lines()[-1].startswith(" ● connected"), "the status bar")
        console.write("echo aft''er\r")
        console.wait_for("after")
        console.type("C-]")
        console.wait_for("n next")
        console.type("q")
        console.wait_for("A shell runs. Quitting ends it.")
        console.type("y")
        wait_until(lambda: console.has_ended, "the end of the console")


def whole(console: Pane, text: str) -> str:
    """Return the words shown, whatever line they are on, once `text` is in it."""
    shown = " ".join(" ".join(console.lines()).split())
    return shown if text in shown else ""


def test_an_agent_that_was_restarted_has_a_new_shell_and_the_tab_says_so(both: Both, tmp_path: Path) -> None:
    console = both.console
    console.write("echo be''fore\r")
    console.wait_for("before")
    both.agent.kill()
    console.wait_for("reconnecting to box · ")
    console.write("rm x\r")
    console.wait_for("5 keys")
    with agent(tmp_path, both.port):
        # One separator, which this terminal is too narrow for.
        shown = wait_until(lambda: whole(console, "· not sent: 5 keys ──"), "the separator", timeout=20)
        assert "the agent was restarted" in shown
        assert "· new shell " in shown
        assert "before" in console.lines()
        console.write("echo aft''er\r")
        console.wait_for("after")
