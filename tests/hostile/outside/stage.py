"""The programs of one attack, started as a user does, each on its machine; and what they use meanwhile."""

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from natpass_wire.identity.keys import Identity
from natpass_wire.login.keys import RootKey
from tests.hostile.outside.machines import ATTACKER, RELAY, Machines
from tests.hostile.outside.plan import Plan
from tests.support.waiting import wait_until
from tests.support.xserver import x_server

SECRET = "a secret that only tests know"
AGENTS = ("box", "second-box")
_PORT = 6154
_BIN = Path(sys.executable).parent
_ROOT = Path(__file__).parents[3]
#: The rights of each console's key on the agents.
_RIGHTS = {"admin": "", "honest": "", "exec": 'kinds="exec" ', "look": "read-only ", "forward": 'kinds="forward" '}
#: Longer than any start of a program on a busy machine.
_PATIENCE = 60.0


@dataclass
class Usage:
    """What a program has used: bytes of memory at most (its children's included), seconds of processor time."""

    memory: int = 0
    children: int = 0
    cpu: float = 0.0


@dataclass
class Watch:
    """Samples programs' memory in a thread until it is closed."""

    processes: dict[str, psutil.Process]
    usage: dict[str, Usage] = field(default_factory=dict)

    def __enter__(self) -> Self:
        self.usage = {name: Usage() for name in self.processes}
        self._before = {name: sum(process.cpu_times()[:2]) for name, process in self.processes.items()}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, name="watch")
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        for name, process in self.processes.items():
            with contextlib.suppress(psutil.Error):
                self.usage[name].cpu = sum(process.cpu_times()[:2]) - self._before[name]

    def _work(self) -> None:
        while not self._over.wait(0.1):
            for name, process in self.processes.items():
                with contextlib.suppress(psutil.Error):
                    used = self.usage[name]
                    used.memory = max(used.memory, process.memory_info().rss)
                    used.children = max(used.children, _children(process))


def _children(process: psutil.Process) -> int:
    total = 0
    for child in process.children(recursive=True):
        with contextlib.suppress(psutil.Error):
            total += child.memory_info().rss
    return total


class Stage:
    """A relay and two agents on their machines; close it in the end.

    Args:
        here: the machines.
        folder: for their state and logs.
        with_desktop: the first agent has a screen.
    """

    def __init__(self, here: Machines, folder: Path, *, with_desktop: bool = False) -> None:
        self.here, self.folder = here, folder
        self._stack = contextlib.ExitStack()
        self._with_desktop = with_desktop
        self.agents: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        try:
            self._enter()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def _enter(self) -> None:
        (self.folder / "secret").touch(0o600)
        (self.folder / "secret").write_text(SECRET + "\n")
        lines = []
        for name, rights in _RIGHTS.items():
            (self.folder / name).mkdir(0o700)
            identity = Identity(X25519PrivateKey.generate())
            _write_private(self.folder / name / "console.key", identity.to_pem())
            lines.append(f"{rights}{identity.public} {name}\n")
        _write_private(self.folder / "authorized", "".join(lines).encode())
        listen = ["--listen", f"{RELAY}:{_PORT}"]
        self.relay = self.start("relay", "relay", "natpass-relay", *listen)
        wait_until(lambda: _PORT if b"listening on" in self.said("relay") else 0, "the relay", _PATIENCE)
        for number, agent in enumerate(AGENTS):
            options = ["--id", agent, "--relay", f"{RELAY}:{_PORT}"]
            options += ["--authorized-consoles", str(self.folder / "authorized")]
            if self._with_desktop and number == 0:
                options += ["--display", self._stack.enter_context(x_server()).display]
            self.agents.append(self.start("agent", agent, "natpass-agent", *options))
        for agent in AGENTS:
            wait_until(partial(self._is_logged_in, agent), agent, _PATIENCE)

    def _is_logged_in(self, agent: str) -> bool:
        return b"logged in" in self.log(agent)

    def start(self, machine: str, name: str, program: str, *options: str) -> "subprocess.Popen[bytes]":
        """Start a program of ours; it ends with the stage."""
        common = ["--secret-file", str(self.folder / "secret"), "--state-dir", str(self.folder / name)]
        common += ["--log-file", str(self.folder / f"{name}.log")]
        return self.run(machine, name, str(_BIN / program), *options, *common)

    def run(
        self, machine: str, name: str, *command: str, stdin: int = subprocess.DEVNULL, nice: int = 0
    ) -> "subprocess.Popen[bytes]":
        """Start any program on a machine; its output goes to a file, see `said`."""
        environment = {key: value for key, value in os.environ.items() if not key.startswith("NATPASS_")}
        environment |= {"HOME": str(self.folder), "PYTHONPATH": str(_ROOT)}
        with (self.folder / f"{name}.out").open("wb") as out, (self.folder / f"{name}.err").open("wb") as err:
            process = subprocess.Popen(
                [*(("nice", "-n", str(nice)) if nice else ()), *self.here.on(machine), *command],
                stdin=stdin,
                stdout=out,
                stderr=err,
                env=environment,
                cwd=_ROOT,
            )
        self._stack.callback(_end, process)
        return process

    def said(self, name: str) -> bytes:
        """Return what a program has printed."""
        return (self.folder / f"{name}.out").read_bytes()

    def log(self, name: str) -> bytes:
        """Return a program's log."""
        path = self.folder / f"{name}.log"
        return path.read_bytes() if path.exists() else b""

    def log_bytes(self, name: str) -> int:
        """Return the size of a program's log, with the rotated files."""
        return sum(path.stat().st_size for path in self.folder.glob(f"{name}.log*"))

    def plan(self, has: str, seconds: float, part: float, *, sources: Sequence[str] = ATTACKER) -> Plan:
        """Return the plan of somebody who has nothing, the login, or a key of `_RIGHTS`."""
        root = RootKey.from_secret(SECRET)
        return Plan(
            host=RELAY,
            port=_PORT,
            login_key=root.login_key().key.hex() if has != "nothing" else "",
            link_key=root.link_key().key.hex() if has in _RIGHTS else "",
            key_file=str(self.folder / (has if has in _RIGHTS else "look") / "console.key"),
            seconds=seconds,
            sources=tuple(sources),
            agents=AGENTS,
            part=part,
        )

    def admin(self, seconds: float) -> bool:
        """Return whether the admin's console runs a command within so many seconds."""
        command = ["--relay", f"{RELAY}:{_PORT}", "--secret-file", str(self.folder / "secret")]
        command += ["--state-dir", str(self.folder / "admin"), "exec", AGENTS[0], "--", "true"]
        process = self.run("honest", "admin", str(_BIN / "natpass-tui"), *command)
        try:
            return process.wait(seconds) == 0
        except subprocess.TimeoutExpired:
            process.kill()
            return False

    def invite(self) -> None:
        """Open an invite, whose number an attacker may look for."""
        command = ["invite", "--relay", f"{RELAY}:{_PORT}", "--secret-file", str(self.folder / "secret")]
        command += ["--state-dir", str(self.folder / "relay")]
        process = self.run("honest", "invite", str(_BIN / "natpass-relay"), *command)
        wait_until(lambda: self.said("invite") or process.poll() is not None, "an invite", _PATIENCE)

    def watch(self) -> Watch:
        """Return a watch on the relay and the first agent."""
        return Watch({"relay": _python(self.relay), "agent": _python(self.agents[0])})


def _python(process: "subprocess.Popen[bytes]") -> psutil.Process:
    """Return the program: `ip netns exec` becomes it."""
    return psutil.Process(process.pid)


def _write_private(path: Path, content: bytes) -> None:
    path.touch(0o600)
    path.write_bytes(content)


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()
