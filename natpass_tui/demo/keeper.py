"""Starts a relay, an agent and what kinds show of themselves, and ends them when standard input closes.

Run as `python -m natpass_tui.demo.keeper`, with the secret in NATPASS_SECRET. On standard output: the relay's
`HOST:PORT`, or `error: ...`; then the URL of a page beyond the agent, once there is a way to it. State and logs are in
a temporary directory, which it removes.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import IO

import click

from natpass_tui.links import kinds

_LISTENING = "listening on "
#: Seconds that a program may take to end by itself.
_END_SECONDS = 5.0
#: How often the folder is removed, and seconds between that.
_TRIES, _AGAIN_SECONDS = 20, 0.2


def start(folder: Path, program: str, *arguments: str) -> subprocess.Popen[str]:
    """Start one of our programs; its log goes to a file, its temporary files into the folder, however it ends."""
    with (folder / f"{program}.log").open("w") as log:
        return subprocess.Popen(
            [sys.executable, "-m", program, *arguments, "--state-dir", str(folder / program)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            env=os.environ | {"TMPDIR": str(folder)},
            text=True,
        )


def drain(stream: IO[str]) -> None:
    """Read and discard output in the background, so that its writer never waits."""
    threading.Thread(target=lambda: [None for _ in stream], daemon=True).start()


def listening_address(program: subprocess.Popen[str]) -> str:
    """Return the address where a program listens; empty if it ended first."""
    assert program.stdout is not None
    for line in program.stdout:
        if _LISTENING in line:
            drain(program.stdout)
            return line.partition(_LISTENING)[2].split()[0]
    return ""


def tell_page(shows: subprocess.Popen[str]) -> None:
    """Print the URL of a page that a kind shows, once it listens."""
    if address := listening_address(shows):
        click.echo(f"http://{address}/")


def end(*programs: subprocess.Popen[str]) -> None:
    """End the programs: terminate them, and kill those that do not end."""
    for program in programs:
        program.terminate()
    for program in programs:
        try:
            program.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            program.kill()
            program.wait()


def last_words(log: Path) -> str:
    """Return the last line that a program logged."""
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it ended without a message"


def main() -> None:
    """Run until standard input closes."""
    folder = Path(tempfile.mkdtemp(prefix="natpass-demo-"))
    programs: list[subprocess.Popen[str]] = []
    try:
        relay = start(folder, "natpass_relay", "--listen", "127.0.0.1:0")
        programs.append(relay)
        address = listening_address(relay)
        if not address:
            click.echo(f"error: the relay did not start: {last_words(folder / 'natpass_relay.log')}")
            return
        agent = start(folder, "natpass_agent", "--relay", address)
        programs.insert(0, agent)
        assert agent.stdout is not None
        drain(agent.stdout)
        click.echo(address)  # flushes: the console waits for it
        for module in (kind.demo for kind in kinds() if kind.demo):
            shows = start(folder, module, "--relay", address)
            programs.insert(0, shows)
            threading.Thread(target=tell_page, args=[shows], daemon=True).start()
        sys.stdin.read()
    finally:
        end(*programs)
        for _ in range(_TRIES):  # what the agent had started may still write its last words
            shutil.rmtree(folder, ignore_errors=True)
            if not folder.exists():
                break
            time.sleep(_AGAIN_SECONDS)


if __name__ == "__main__":
    main()
