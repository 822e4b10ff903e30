"""The view in a real terminal: a small application in tmux, a local shell behind it, keys typed and the pane read."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.waiting import wait_until
from tests.tui.terminal.panes import Pane, needs, pane

ROWS, COLS = 24, 90
ROOT = Path(__file__).parents[3]
pytestmark = [pytest.mark.tmux, needs("bash", "less", "vim")]


@pytest.fixture(params=["ghostty", "fallback"])
def shell(request: pytest.FixtureRequest) -> Iterator[Pane]:
    command = [sys.executable, "-m", "tests.tui.widgets.shell_app", "bash", "--norc"]
    variables = {
        "NATPASS_TERMINAL_ENGINE": request.param,
        "PS1": "ready> ",
        "LC_ALL": "C.UTF-8",
        "PYTHONPATH": str(ROOT),
    }
    with pane(ROWS + 1, COLS, *command, TERM="screen-256color", HISTFILE="/dev/null", **variables) as shown:
        shown.wait_for("ready>")
        yield shown


def test_a_session(shell: Pane) -> None:
    shell.write("stty size; seq 1 3000 | tail -n 200; echo é中$((6*7))\r")
    lines = shell.wait_for("é中42")
    assert lines[-4:-1] == ["3000", "é中42", "ready>"]

    shell.write(f"clear; vim -n -u NONE +'set ruler' {ROOT / 'LICENSE'}\r")
    shell.wait_for("MIT License")
    shell.write("Gotyped in vim")
    shell.type("Escape", "C-q", "C-p")
    shell.type("F5")
    assert "typed in vim" in "\n".join(shell.wait_for("typed in vim"))
    shell.type("Escape")
    shell.write(":q!\r")
    shell.wait_for("ready>")

    shell.write(f"less {ROOT / 'pyproject.toml'}\r")
    shell.wait_for("[build-system]")
    shell.type("G")
    shell.wait_for("(END)")
    shell.type("q")

    shell.write("printf '\\033]2;a title\\007'; cat -v\r")
    shell.wait_until(lambda lines: lines[-1] == "a title", "the title in the status line")  # the command has it as well
    shell.type("M-Enter", "M-.", "C-Left", "Tab", "C-h", "F1")
    shell.wait_for("^[OP")
    shell.type("C-c")

    shell.tmux("resize-window", "-x", "60", "-y", "11")
    shell.write("clear; until stty size | grep '^10 60'; do sleep 0.02; done\r")
    shell.wait_until(lambda lines: "10 60" in lines, "the new size")
    shell.type("C-]")
    wait_until(lambda: shell.has_ended, "the end of the application")


def test_a_flood_can_be_stopped(shell: Pane) -> None:
    shell.write("yes floods the screen\r")
    shell.wait_until(lambda lines: lines.count("floods the screen") >= ROWS - 2, "a screen full")
    shell.type("C-c")
    shell.write("clear; echo after $((1+1))\r")
    shell.wait_for("after 2")
