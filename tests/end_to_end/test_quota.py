"""What a client can take of an agent: its own share of the places and of the arithmetic, and no more."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil
import pytest

from natpass_wire.aio.link import Link, LinkEndedError
from natpass_wire.aio.sealing import Sealing
from natpass_wire.aio.tasks import Tasks
from natpass_wire.identity.keys import PublicKey
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.link_pb2 import ConnectRequest
from natpass_wire.pb.shell_pb2 import ShellData
from tests.end_to_end import agent_programs
from tests.end_to_end.agent_programs import LOOPS, SECRET, Program
from tests.support import rude
from tests.support.network.proxy import NetworkProxy
from tests.support.relay import TestClient
from tests.support.rude import HalfMade
from tests.support.sealing import link_key, sealing
from tests.support.waiting import patience, wait_for
from tests.support.xserver import needs, x_server

pytestmark = [
    pytest.mark.programs,
    pytest.mark.skipif(sys.platform != "linux", reason="the commands and the X server are Linux'"),
]
on_both_loops = pytest.mark.parametrize("loop", list(LOOPS))

SHELL = ConnectRequest(name="test", kind=ConnectRequest.shell)
DESKTOP = ConnectRequest(name="test", kind=ConnectRequest.vnc)
#: Streams of the agent, so that a test takes all places in a second or two.
FEW = 48


@dataclass
class Place:
    """A relay and an agent as programs; clients in this process."""

    folder: Path
    port: int
    agent: Program
    tasks: Tasks

    def allow(self, options: str) -> Sealing:
        """Add a line to `authorized_consoles`; return what seals its links."""
        seals = sealing(link_key(SECRET))
        file = self.folder / "agent" / "authorized_consoles"
        with file.open("a") as lines:
            lines.write(f"{options} {PublicKey(seals.identity.public_key().public_bytes_raw())}\n".lstrip())
        file.chmod(0o600)
        return seals

    async def console(self, name: str, seals: Sealing | None = None, port: int | None = None) -> TestClient:
        client = rude.console(
            self.port if port is None else port, SECRET, name, seals if seals is not None else sealing(link_key(SECRET))
        )
        await self.run(client)
        return client

    async def run(self, client: TestClient) -> None:
        """Have a client log in."""
        self.tasks.start(client.client.run(), client.client.client_id)
        await client.client.online()


@asynccontextmanager
async def place(folder: Path, loop: str, *options: str, few: bool = False) -> AsyncIterator[Place]:
    """Run the programs; with `few`, the agent has few places for streams."""
    tasks = Tasks()
    source = LOOPS[loop] + (f"from natpass_wire.aio import streams; streams.MAX_STREAMS = {FEW}; " if few else "")
    source += "from natpass_agent.cli import main; main()"
    options = ("--pass-env", "HOME", *options)
    with agent_programs.relay(folder, loop=loop) as (_, port):
        arguments = ["--relay", f"127.0.0.1:{port}", "--id", "box", "--no-tls", "--state-dir", str(folder / "agent")]
        with Program("natpass_agent", [*arguments, *options], folder, source=source) as agent:
            agent.said(r"logged in at 127\.0\.0\.1:\d+ as box")
            try:
                yield Place(folder, port, agent, tasks)
            finally:
                await tasks.close()


async def answers(shell: Link) -> None:
    """Check that a shell runs a command."""
    await shell.room()
    await shell.send(Msg(type=MsgType.shell_data, sdata=ShellData(data=b"echo $((40 + 2))\n")))
    found = b""
    async with asyncio.timeout(patience()):
        while b"42" not in found:
            found += (await shell.receive()).sdata.data


@on_both_loops
@pytest.mark.parametrize("ids", [1, 2])
async def test_a_key_that_may_only_run_commands_keeps_nobody_out(tmp_path: Path, loop: str, ids: int) -> None:
    """It runs commands whose ends it never acknowledges, under one id or two."""
    async with place(tmp_path, loop, few=True) as there:
        admin, attacker = there.allow(""), there.allow('kinds="exec"')
        with NetworkProxy(there.port) as net:
            away = await there.console("admin-away", admin, net.port)
            kept = await away.client.open_link("box", SHELL)
            await answers(kept)
            net.down()
            there.agent.said("admin-away .*is out of reach")
            clients = [await there.console(f"attacker-{number}", attacker) for number in range(ids)]
            taken = await rude.run_unacknowledged(clients, "box", 2 * FEW)
            assert FEW // 2 <= taken < 2 * FEW  # some are refused; one that ends at once is acknowledged, and gone
            present = await there.console("admin-present", admin)
            shells = [await present.client.open_link("box", SHELL) for _ in range(4)]
            await answers(shells[-1])
            net.up()
            await wait_for(lambda: kept.detached is None)
            assert kept.end is None
            await answers(kept)


def overdue(begin: float, sent: int) -> int:
    """Return how many of 2200 requests a second are still to be sent."""
    return max(int((time.monotonic() - begin) * 2200) - sent, 0)


async def refusal(client: TestClient) -> str:
    """Return why a link is refused: only who has completed the handshake learns that from the agent."""
    with pytest.raises(LinkEndedError) as caught:
        await client.client.open_link("box", ConnectRequest(name="test", kind=ConnectRequest.code))
    return caught.value.end.text


@on_both_loops
async def test_links_that_are_never_made_whole_take_nobody_elses_turn(tmp_path: Path, loop: str) -> None:
    """Whoever can log in floods an agent with halves of handshakes; whoever has the secret gets in meanwhile."""
    async with place(tmp_path, loop) as there:
        attackers = [rude.console(there.port, SECRET, f"attacker-{number}", sealing()) for number in range(20)]
        flood = HalfMade(attackers, "box").requests(2000)  # before they log in: it keeps the loop busy
        await asyncio.gather(*(there.run(client) for client in attackers))
        honest = [await there.console(f"honest-{number}") for number in range(15)]
        is_over = False

        async def attack() -> None:
            """Send 2200 requests a second, until the honest ones are in."""
            begin, sent = time.monotonic(), 0
            while not is_over:
                due = await wait_for(partial(overdue, begin, sent))
                for number in range(sent, sent + min(due, 200)):
                    client, message = flood[number % len(flood)]  # the first have ended by the second time
                    client.connection.send(message)
                sent += min(due, 200)

        attacking = there.tasks.start(attack(), "attack")
        await wait_for(lambda: all(client.connection._table.dropped > 20 for client in attackers), "the flood")
        refusals = [await refusal(client) for client in honest]
        is_over = True
        await attacking
        served = "bench, exec, forward, shell, tcp, udp, vnc"
        assert refusals == [f"this agent does not serve code links (it serves: {served})"] * 15
        assert there.agent.output.count("refused a link") <= 5
        assert len(there.agent.output) < 20_000


@pytest.mark.x11
@needs()
@on_both_loops
async def test_a_read_only_key_starts_few_workers(tmp_path: Path, loop: str) -> None:
    with x_server() as screen:
        async with place(tmp_path, loop, "--display", screen.display) as there:
            onlooker = await there.console("onlooker", there.allow("read-only"))
            refusals = []
            for _ in range(12):
                try:
                    await onlooker.client.open_link("box", DESKTOP)
                except LinkEndedError as error:
                    refusals.append(error.end.text)
            workers = [child for child in psutil.Process(there.agent.process.pid).children() if is_worker(child)]
            assert refusals == ["you have 4 vnc links to this agent already"] * 8
            assert len(workers) == 4
            admin = await there.console("admin", there.allow(""))
            await admin.client.open_link("box", DESKTOP)


def is_worker(process: psutil.Process) -> bool:
    return "vnc.worker" in process.cmdline()
