"""What is fuzzed: one module each, with `target` (raises AssertionError, or any error, for a finding) and `SEEDS`."""

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

#: In the order of a run; the last two compute much for each input.
NAMES = (
    "framing",
    "envelope",
    "fast_path",
    "login",
    "stream",
    "pictures",
    "channels",
    "patterns",
    "proxy_request",
    "forward_rules",
    "terminal",
    "questions",
    "proxy_header",
    "relay_files",
    "roster",
    "invites",
    "authorized_consoles",
    "known_agents",
    "config",
    "noise",
    "spake2",
)
#: Inputs that once were findings, or reach code that others do not; a folder each.
CORPUS = Path(__file__).parents[1] / "corpus"


@dataclass(frozen=True)
class Target:
    """A target.

    Attributes:
        name: its module.
        test: takes an input.
        seeds: inputs to begin with.
        packages: the modules to measure.
    """

    name: str
    test: Callable[[bytes], None]
    seeds: Sequence[bytes]

    @property
    def corpus(self) -> list[Path]:
        """The kept inputs."""
        return sorted((CORPUS / self.name).glob("*"))


def load(name: str) -> Target:
    """Return a target."""
    module = importlib.import_module(f"{__name__}.{name}")
    return Target(name, module.target, module.SEEDS)
