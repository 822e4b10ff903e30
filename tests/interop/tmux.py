"""The console in tmux."""

import re
from pathlib import Path

from tests.interop.place import place
from tests.interop.tool import Tool
from tests.support.waiting import wait_until
from tests.tui.terminal.panes import pane

ROWS, COLS = 24, 80


def _in_tmux(folder: Path, lines: int) -> None:
    with place(folder) as console:
        command = console.words("shell", "box", "--exec", "/bin/sh")
        with pane(ROWS, COLS, *command, **console.env | {"TERM": "tmux-256color"}) as outer:
            wait_until(lambda: re.search(r"^[$#]", "\n".join(outer.lines()), re.MULTILINE), "a prompt", 30)
            outer.write(f"seq 1 {lines}; stty size; echo do''ne\r")
            outer.wait_until(lambda rows: "done" in rows, "the output", 60)
            assert f"{ROWS - 2} {COLS}" in outer.lines()


def small(folder: Path) -> None:
    """Run a shell with a little output, and check its size."""
    _in_tmux(folder, 200)


def heavy(folder: Path) -> None:
    """Print a million lines."""
    _in_tmux(folder, 1_000_000)


TOOL = Tool("the console in tmux", {"tmux": "tmux"}, small, heavy)
