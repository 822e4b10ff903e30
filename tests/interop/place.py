"""A relay and an agent `box`, and the command lines and environment of consoles."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.end_to_end.agent_programs import SECRET, agent, relay

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Place:
    """A place for consoles to run.

    Attributes:
        folder: the console's home, and the agent's.
        options: the options with which the console reaches the relay.
    """

    folder: Path
    options: tuple[str, ...]

    def words(self, command: str, *words: str) -> list[str]:
        """Return the command line of a console."""
        return [sys.executable, "-P", "-m", "natpass_tui", command, *self.options, *words]

    @property
    def env(self) -> dict[str, str]:
        """The environment of a console."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("NATPASS_")}
        return clean | {"HOME": str(self.folder), "NATPASS_SECRET": SECRET, "PYTHONPATH": str(ROOT)}

    def run(self, *command: str, data: bytes = b"", timeout: float = 60) -> bytes:
        """Run a command on the agent; return its output."""
        done = subprocess.run(
            self.words("exec", "box", "--", *command),
            input=data,
            capture_output=True,
            check=False,
            timeout=timeout,
            env=self.env,
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    def meet(self) -> "Place":
        """Let the console pin the agent's key, which it reports once."""
        self.run("true")
        return self


@contextmanager
def place(folder: Path) -> Iterator[Place]:
    """Run a relay without TLS, and its agent."""
    with relay(folder) as (_, port), agent(folder, port) as box:
        box.said("logged in")
        yield Place(folder, ("--relay", f"127.0.0.1:{port}", "--no-tls")).meet()


def run(*command: str, timeout: float = 60, env: Mapping[str, str] | None = None) -> str:
    """Run a program; return its output, standard error included."""
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        check=False,
        timeout=timeout,
        env=None if env is None else dict(env),
    )
    assert done.returncode == 0, f"{command[0]}: {done.stdout}"
    return done.stdout
