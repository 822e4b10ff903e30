"""Commands of more bytes than one message holds, as xargs makes them, through a real relay to a real agent."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end import agent_programs
from tests.end_to_end.agent_programs import LOOPS, SECRET

assert sys.platform != "win32"

ROOT = Path(__file__).parents[2]
WORDS = [f"word-{number:06}" for number in range(40_000)]


class Place:
    """A relay, and an agent called `box`."""

    def __init__(self, folder: Path, port: int) -> None:
        clean = {key: value for key, value in os.environ.items() if not key.startswith("NATPASS_")}
        self.options = ["--relay", f"127.0.0.1:{port}", "--no-tls"]
        self.env = clean | {"HOME": str(folder), "NATPASS_SECRET": SECRET}

    def words(self, *words: str, loop: str = "uvloop") -> list[str]:
        return [
            sys.executable,
            "-c",
            f"{LOOPS[loop]}from natpass_tui.cli import main; main()",
            "exec",
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


def test_what_no_system_takes_is_refused_with_its_size(place: Place) -> None:
    script = "import sys; from natpass_tui.cli import main; sys.argv += ['x' * 100_000] * 30; main()"
    done = place.run([sys.executable, "-c", script, "exec", *place.options, "box", "--", "true"])
    assert done.returncode == 2
    assert done.stderr.startswith(b"natpass-tui: the command and its variables have 3000")
    assert b"at most 2162688 can be sent" in done.stderr
