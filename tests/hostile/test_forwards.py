"""What a console gets through forwards: no more than the agent's rules say, and never the relay's own network.

Relay, agents and console are the real programs with TLS, each on a machine of its own (a network namespace).
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.end_to_end.agent_programs import ROOT, Program
from tests.hostile.outside.machines import RELAY, Machines, NoMachinesError, machines
from tests.support.namespaces import ip, sockets, sockets_of
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.programs, pytest.mark.slow]

#: Both have a server at this port, and neither has a route to it: of the relay's network, and behind the agents.
RELAY_NETWORK, BEHIND = "10.99.0.1", "10.98.0.1"
ALSO_BEHIND = "10.98.0.2"
METADATA = "169.254.169.254"
PORT = 8080
#: Ways to write the agent's loopback, or all its addresses.
LOOPBACK = [
    *("127.0.0.1", "127.0.0.2", "localhost", "LOCALHOST.", "::1", "0:0:0:0:0:0:0:1", "::ffff:127.0.0.1"),
    *("::ffff:7f00:1", "0.0.0.0", "::", "::ffff:0.0.0.0", "0", "127.1", "2130706433", "017700000001", "0177.0.0.1"),
    *("0x7f.1", "0x7f000001", "::1%lo", "::1%1", "::ffff:127.0.0.1%lo", "::127.0.0.1"),
]
LINK_LOCAL = [
    METADATA,
    f"::ffff:{METADATA}",
    "2852039166",
    "0xa9fea9fe",
    "0251.0376.0251.0376",
    "fe80::1%lo",
    "fe80::1",
]


@dataclass
class Place:
    """The programs, and servers on the machines of relay and agents."""

    folder: Path
    here: Machines
    stack: ExitStack
    relay: Program
    port: int
    relay_server: Path
    agent_server: Path

    @property
    def options(self) -> list[str]:
        return ["--relay", f"{RELAY}:{self.port}", "--state-dir", str(self.folder / "tui")]

    def agent(self, name: str, *options: str) -> Program:
        """Start an agent; it ends with the test."""
        words = ["--relay", f"{RELAY}:{self.port}", "--id", name, "--state-dir", str(self.folder / name), *options]
        found = self.stack.enter_context(Program("natpass_agent", words, self.folder, prefix=self.here.on("agent")))
        found.said("logged in")
        return found

    def forward(self, agent: str, *rules: str) -> tuple[Program, list[int]]:
        """Start forwards; return the program and the ports of its rules."""
        words = [word for rule in rules for word in rule.split()]
        command = ["forward", "--json", *self.options, agent, *words]
        program = self.stack.enter_context(
            Program("natpass_tui", command, self.folder, prefix=self.here.on("attacker"))
        )
        program.said(r'"event": "listening"', len(rules))
        events = [json.loads(line) for line in program.output.splitlines() if line.startswith("{")]
        ports = {each["rule"]: each["address"] for each in events if each["event"] == "listening"}
        return program, [int(ports[rule].rpartition(":")[2]) for rule in rules]

    def ask(self, dialect: str, proxy: int, hosts: list[str]) -> dict[str, str]:
        """Ask a proxy for hosts; return the address that each led to, empty if it was refused."""
        found = self.run("client", dialect, str(proxy), str(PORT), *hosts)
        return dict(zip(hosts, json.loads(found), strict=True))

    def run(self, *words: str) -> str:
        """Run one of `tests.hostile.forwards` on the attacker's machine."""
        command = [*self.here.on("attacker"), *_command(*words)]
        return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=120, cwd=ROOT).stdout


def _command(*words: str) -> list[str]:
    return [sys.executable, "-m", "tests.hostile.forwards", *words]


@contextmanager
def running(prefix: tuple[str, ...], out: Path, *words: str) -> Iterator[Path]:
    """Run one of `tests.hostile.forwards` on a machine; yield the file of what it prints."""
    with (
        out.open("wb") as file,
        subprocess.Popen([*prefix, *_command(*words)], stdin=subprocess.DEVNULL, stdout=file, cwd=ROOT) as process,
    ):
        try:
            wait_until(lambda: "ready" in out.read_text(), f"{words}")
            yield out
        finally:
            process.kill()


@contextmanager
def name_service(machine: str) -> Iterator[None]:
    """Let a machine ask itself for names: ip(8) shows its programs these files in /etc."""
    folder = Path("/etc/netns") / machine
    folder.mkdir(parents=True)
    files = {"resolv.conf": "nameserver 127.0.0.1\n", "hosts": "127.0.0.1 localhost\n::1 localhost\n"}
    try:
        for name, content in files.items():
            (folder / name).write_text(content)
        yield
    finally:
        for name in files:
            (folder / name).unlink(missing_ok=True)
        folder.rmdir()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    try:
        with ExitStack() as stack:
            here = stack.enter_context(machines())
            stack.enter_context(name_service(f"{here.prefix}agent"))
            for machine, address in (
                ("relay", RELAY_NETWORK),
                ("agent", BEHIND),
                ("agent", ALSO_BEHIND),
                ("agent", METADATA),
            ):
                ip("-n", here.prefix + machine, "addr", "add", f"{address}/32", "dev", "lo")
            ip("-n", f"{here.prefix}agent", "addr", "add", "fe80::1/64", "dev", "lo")
            servers = [
                stack.enter_context(running(here.on(name), tmp_path / f"{name}-server", "server", str(PORT)))
                for name in ("relay", "agent")
            ]
            options = ["--listen", f"{RELAY}:0", "--state-dir", str(tmp_path / "relay")]
            relay = stack.enter_context(Program("natpass_relay", options, tmp_path, prefix=here.on("relay")))
            port = int(relay.said(rf"listening on {re.escape(RELAY)}:(\d+)")[1])
            yield Place(tmp_path, here, stack, relay, port, *servers)
    except NoMachinesError as error:
        pytest.skip(str(error))


def came(server: Path) -> list[str]:
    """Return what a server has printed about who came."""
    return [line for line in server.read_text().splitlines() if line != "ready"]


def test_the_relays_own_network_can_not_be_reached(place: Place) -> None:
    """With full rights a console reaches what the agent's machine does, its own loopback and link-local included."""
    box = place.agent("box")
    _, (proxy, listener) = place.forward("box", "-D 0", f"-R 0:localhost:{PORT}")
    for dialect in ("SOCKS", "CONNECT"):
        found = place.ask(dialect, proxy, [RELAY_NETWORK, *LOOPBACK, *LINK_LOCAL, BEHIND])
        assert found[RELAY_NETWORK] == ""
        assert found[BEHIND] == BEHIND
        assert found[METADATA] == METADATA
        assert found["127.0.0.1"] == "127.0.0.1"
        assert found["::1"] == "::1"
    assert came(place.relay_server) == []
    relay = place.relay.process.pid
    assert {each.local[1] for each in sockets_of(relay)} == {place.port}, "it has dialled, or listens for a forward"
    assert {each.local[1] for each in sockets(relay) if each.listens} == {place.port, PORT}
    assert any(each.listens and each.local[1] == listener for each in sockets_of(box.process.pid))


def test_rules_hold_however_a_target_is_written(place: Place) -> None:
    place.agent("box", f"--allow-forward={BEHIND}:{PORT}")
    datagrams = [f"-U 0:{host}:{PORT}" for host in ("127.0.0.1", "[::ffff:127.0.0.1]", ALSO_BEHIND, "2130706433")]
    console, (proxy, good, *bad) = place.forward("box", "-D 0", f"-U 0:{BEHIND}:{PORT}", *datagrams)
    hosts = [*LOOPBACK, *LINK_LOCAL, ALSO_BEHIND, RELAY, RELAY_NETWORK]
    for dialect in ("SOCKS", "CONNECT"):
        found = place.ask(dialect, proxy, [*hosts, BEHIND, f"::ffff:{BEHIND}"])
        assert {host: where for host, where in found.items() if where} == {
            BEHIND: BEHIND,
            f"::ffff:{BEHIND}": BEHIND,
        }
    place.run("datagrams", *map(str, [*bad, good]))
    wait_until(lambda: f"datagram {good}" in came(place.agent_server), "the datagram that is allowed")
    console.said(r'"event": "error".*-U.*not allowed', 3)
    assert set(came(place.agent_server)) == {f"connection {BEHIND}", f"datagram {good}"}
    assert came(place.relay_server) == []


def test_a_rule_for_ipv6_is_no_way_to_ipv4(place: Place) -> None:
    place.agent("box", f"--allow-forward=[::/0]:{PORT}")
    _, (proxy,) = place.forward("box", "-D 0")
    found = place.ask("SOCKS", proxy, [*LOOPBACK, *LINK_LOCAL, BEHIND, f"::ffff:{BEHIND}"])
    assert found["::1"] == "::1"
    assert not [host for host, where in found.items() if "." in where]
    assert not [line for line in came(place.agent_server) if "." in line]


@pytest.mark.parametrize("rule", [BEHIND, "10.98.0.1/32"])
def test_a_name_whose_answer_changes_leads_nowhere_else(place: Place, rule: str) -> None:
    """Between the check and the connection there is no second question: what was checked is dialled."""
    answers = [BEHIND, "127.0.0.1", BEHIND, ALSO_BEHIND, METADATA]
    names = place.stack.enter_context(running(place.here.on("agent"), place.folder / "names", "names", *answers))
    place.agent("box", f"--allow-forward={rule}:{PORT}")
    _, (proxy,) = place.forward("box", "-D 0")
    found = [place.ask("SOCKS", proxy, [f"a{number}.rebinding.example"]) for number in range(2 * len(answers))]
    led = [where for each in found for where in each.values()]
    assert led == [BEHIND if answer == BEHIND else "" for answer in answers] * 2
    assert set(came(place.agent_server)) == {f"connection {BEHIND}"}
    assert len(came(names)) == 2 * len(answers), "one question for each connection"
