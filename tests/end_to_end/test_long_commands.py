"""Commands of more bytes than one message holds, as xargs makes them, through a real relay to a real agent."""

import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pexpect
import pytest

from tests.end_to_end import agent_programs
from tests.end_to_end.agent_programs import LOOPS, SECRET
from tests.support.waiting import patience

assert sys.platform != "win32"

ROOT = Path(__file__).parents[2]
WORDS = [f"word-{number:06}" for number in range(40_000)]


class Place:
    """A relay, and an agent called `box`."""

    def __init__(self, folder: Path, port: int) -> None:
        clean = {key: value for key, value in os.environ.items() if not key.startswith("NATPASS_")}
        self.options = ["--relay", f"127.0.0.1:{port}", "--no-tls"]
        self.env = clean | {"HOME": str(folder), "NATPASS_SECRET": SECRET, "TERM": "xterm-256color"}

    def words(self, *words: str, loop: str = "uvloop", command: tuple[str, ...] = ("exec",)) -> list[str]:
        return [
            sys.executable,
            "-c",
            f"{LOOPS[loop]}from natpass_tui.cli import main; main()",
            *command,
            *self.options,
            "box",
            "--",
            *words,
        ]

    def run(self, words: list[str], data: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
        return subprocess.run(words, input=data, capture_output=True, check=False, timeout=120, env=self.env, cwd=ROOT)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("long")
    with agent_programs.relay(folder) as (_, port), agent_programs.agent(folder, port) as agent:
        agent.said("logged in")
        place = Place(folder, port)
        assert place.run(place.words("true")).returncode == 0
        yield place


@pytest.mark.parametrize("loop", LOOPS)
def test_what_xargs_makes_of_a_long_list(place: Place, loop: str) -> None:
    """128 KiB of arguments a command is its default."""
    done = place.run(["xargs", *place.words("printf", r"%s\n", loop=loop)], "\n".join(WORDS).encode())
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode().split() == WORDS


def test_a_command_of_nearly_2_mib_and_its_input(place: Place) -> None:
    arguments = [character * 100_000 for character in "abcdefghijklmnopqr"]
    done = place.run(place.words("sh", "-c", "cat; printf %s $@ | wc -c", "sh", *arguments), b"input\n")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.split() == [b"input", b"1800000"]


#: Prints how many arguments it has, and a hash of them all; then how large its terminal is.
HASHED = (
    "import hashlib, os, sys; words = list(map(os.fsencode, sys.argv[1:]));"
    "print(len(words), hashlib.sha256(b'|'.join(words)).hexdigest(), *os.get_terminal_size())"
)


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("size", [128 * 1024, 2_000_000], ids=["128 KiB", "nearly 2 MiB"])
@pytest.mark.parametrize("command", [("exec", "-t"), ("shell",)], ids=" ".join)
def test_a_long_command_on_a_terminal(place: Place, command: tuple[str, ...], size: int, loop: str) -> None:
    words = [f"{number:06}" * 1000 for number in range(size // 6001)] + ["two  words", ""]
    digest = hashlib.sha256("|".join(words).encode()).hexdigest()
    program, *arguments = place.words(sys.executable, "-c", HASHED, *words, loop=loop, command=command)
    child: pexpect.spawn[Any] = pexpect.spawn(
        program, arguments, env=place.env, cwd=str(ROOT), dimensions=(31, 97), timeout=patience()
    )
    try:
        child.expect(pexpect.EOF)
        child.wait()
    finally:
        child.close(force=True)
    output = child.before
    assert isinstance(output, bytes)
    shown = re.sub(rb"\x1b\[[^a-zA-Z]*[a-zA-Z]|\s", b"", output)  # a screen of 97 columns may break the line
    width = "9731" if command[0] == "exec" else "97"  # a tab is less high
    assert f"{len(words)}{digest}{width}".encode() in shown, output[-2000:]
    assert child.exitstatus == 0


@pytest.mark.parametrize("command", [("exec",), ("exec", "-t"), ("shell",)], ids=" ".join)
def test_what_no_system_takes_is_refused_with_its_size(place: Place, command: tuple[str, ...]) -> None:
    script = "import sys; from natpass_tui.cli import main; sys.argv += ['x' * 100_000] * 30; main()"
    done = place.run([sys.executable, "-c", script, *command, *place.options, "box", "--", "true"])
    assert done.returncode == 2
    assert done.stderr.startswith(b"natpass-tui: the command and its variables have 3000")
    assert b"at most 2162688 can be sent" in done.stderr
