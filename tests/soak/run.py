"""Runs the programs and their visitors."""

import asyncio
import contextlib
import hashlib
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from natpass_wire.aio.client import RelayClient
from natpass_wire.aio.dial import RelayAddress, RelayTarget
from natpass_wire.aio.link import Link, LinkEndedError
from natpass_wire.aio.tasks import Tasks
from natpass_wire.login import v2
from natpass_wire.login.keys import LoginKey
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.exec_pb2 import ConnectExec, ExecInput, ExecOutput
from natpass_wire.pb.link_pb2 import ConnectRequest, LinkEnd
from natpass_wire.pb.login_pb2 import Role
from tests.chaos import watch
from tests.end_to_end.agent_programs import SECRET, Program
from tests.soak.memory import growth_per_hour
from tests.support.sealing import link_key, sealing
from tests.support.waiting import wait_for

_AGENT = "box"
#: Bytes of one command's data, and of one message.
_MOST_BYTES, _PIECE = 400_000, 16_000
#: Seconds until what visitors left has to be gone.
_TIDY_SECONDS = 60.0
#: Threads that either program may begin later and keep: the one that writes its files.
_LATE_THREADS = 1
#: Consoles of one visitor, and agents that come and go: people's machines come back under their ids. So the bounded
#: tables of ids are full before the memory counts.
_CONSOLES, _GUESTS = 50, 8
#: Percent an hour; and the shortest run that can tell.
MOST_GROWTH, _LEAST_SECONDS = 1.0, 1800.0
#: What a console says if a machine is so busy that a program does not start in time.
_BUSY = b"too busy to answer"
#: Sends its input back, and says its hash.
_BACK = "tee /dev/stderr"


@dataclass
class Outcome:
    """What came of a run."""

    seconds: float = 0.0
    counts: Counter[str] = field(default_factory=Counter)
    samples: dict[str, list[tuple[float, float]]] = field(default_factory=lambda: {"relay": [], "agent": []})
    left: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def text(self) -> str:
        """Return it in some lines."""
        lines = [
            f"{self.seconds:.0f} s: " + ", ".join(f"{count} {name}" for name, count in sorted(self.counts.items()))
        ]
        for name, samples in self.samples.items():
            sizes = [size / 2**20 for _, size in samples]
            grown = growth_per_hour(samples)
            lines.append(
                f"{name}: {sizes[0]:.1f} MiB at first, {max(sizes):.1f} at most, {sizes[-1]:.1f} at the end; "
                f"{grown:+.2f} %/h"
            )
        return "\n".join(lines)

    def faults(self) -> list[str]:
        """Return what was wrong."""
        found = [*self.wrong, *self.left]
        for name, samples in self.samples.items():
            if self.seconds >= _LEAST_SECONDS and (grown := growth_per_hour(samples)) > MOST_GROWTH:
                found.append(f"the {name}'s memory grew by {grown:.1f} % an hour")
        if not self.counts["commands"]:
            found.append("no command was run")
        return found


class Soak:
    """One run.

    Args:
        folder: for states and logs.
        seed: decides the traffic.
        consoles: how many visit at a time.
        say: takes lines about the progress.
    """

    def __init__(self, folder: Path, seed: int, consoles: int, say: Callable[[str], None] = lambda _: None) -> None:
        self._folder, self._seed, self._consoles, self._say = folder, seed, consoles, say
        self._outcome = Outcome()
        self._key = LoginKey.from_secret(SECRET)
        self._link_key = link_key(SECRET)

    async def run(self, seconds: float) -> Outcome:
        """Run for so many seconds."""
        options = ["--listen", "127.0.0.1:0", "--state-dir", str(self._folder / "relay")]
        with Program("natpass_relay", options, self._folder) as relay:
            self._port = int(relay.said(r"listening on 127\.0\.0\.1:(\d+)")[1])
            with self._agent(_AGENT) as agent:
                agent.said("logged in")
                await self._visit(random.Random("first"), "first", cuts=False)  # what is loaded once is loaded now
                self._processes = {
                    "relay": psutil.Process(relay.process.pid),
                    "agent": psutil.Process(agent.process.pid),
                }
                await self._quiet()
                rest = self._open()
                await self._traffic(seconds)
                await self._tidy(rest)
                self._logs()
        return self._outcome

    def _agent(self, name: str) -> Program:
        options = ["--relay", f"127.0.0.1:{self._port}", "--id", name, "--state-dir", str(self._folder / name)]
        return Program("natpass_agent", options, self._folder)

    async def _traffic(self, seconds: float) -> None:
        begin = time.monotonic()
        end = begin + seconds
        async with asyncio.TaskGroup() as group:
            for number in range(self._consoles):
                group.create_task(self._visitors(number, end))
            group.create_task(self._programs(end))
            group.create_task(self._guests(end))
            group.create_task(self._watch(begin, end))
        self._outcome.seconds = time.monotonic() - begin

    async def _visitors(self, number: int, end: float) -> None:
        """One console after another."""
        rng, count = random.Random(f"{self._seed}-{number}"), 0
        while time.monotonic() < end:
            count += 1
            await self._visit(rng, f"visitor-{number}-{count % _CONSOLES}", cuts=True)
            await asyncio.sleep(rng.uniform(0, 0.5))

    async def _visit(self, rng: random.Random, name: str, *, cuts: bool) -> None:
        claims = v2.Claims(name, Role.ROLE_CONSOLE, (), "soak", v2.instance_tag(self._key, os.urandom(16)))
        target = RelayTarget(
            RelayAddress("127.0.0.1", self._port), True, claims, self._key, sealing=sealing(self._link_key)
        )
        client, tasks = RelayClient(target), Tasks()
        tasks.start(client.run(), name)
        try:
            async with asyncio.timeout(60):
                await client.online()
            self._outcome.counts["visits"] += 1
            async with asyncio.TaskGroup() as group:
                commands = [group.create_task(self._command(client, rng)) for _ in range(rng.randint(1, 4))]
                while cuts and rng.random() < 0.3 and not all(task.done() for task in commands):
                    await asyncio.sleep(rng.uniform(0.0, 0.3))
                    if client._socket is not None:
                        client._socket.abort(OSError("cut"))
                        self._outcome.counts["cuts"] += 1
            await client.settled(30)
        finally:
            await tasks.close()

    async def _command(self, client: RelayClient, rng: random.Random) -> None:
        """Send random bytes to a command that says them twice, and compare."""
        data = rng.randbytes(int(_MOST_BYTES ** rng.random()))
        argv = [b"sh", b"-c", _BACK.encode()]
        request = ConnectRequest(name="soak", kind=ConnectRequest.exec, cexec=ConnectExec(argv=argv))
        while True:  # the connection may be cut while it is opened
            try:
                await client.online()
                link = await client.open_link(_AGENT, request, 60)
                break
            except LinkEndedError:
                await asyncio.sleep(0.05)
        try:
            async with asyncio.timeout(120), asyncio.TaskGroup() as group:
                group.create_task(_send(link, data, rng))
                got = await _receive(link)
        except (LinkEndedError, TimeoutError) as error:
            self._outcome.wrong.append(f"a command with {len(data)} bytes: {error or 'not done in time'}")
            return
        finally:
            link.close()
        self._outcome.counts["commands"] += 1
        self._outcome.counts["bytes"] += 3 * len(data)
        for stream, content in got.items():
            if hashlib.sha256(content).digest() != hashlib.sha256(data).digest():
                self._outcome.wrong.append(f"{stream} of {len(data)} bytes came as {len(content)} other ones")

    async def _programs(self, end: float) -> None:
        """Real consoles, one after another."""
        rng = random.Random(f"{self._seed}-programs")
        environment = {key: value for key, value in os.environ.items() if not key.startswith("NATPASS_")}
        environment |= {"HOME": str(self._folder), "NATPASS_SECRET": SECRET}
        command = ["-m", "natpass_tui", "--relay", f"127.0.0.1:{self._port}", "exec", _AGENT, "--", "cat"]
        while time.monotonic() < end:
            data = rng.randbytes(rng.randint(1, _MOST_BYTES))
            pipe = asyncio.subprocess.PIPE
            process = await asyncio.create_subprocess_exec(
                sys.executable, *command, stdin=pipe, stdout=pipe, stderr=pipe, env=environment
            )
            came, errors = await process.communicate(data)
            self._outcome.counts["consoles"] += 1
            if process.returncode and _BUSY in errors:  # said in words, and nothing was begun
                self._outcome.counts["refused as too busy"] += 1
            elif process.returncode or came != data:
                self._outcome.wrong.append(f"natpass-tui exec cat: {process.returncode}, {errors[-200:]!r}")
            await asyncio.sleep(rng.uniform(0, min(5, max(0.0, end - time.monotonic()))))

    async def _guests(self, end: float) -> None:
        """More agents, one after another."""
        rng, count = random.Random(f"{self._seed}-guests"), 0
        while (left := end - time.monotonic()) > 0:
            count += 1
            guest = self._agent(f"guest-{count % _GUESTS}")
            try:
                await asyncio.sleep(min(left, rng.uniform(2, 10)))
            finally:
                await asyncio.to_thread(guest.stop)
            self._outcome.counts["agents"] += 1

    async def _watch(self, begin: float, end: float) -> None:
        told = begin
        while (now := time.monotonic()) < end:
            for name, process in self._processes.items():
                self._outcome.samples[name].append((now - begin, process.memory_info().rss))
            if now - told >= 60:
                told = now
                self._say(f"{(now - begin) / 60:.0f} min: " + self._outcome.text().replace("\n", "; "))
            await asyncio.sleep(min(1.0, max(end - now, 0.01)))

    # afterwards

    def _open(self) -> dict[str, tuple[int, int, int]]:
        """Return descriptors, threads and children of both programs."""
        return {
            name: (
                watch.descriptors(each.pid),
                max(each.num_threads(), 1 + _LATE_THREADS),
                len(each.children(recursive=True)),
            )
            for name, each in self._processes.items()
        }

    async def _quiet(self) -> None:
        """Wait until the first visit has left nothing."""
        await wait_for(
            lambda: not self._processes["agent"].children(), "the first command's end", timeout=_TIDY_SECONDS
        )
        await asyncio.sleep(1.0)

    async def _tidy(self, rest: dict[str, tuple[int, int, int]]) -> None:
        def more() -> list[str]:
            words = ("descriptors", "threads", "children")
            return [
                f"the {name} has {have} {word}, at rest {had}"
                for name, found in self._open().items()
                for word, have, had in zip(words, found, rest[name], strict=True)
                if have > had
            ]

        with contextlib.suppress(AssertionError):
            await wait_for(lambda: not more(), timeout=_TIDY_SECONDS)
        self._outcome.left += more()

    def _logs(self) -> None:
        for path in self._folder.glob("*.log"):
            for line in path.read_text(errors="replace").splitlines():
                if any(word in line for word in ("Traceback", "never retrieved", "was destroyed", " ERROR ")):
                    self._outcome.wrong.append(f"{path.name} says {line[:200]}")


async def _send(link: Link, data: bytes, rng: random.Random) -> None:
    at = 0
    while at < len(data):
        piece = data[at : at + rng.randint(1, _PIECE)]
        at += len(piece)
        await link.send(Msg(type=MsgType.exec_input, exec_input=ExecInput(data=piece)))
    await link.send(Msg(type=MsgType.exec_input, exec_input=ExecInput(eof=True)))


async def _receive(link: Link) -> dict[str, bytes]:
    """Return what the command wrote, by stream.

    Raises:
        LinkEndedError: it did not end by itself.
    """
    got = {"stdout": bytearray(), "stderr": bytearray()}
    try:
        while True:
            for message in await link.receive_batch():
                output = message.exec_output
                got["stderr" if output.stream == ExecOutput.STDERR else "stdout"] += output.data
    except LinkEndedError as error:
        if error.end.cause != LinkEnd.EXITED or error.end.status != 0:
            raise
    return {name: bytes(content) for name, content in got.items()}
