"""The console in GNU screen."""

import re
import subprocess
import uuid
from pathlib import Path

from tests.interop.place import Place, place, run
from tests.interop.tool import Tool
from tests.support.waiting import wait_until

ROWS, COLS = 24, 80


def _in_screen(folder: Path, console: Place, lines: int) -> None:
    name = f"natpass-{uuid.uuid4().hex[:12]}"
    config = folder / "screenrc"
    config.write_text("startup_message off\ndefutf8 on\nvbell off\n")
    sockets = folder / "screens"
    sockets.mkdir(mode=0o700, exist_ok=True)
    env = console.env | {"SCREENDIR": str(sockets), "LC_ALL": "C.UTF-8", "TERM": "xterm-256color"}

    def screen(*words: str) -> None:
        run("screen", "-S", name, "-p", "0", "-X", *words, env=env)

    def shown() -> str:
        copy = folder / "hardcopy"
        screen("hardcopy", str(copy))
        return copy.read_bytes().decode(errors="replace") if copy.exists() else ""

    shell = folder / "shell"
    shell.write_text("#!/bin/sh\nPS1='ready> ' exec sh\n")
    shell.chmod(0o755)
    command = console.words("shell", "box", "--exec", str(shell))
    run("screen", "-c", str(config), "-U", "-dmS", name, *command, env=env)
    try:
        started = ["screen", "-S", name, "-X", "select", "0"]
        wait_until(lambda: subprocess.run(started, env=env, check=False, capture_output=True).returncode == 0, "screen")
        # Detached, it has only the given size.
        screen("width", "-w", str(COLS), str(ROWS))
        wait_until(lambda: "ready>" in shown(), "the prompt", 30)
        size = f"{ROWS - 2} {COLS}"  # without tabs and status; it may come after the prompt
        screen("stuff", f"until [ \"`stty size`\" = '{size}' ]; do sleep 0.1; done; seq 1 {lines}; echo do''ne\\015")
        wait_until(lambda: re.search(r"^done\s*$", shown(), re.MULTILINE), "the output", 60)
        screen("stuff", "exit\\015")
    finally:
        run("sh", "-c", f"screen -S {name} -X quit || true", env=env)


def small(folder: Path) -> None:
    """Run a shell with a little output, and check its size."""
    with place(folder) as console:
        _in_screen(folder, console, 200)


def heavy(folder: Path) -> None:
    """Print a million lines."""
    with place(folder) as console:
        _in_screen(folder, console, 1_000_000)


TOOL = Tool("the console in GNU screen", {"screen": "screen"}, small, heavy)
