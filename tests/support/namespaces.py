"""Two machines as network namespaces, connected by a virtual cable. Needs root."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest


@dataclass(frozen=True)
class Machines:
    """The machine of the relay, 10.77.0.1, and a laptop, 10.77.0.2 at first."""

    relay: str
    laptop: str

    def on_relay(self) -> tuple[str, ...]:
        """Return the prefix of a command that runs on the relay's machine."""
        return ("ip", "netns", "exec", self.relay)

    def on_laptop(self) -> tuple[str, ...]:
        """Return the prefix of a command that runs on the laptop."""
        return ("ip", "netns", "exec", self.laptop)

    def move(self, address: str) -> None:
        """Replace the laptop's address."""
        ip("-n", self.laptop, "addr", "flush", "dev", "cable")
        ip("-n", self.laptop, "addr", "add", f"{address}/24", "dev", "cable")

    def add_network(self, address: str) -> None:
        """Give the laptop another, preferred address; the old one still works."""
        ip("-n", self.laptop, "addr", "add", f"{address}/24", "dev", "cable")
        ip("-n", self.laptop, "route", "replace", "10.77.0.1/32", "dev", "cable", "src", address)


def ip(*arguments: str) -> None:
    """Run ip(8)."""
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


@contextmanager
def two_machines() -> Iterator[Machines]:
    """Yield two machines; skip the test if they cannot be made."""
    if getattr(os, "geteuid", lambda: 1)() != 0 or shutil.which("ip") is None:
        pytest.skip("needs root and ip(8) for network namespaces")
    machines = Machines(f"relay-{os.getpid()}", f"laptop-{os.getpid()}")
    made = []
    try:
        try:
            for name in (machines.relay, machines.laptop):
                ip("netns", "add", name)
                made.append(name)
                ip("-n", name, "link", "set", "lo", "up")
            ends = ["netns", machines.relay, "type", "veth", "peer", "name", "cable", "netns", machines.laptop]
            ip("link", "add", "cable", *ends)
        except subprocess.CalledProcessError as error:
            pytest.skip(f"network namespaces can't be made here: {error.stderr.decode().strip()}")
        for name, address in ((machines.relay, "10.77.0.1/24"), (machines.laptop, "10.77.0.2/24")):
            ip("-n", name, "addr", "add", address, "dev", "cable")
            ip("-n", name, "link", "set", "cable", "up")
        yield machines
    finally:
        for name in made:
            ip("netns", "del", name)
