"""A network that only the agent reaches: the agent on a machine of its own (a network namespace), with a web server
whose name only that machine knows, and consoles on the relay's machine. All with TLS. Needs root.
"""

import json
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.watch import descriptors
from tests.end_to_end.agent_programs import Program
from tests.interop.place import Place
from tests.support.namespaces import Machines, ip, sockets, sockets_of, two_machines
from tests.support.waiting import wait_until

#: An address of the agent's machine to which the other one has no route, and a name that only that machine knows.
ADDRESS, NAME = "10.78.0.1", "beyond.example"
RELAY = "10.77.0.1"
#: What programs need of the environment.
_KEPT = {"HOME", "PATH", "PYTHONPATH", "LANG", "TMPDIR"}
#: Runs a program that tells at SIGUSR1 how many connections of forwards it knows, and its tasks.
_TELLS = """
import asyncio, gc, os, signal
from natpass_wire.aio.channel_socket import ChannelSocket

def tell(*_):
    gc.collect()
    connections = sum(issubclass(type(each), ChannelSocket) for each in gc.get_objects())
    tasks = sorted(task.get_coro().__qualname__ for task in asyncio.all_tasks(asyncio.get_running_loop()))
    os.write(2, f"tells: {{connections}} {{' '.join(tasks)}}\\n".encode())

signal.signal(signal.SIGUSR1, tell)
from {module}.cli import main
main()
"""


@dataclass(frozen=True)
class Left:
    """What a program has open at one moment.

    Attributes:
        descriptors: how many.
        connections: how many of forwards it knows, which its tables show.
        sockets: of TCP and UDP, as the addresses of their ends.
        tasks: how many of each name.
    """

    descriptors: int
    connections: int
    sockets: frozenset[str]
    tasks: Counter[str] = field(hash=False)

    def is_more_than(self, before: "Left") -> bool:
        """Tell whether something is here that was not before."""
        is_new = self.sockets - before.sockets or self.tasks - before.tasks
        is_more = self.descriptors > before.descriptors or self.connections > before.connections
        return bool(is_new) or is_more


@dataclass(frozen=True)
class Beyond:
    """The programs: a relay, an agent `box`, and consoles that reach it.

    Attributes:
        folder: for all state, logs and files; what a web server serves is in `www`.
        machines: `laptop` has the agent and what is beyond it, `relay` all else.
        box: the agent.
        console: command lines and environment of consoles.
    """

    folder: Path
    machines: Machines
    box: Program
    console: Place

    @property
    def env(self) -> dict[str, str]:
        """The environment of consoles and of what goes through them, without proxies and certificates of others."""
        return {name: value for name, value in self.console.env.items() if name in _KEPT or name.startswith("NATPASS_")}

    def here(self, *command: str, timeout: float = 120, env: Mapping[str, str] | None = None) -> bytes:
        """Run a program on the consoles' machine; return its output."""
        done = subprocess.run(
            [*self.machines.on_relay(), *command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=timeout,
            env=self.env | dict(env or {}),
            cwd=self.folder,
        )
        assert done.returncode == 0, f"{command[0]} ended with {done.returncode}: {done.stderr.decode()[-2000:]}"
        return done.stdout

    @contextmanager
    def there(self, *command: str) -> Iterator["subprocess.Popen[bytes]"]:
        """Run a server on the agent's machine meanwhile."""
        with (
            (self.folder / f"{Path(command[0]).name}.out").open("wb") as out,
            subprocess.Popen(
                [*self.machines.on_laptop(), *command], stdin=subprocess.DEVNULL, stdout=out, stderr=out
            ) as server,
        ):
            try:
                yield server
            finally:
                server.terminate()
                server.wait(20)

    def listens(self, port: int, server: "subprocess.Popen[bytes]") -> bool:
        """Tell whether something on the agent's machine listens at a port."""
        assert server.poll() is None, f"a server has ended with {server.returncode}"
        return any(each.local[1] == port for each in sockets(self.box.process.pid))

    @contextmanager
    def forward(self, *rules: str) -> Iterator[tuple[Program, list[int]]]:
        """Run `natpass-tui forward`; yield it, and the ports of its rules, such as `-D 0`."""
        source = _TELLS.format(module="natpass_tui")
        words = [word for rule in rules for word in rule.split()]
        options = ["forward", "--json", *self.console.options, "box", *words]
        with Program("natpass_tui", options, self.folder, prefix=self.machines.on_relay(), source=source) as program:
            program.said(r'"event": "listening"', len(rules))
            events = [json.loads(line) for line in program.output.splitlines() if line.startswith("{")]
            ports = {each["rule"]: each["address"] for each in events if each["event"] == "listening"}
            yield program, [int(ports[rule].rpartition(":")[2]) for rule in rules]

    def open_now(self, console: Program) -> dict[Program, Left]:
        """Return what the agent and a console have open now."""
        return {program: left(program) for program in (self.box, console)}

    def links(self) -> list[dict[str, object]]:
        """Return the links that the agent's `status` shows."""
        source = "from natpass_agent.cli import main; main()"
        command = (sys.executable, "-c", source, "status", "--json", "--state-dir", str(self.folder / "agent"))
        found: list[dict[str, object]] = json.loads(self.here(*command))["links"]
        return found

    def check_nothing_left(self, before: Mapping[Program, Left]) -> None:
        """Wait until programs have no more open than before. Raises AssertionError: they have."""
        now: dict[Program, Left] = {}

        def is_tidy() -> bool:
            now.update({program: left(program) for program in before})
            return not any(now[program].is_more_than(was) for program, was in before.items())

        try:
            wait_until(is_tidy, "the programs to be as before", step=0.2)
        except AssertionError as error:
            raise AssertionError(f"{error}: {list(before.values())}, now {list(now.values())}") from None
        assert [link["program"] for link in self.links()] == ["0 connections"]


def left(program: Program) -> Left:
    """Return what a program has open now; it has to be one that tells."""
    times = program.output.count("tells: ") + 1
    if sys.platform != "win32":
        program.process.send_signal(signal.SIGUSR1)
    connections, *tasks = program.said(r"tells: (.*)\n", times)[1].split()
    ends = frozenset(f"{each.local} {each.remote}" for each in sockets_of(program.process.pid))
    return Left(descriptors(program.process.pid), int(connections), ends, Counter(tasks))


@contextmanager
def _hosts(machine: str, lines: Sequence[str]) -> Iterator[None]:
    """Let a machine know names: ip(8) shows its programs this file as /etc/hosts."""
    folder = Path("/etc/netns") / machine
    folder.mkdir(parents=True)
    hosts = folder / "hosts"
    hosts.write_text("\n".join(["127.0.0.1 localhost", *lines]) + "\n")
    try:
        yield
    finally:
        hosts.unlink()
        folder.rmdir()


@contextmanager
def beyond(folder: Path, *options: str) -> Iterator[Beyond]:
    """Run the programs; skip the test if there can't be machines.

    Args:
        folder: an empty folder.
        options: more options of the agent.
    """
    folder.chmod(0o755)  # a web server's worker is another user
    (folder / "www").mkdir()
    with two_machines() as machines, _hosts(machines.laptop, [f"{ADDRESS} {NAME}"]):
        ip("-n", machines.laptop, "addr", "add", f"{ADDRESS}/32", "dev", "lo")
        listen = ["--listen", f"{RELAY}:0", "--state-dir", str(folder / "relay")]
        with Program("natpass_relay", listen, folder, prefix=machines.on_relay()) as relay:
            port = relay.said(rf"listening on {re.escape(RELAY)}:(\d+)")[1]
            agents = ["--relay", f"{RELAY}:{port}", "--id", "box", "--state-dir", str(folder / "agent"), *options]
            source = _TELLS.format(module="natpass_agent")
            with Program("natpass_agent", agents, folder, prefix=machines.on_laptop(), source=source) as box:
                box.said("logged in")
                console = Place(folder, ("--relay", f"{RELAY}:{port}", "--state-dir", str(folder / "tui")))
                found = Beyond(folder, machines, box, console)
                found.here(*console.words("exec", "box", "--", "true"))  # it says whose key it pins
                yield found
