"""Starts a relay and an agent, prints the relay's address, and ends both when standard input closes.

Run as `python -m natpass_tui.demo.keeper`, with the secret in NATPASS_SECRET. On standard output: one line, the relay's
`HOST:PORT`, or `error: ...`. State and logs are in a temporary directory, which it removes.
"""

import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import IO

import click

_LISTENING = "listening on "
#: Seconds that a program may take to end by itself.
_END_SECONDS = 5.0


def start(folder: Path, program: str, *arguments: str) -> subprocess.Popen[str]:
    """Start one of our programs; its log goes to a file."""
    with (folder / f"{program}.log").open("w") as log:
        return subprocess.Popen(
            [sys.executable, "-m", program, *arguments, "--state-dir", str(folder / program)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )


def drain(stream: IO[str]) -> None:
    """Read and discard output in the background, so that its writer never waits."""
    threading.Thread(target=lambda: [None for _ in stream], daemon=True).start()


def listening_address(relay: subprocess.Popen[str]) -> str:
    """Return the relay's address; empty if the relay ended first."""
    assert relay.stdout is not None
    for line in relay.stdout:
        if _LISTENING in line:
            drain(relay.stdout)
            return line.partition(_LISTENING)[2].split()[0]
    return ""


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
        sys.stdin.read()
    finally:
        end(*programs)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
