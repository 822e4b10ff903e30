"""The programs with sealed and with unsealed links, only for comparison."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.end_to_end.agent_programs import SECRET, Program

ROOT = Path(__file__).parents[2]
_MAIN = "from natpass_tui.cli import main; main()"
#: A console without a key that asks for unsealed streams. No option does this.
_UNSEALED = f"""
from dataclasses import replace
from types import SimpleNamespace
from natpass_tui import login
from natpass_tui.model.console import Console
from natpass_wire.program.settings import ConnectionSettings
target = ConnectionSettings.target
ConnectionSettings.target = lambda *given, **more: replace(target(*given, **more), sealing=None)
login.load_identity = lambda *_: SimpleNamespace(private=None)
Console._is_plain = lambda *_: False
{_MAIN}
"""


@dataclass(frozen=True)
class Place:
    """A relay, and an agent `box` that takes sealed and unsealed links.

    Attributes:
        folder: for logs and the programs' state.
        port: the relay's.
    """

    folder: Path
    port: int

    def command(self, *words: str, sealed: bool) -> list[str]:
        """Return the command line of a console: a subcommand of `natpass-tui`, and its arguments."""
        subcommand, *rest = words
        options = ["--relay", f"127.0.0.1:{self.port}", "--state-dir", str(self.folder / "console")]
        return [sys.executable, "-c", _MAIN if sealed else _UNSEALED, subcommand, *options, *rest]

    @property
    def env(self) -> dict[str, str]:
        """The environment of a console."""
        clean = {key: value for key, value in os.environ.items() if not key.startswith("NATPASS_")}
        return clean | {"NATPASS_SECRET": SECRET, "HOME": str(self.folder), "PYTHONPATH": str(ROOT)}

    def run(self, *words: str, sealed: bool, stdin: int, stdout: int) -> None:
        """Run a console to its end.

        Raises:
            CalledProcessError: it failed.
        """
        command = self.command(*words, sealed=sealed)
        subprocess.run(command, stdin=stdin, stdout=stdout, env=self.env, cwd=ROOT, check=True, timeout=300)


@contextmanager
def place(folder: Path) -> Iterator[Place]:
    """Run relay and agent, with TLS."""
    options = ["--listen", "127.0.0.1:0", "--state-dir", str(folder / "relay")]
    with Program("natpass_relay", options, folder) as relay:
        port = int(relay.said(r"listening on 127\.0\.0\.1:(\d+)")[1])
        options = ["--relay", f"127.0.0.1:{port}", "--id", "box", "--state-dir", str(folder / "agent")]
        with Program("natpass_agent", [*options, "--allow-unsealed"], folder) as agent:
            agent.said("logged in")
            yield Place(folder, port)
