"""Two machines as network namespaces, connected by a virtual cable. Needs root."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

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


@dataclass(frozen=True)
class Socket:
    """A TCP or UDP socket.

    Attributes:
        local: its address as the kernel writes it, and its port.
        remote: the same of its peer.
        listens: whether it waits for connections.
        inode: its number, 0 if no process has it.
    """

    local: tuple[str, int]
    remote: tuple[str, int]
    listens: bool
    inode: int


def sockets(pid: int) -> list[Socket]:
    """Return all sockets of the machine on which a process runs. (psutil knows only those of its own machine.)"""
    found = []
    for name in ("tcp", "tcp6", "udp", "udp6"):
        for line in Path(f"/proc/{pid}/net/{name}").read_text().splitlines()[1:]:
            _, local, remote, state, *_, inode = line.split()[:10]
            found.append(Socket(_end(local), _end(remote), name.startswith("tcp") and state == "0A", int(inode)))
    return found


def sockets_of(pid: int) -> list[Socket]:
    """Return the sockets that a process has open."""
    inodes = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            inodes.add(str(link.readlink()))
    return [each for each in sockets(pid) if f"socket:[{each.inode}]" in inodes]


def _end(text: str) -> tuple[str, int]:
    address, _, port = text.rpartition(":")
    return address, int(port, 16)


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
