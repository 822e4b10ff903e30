"""A machine with a desktop for screenshots: a headless X server, a window manager, two xterms, an agent."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from natpass_wire.errors import UserError
from screenshots.machines import SECRET

AGENT = "desk-1"
_SIZE = "1280x720"
_PROGRAMS = ("Xvfb", "openbox", "xterm", "htop")
#: Colours, and a font that stays readable when a character has two cells.
_XTERM = ("xterm", "-u8", "-bg", "#101820", "-fg", "#d8e0e8", "-fa", "DejaVu Sans Mono", "-fs", "13")
_COLOURS = (
    "printf '\\033]11;#182030\\007\\033]10;#d0d8e0\\007\\033[2J\\033[H'; for n in $(seq 16 231); do "
    "printf '\\033[48;5;%dm   \\033[0m' $n; done; printf '\\n\\n  natpass\\n'; cat"
)


@contextmanager
def _program(command: list[str], env: dict[str, str], log: Path, **options: object) -> Iterator[None]:
    with log.open("w") as errors:
        process = subprocess.Popen(  # type: ignore[call-overload]  # keyword arguments come from a dict
            command, env=env, stdin=subprocess.DEVNULL, stdout=errors, stderr=errors, **options
        )
        try:
            yield
        finally:
            process.terminate()
            process.wait(10)


@contextmanager
def desktop(folder: Path, port: int) -> Iterator[None]:
    """Run the desktop and its agent.

    Raises:
        UserError: a program is missing.
    """
    if missing := [name for name in _PROGRAMS if shutil.which(name) is None]:
        raise UserError(f"the picture of a desktop needs {', '.join(missing)}")
    env = {key: value for key, value in os.environ.items() if not key.startswith(("NATPASS_", "WAYLAND_"))}
    env |= {"HOME": str(folder / "home"), "LC_ALL": "C.UTF-8"}
    reader, writer = os.pipe()
    with ExitStack() as stack:
        server = ["Xvfb", "-displayfd", str(writer), "-screen", "0", f"{_SIZE}x24", "-nolisten", "tcp", "-noreset"]
        stack.enter_context(_program(server, env, folder / "xvfb.log", pass_fds=[writer]))
        os.close(writer)
        with os.fdopen(reader) as numbers:
            env["DISPLAY"] = f":{numbers.readline().strip()}"
        stack.enter_context(_program(["openbox", "--sm-disable"], env, folder / "openbox.log"))
        windows = (("66x24+20+20", "htop", ["htop"]), ("48x17+720+300", "colours", ["sh", "-c", _COLOURS]))
        for geometry, title, command in windows:
            xterm = [*_XTERM, "-geometry", geometry, "-T", title, "-e", *command]
            stack.enter_context(_program(xterm, env, folder / f"{title}.log"))
        agent = [sys.executable, "-m", "natpass_agent", "--relay", f"127.0.0.1:{port}", "--id", AGENT]
        agent += ["--state-dir", str(folder / AGENT), "--pass-env", "HOME"]
        stack.enter_context(_program(agent, env | {"NATPASS_SECRET": SECRET}, folder / f"{AGENT}.log"))
        yield
