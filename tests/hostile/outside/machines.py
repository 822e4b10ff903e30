"""The machines of an attack as network namespaces behind one bridge. Needs root."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.support.namespaces import ip

#: The relay's address, the honest clients' and the agent's.
RELAY, AGENT, HONEST = "10.77.0.1", "10.77.1.1", "10.77.2.1"
#: The attacker's addresses, each in a /24 of its own; an honest client that shares one uses the first.
ATTACKER = tuple(f"10.77.{number}.1" for number in range(100, 116))
_NAMES = ("relay", "agent", "honest", "attacker")


class NoMachinesError(Exception):
    """Network namespaces can't be made here; the text says why."""


@dataclass(frozen=True)
class Machines:
    """The names of the namespaces all begin with `prefix`."""

    prefix: str

    def on(self, name: str) -> tuple[str, ...]:
        """Return the prefix of a command that runs on the machine `name`: relay, agent, honest or attacker."""
        return ("ip", "netns", "exec", self.prefix + name)


@contextmanager
def machines() -> Iterator[Machines]:
    """Yield four machines.

    Raises:
        NoMachinesError: they can't be made.
    """
    if getattr(os, "geteuid", lambda: 1)() != 0 or shutil.which("ip") is None:
        raise NoMachinesError("needs root and ip(8) for network namespaces")
    here = Machines(f"hostile-{os.getpid()}-")
    made: list[str] = []
    try:
        try:
            for name in _NAMES:
                ip("netns", "add", here.prefix + name)
                made.append(here.prefix + name)
                ip("-n", here.prefix + name, "link", "set", "lo", "up")
            _connect(here)
        except subprocess.CalledProcessError as error:
            raise NoMachinesError(f"network namespaces can't be made here: {error.stderr.decode().strip()}") from None
        yield here
    finally:
        for full in made:
            ip("netns", "del", full)


def _connect(here: Machines) -> None:
    """Put a bridge on the relay's machine, and a cable from each other machine into it."""
    relay = here.prefix + "relay"
    ip("-n", relay, "link", "add", "bridge", "type", "bridge")
    ip("-n", relay, "addr", "add", f"{RELAY}/16", "dev", "bridge")
    ip("-n", relay, "link", "set", "bridge", "up")
    for name, addresses in (("agent", (AGENT,)), ("honest", (HONEST,)), ("attacker", ATTACKER)):
        end = ["netns", here.prefix + name]
        ip("link", "add", "cable", *end, "type", "veth", "peer", "name", f"to-{name}", "netns", relay)
        ip("-n", relay, "link", "set", f"to-{name}", "master", "bridge")
        ip("-n", relay, "link", "set", f"to-{name}", "up")
        for address in addresses:
            ip("-n", here.prefix + name, "addr", "add", f"{address}/16", "dev", "cable")
        ip("-n", here.prefix + name, "link", "set", "cable", "up")
    # What waits for an attacker who reads nothing waits at the relay, not in his system.
    small = ("sysctl", "-q", "-w", "net.ipv4.tcp_rmem=4096 16384 65536")
    subprocess.run([*here.on("attacker"), *small], check=True, capture_output=True)
