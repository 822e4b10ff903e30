"""A relay, an agent and consoles as separate processes, with TLS, and a test network in front of each client."""

import contextlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from natpass_wire.aio.dial import RelayAddress, RelayTarget
from natpass_wire.login import v2
from natpass_wire.login.keys import LoginKey
from natpass_wire.pb.login_pb2 import Role
from tests.chaos import watch
from tests.end_to_end.agent_programs import SECRET, Program
from tests.support.network.plan import CutPlan
from tests.support.network.proxy import NetworkProxy
from tests.support.sealing import link_key, sealing
from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[2]
AGENT = "box"
#: What a log must not contain; Python reports forgotten tasks in these words.
_FAULTS = re.compile(r"Traceback|never retrieved|never awaited|was destroyed|ResourceWarning| (?:ERROR|CRITICAL) ")
#: Seconds that an end may take to notice that the other one is gone, after its last command.
_TIDY_SECONDS = 20.0


def target(port: int) -> RelayTarget:
    """Return the login parameters of a console in this process."""
    key = LoginKey.from_secret(SECRET)
    claims = v2.Claims("tui-tests-01234567", Role.ROLE_CONSOLE, (), "tests", v2.instance_tag(key, os.urandom(32)))
    return RelayTarget(RelayAddress("127.0.0.1", port), True, claims, key, sealing=sealing(link_key(SECRET)))


class ChaosError(Exception):
    """A broken promise, in one line."""


class Stage:
    """The programs of one run.

    Args:
        folder: for their state and logs.
        dead_after: seconds of silence after which any of them gives a peer up.
        agents, consoles: the cuts on either side of the relay; None: no cuts.
        direct: clients dial the relay itself, without a test network.
        warms_up: run a first command before anything else.
    """

    def __init__(
        self,
        folder: Path,
        *,
        dead_after: float = 1.0,
        agents: CutPlan | None = None,
        consoles: CutPlan | None = None,
        direct: bool = False,
        warms_up: bool = True,
    ) -> None:
        self.folder = folder
        self._direct, self._warms_up = direct, warms_up
        self._options = ["--dead-after", f"{dead_after:g}"]
        self._stack = ExitStack()
        self.port = 0
        """The relay's, the same for the whole run."""
        self._relays = 0
        self._plans = agents, consoles
        self._consoles: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        try:
            self._enter()
        except BaseException:
            self.close()
            raise
        return self

    def _enter(self) -> None:
        self.start_relay()
        agents, consoles = self._plans
        # The very first command runs without cuts: what is open after it is open at rest.
        self.agents = self._stack.enter_context(NetworkProxy(self.port, plan=CutPlan(0, 0, 1)))
        self.consoles = self._stack.enter_context(NetworkProxy(self.port, plan=CutPlan(0, 0, 1)))
        port = self.port if self._direct else self.agents.port
        options = ["--relay", f"127.0.0.1:{port}", "--id", AGENT]
        options += ["--state-dir", str(self.folder / "agent"), *self._options]
        self.agent = Program("natpass_agent", options, self.folder)
        self.agent.said("logged in")
        self._at_rest = self._warm_up() if self._warms_up else Descriptors(0, 0)
        for network, plan in ((self.agents, agents), (self.consoles, consoles)):
            if plan is not None:
                network.use(plan)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End everything, in any state."""
        for console in self._consoles:
            if console.poll() is None:
                console.kill()
            console.wait()
            for stream in (console.stdin, console.stdout):
                if stream is not None:
                    with contextlib.suppress(OSError):  # input that was not read
                        stream.close()
        for program in [getattr(self, "agent", None), getattr(self, "relay", None)]:
            if program is None or program.process.poll() is not None:
                continue
            try:
                program.stop()
            except subprocess.TimeoutExpired:
                program.kill()
        self._stack.close()

    # the relay

    def start_relay(self) -> float:
        """Start the relay, always at the same port; return the monotonic time when it listened."""
        options = ["--listen", f"127.0.0.1:{self.port}", "--state-dir", str(self.folder / "relay"), *self._options]
        self.relay = Program("natpass_relay", options, self.folder)
        self._relays += 1
        found = self.relay.said(r"listening on 127\.0\.0\.1:(\d+)")
        listened = time.monotonic()
        self.port = int(found[1])
        return listened

    def restart_relay(self) -> float:
        """Kill the relay as a power failure would, and start it again; return the time when it listened."""
        self.relay.kill()
        return self.start_relay()

    # consoles

    def console(
        self,
        *command: str,
        stdin: int | IO[bytes] = subprocess.PIPE,
        stdout: int | IO[bytes] = subprocess.PIPE,
        port: int | None = None,
    ) -> "subprocess.Popen[bytes]":
        """Start `natpass-tui exec` of a command on the agent; its messages go to a file.

        Args:
            command: the program and its arguments.
            stdin, stdout: as for `Popen`.
            port: dial this port instead of the consoles' network.
        """
        return self.program(["exec", AGENT, "--", *command], stdin=stdin, stdout=stdout, port=port)

    def program(
        self,
        words: Sequence[str],
        *,
        stdin: int | IO[bytes] = subprocess.DEVNULL,
        stdout: int | IO[bytes] = subprocess.PIPE,
        port: int | None = None,
    ) -> "subprocess.Popen[bytes]":
        """Start `natpass-tui` with a command and its options, as `console` does."""
        environment = {key: value for key, value in os.environ.items() if not key.startswith("NATPASS_")}
        environment |= {"NATPASS_SECRET": SECRET, "HOME": str(self.folder), "PYTHONPATH": str(ROOT)}
        if port is None:
            port = self.port if self._direct else self.consoles.port
        options = ["--relay", f"127.0.0.1:{port}", *self._options]
        with self._console_log(len(self._consoles)).open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "natpass_tui", *words[:1], *options, *words[1:]],
                stdin=stdin,
                stdout=stdout,
                stderr=log,
                env=environment,
                cwd=ROOT,
            )
        self._consoles.append(process)
        return process

    def _console_log(self, number: int) -> Path:
        return self.folder / f"console-{number}.log"

    def said_by_console(self, number: int = -1) -> str:
        """Return the last message of a console, counted from 0."""
        number %= max(len(self._consoles), 1)
        lines = self._console_log(number).read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "(nothing)"

    # afterwards

    def logins(self) -> int:
        """Return how often the agent has logged in."""
        return self.agent.output.count("logged in")

    def check_tidy(self) -> None:
        """Check that the agent runs nothing, no more is open than at rest, and no log reports a bug.

        Raises:
            ChaosError: it names what was found.
        """
        for name, program in (("agent", self.agent), ("relay", self.relay)):
            if (status := program.process.poll()) is not None:
                raise ChaosError(f"the {name} has ended with {status}")
        try:
            wait_until(lambda: not watch.children(self.agent.process.pid), timeout=_TIDY_SECONDS)
        except AssertionError:
            raise ChaosError(f"the agent still runs {watch.children(self.agent.process.pid)}") from None
        try:
            wait_until(lambda: self._descriptors() <= self._at_rest, timeout=_TIDY_SECONDS)
        except AssertionError:
            raise ChaosError(f"descriptors of {self._descriptors()}, at rest {self._at_rest}") from None
        for path in sorted(self.folder.glob("*.log")):
            if found := _FAULTS.search(text := path.read_text(errors="replace")):
                line = text[text.rfind("\n", 0, found.start()) + 1 :].splitlines()[0]
                raise ChaosError(f"{path.name} says {line!r}")

    def _descriptors(self) -> "Descriptors":
        return Descriptors(watch.descriptors(self.agent.process.pid), watch.descriptors(self.relay.process.pid))

    def _warm_up(self) -> "Descriptors":
        """Run a command; return what is open once all of it is gone: lazily opened files stay open."""
        first = self.console("cat", stdin=subprocess.DEVNULL)
        if status := first.wait(30):
            raise ChaosError(f"the first command ended with {status}: {self.said_by_console()}")
        wait_until(lambda: not self.consoles.connections(), "the end of the first console's connection")
        wait_until(lambda: not watch.children(self.agent.process.pid), "the end of the first command")
        return self._descriptors()


class Descriptors(tuple[int, int]):
    """The number of open descriptors of agent and relay."""

    __slots__ = ()

    def __new__(cls, agent: int, relay: int) -> Self:
        return super().__new__(cls, (agent, relay))

    def __le__(self, other: object) -> bool:
        """Tell whether neither has more open."""
        return isinstance(other, tuple) and self[0] <= other[0] and self[1] <= other[1]

    def __repr__(self) -> str:
        return f"agent {self[0]}, relay {self[1]}"
