"""What costs a real relay much stops nobody: a real agent's echo goes on beside key updates and pings."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from natpass_wire import envelope
from natpass_wire.aio.dial import RelayAddress, RelayTarget
from natpass_wire.aio.tasks import Tasks
from natpass_wire.ids import RELAY_ID
from natpass_wire.login import v2
from natpass_wire.login.keys import LoginKey
from natpass_wire.pb.envelope_pb2 import Msg, MsgType, Ping
from natpass_wire.pb.shell_pb2 import ShellData
from tests.hostile.tls_client import TlsClient
from tests.support.relay import AGENT, CONSOLE, TestClient, instance
from tests.support.relay_process import RelayProcess, relay_process
from tests.support.sealing import sealing
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.programs, pytest.mark.both_loops]

VERIFIER = "natpass-verifier-1:" + "A" * 43
KEY = LoginKey.from_verifier(VERIFIER)


@contextlib.asynccontextmanager
async def echoing(relay: RelayProcess) -> AsyncIterator[list[float]]:
    """Let a console and an agent echo all the time over the relay; give how long each took, in ms."""
    tasks, took = Tasks(), list[float]()

    def client(name: str, role: int) -> TestClient:
        claims = v2.Claims(name, role, (), "test 1", instance(name))  # type: ignore[arg-type]  # the enum is an int
        address = RelayAddress(relay.host, relay.port)
        started = TestClient(RelayTarget(address, True, claims, KEY, sealing=sealing()))
        tasks.start(started.client.run(), name)
        return started

    async def echo() -> None:
        while True:
            begin = time.perf_counter()
            await link.send(Msg(type=MsgType.shell_data, sdata=ShellData(data=b"x")))
            await agent.links[0].send(await agent.links[0].receive())
            await link.receive()
            took.append((time.perf_counter() - begin) * 1000)

    try:
        agent, console = client("a", AGENT), client("c", CONSOLE)
        await agent.client.online()
        await console.client.online()
        link = await console.open("a", plain=False)
        await wait_for(lambda: agent.links)
        tasks.start(echo(), "echo")
        await wait_for(lambda: len(took) > 5)
        yield took
        count = len(took)
        await wait_for(lambda: len(took) > count + 5, "more echoes")
        assert link.end is None
        print(f"{len(took)} echoes, the longest took {max(took):.1f} ms")
    finally:
        await tasks.close()


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[RelayProcess]:
    verifier = tmp_path / "verifier"
    verifier.write_text(VERIFIER)
    verifier.chmod(0o600)
    (tmp_path / "state").mkdir(mode=0o700)
    with relay_process(tmp_path / "state", "--verifier-file", str(verifier), "--log-level", "debug") as process:
        yield process


@pytest.mark.parametrize("is_client", [False, True])
async def test_key_updates(relay: RelayProcess, is_client: bool, tmp_path: Path) -> None:
    async with echoing(relay), TlsClient.connect(relay.host, relay.port) as attacker:
        if is_client:
            await attacker.log_in("evil", KEY)
        updates = b"".join(attacker.records.key_update(asks=number % 2 == 0) for number in range(2000))
        attacker.send(updates)
        await attacker.closed()
    log = (tmp_path / "state" / "relay.log").read_text()
    assert "too many TLS records without data" in log or "bytes before the login" in log


async def test_pings(relay: RelayProcess) -> None:
    count = 10_000
    async with echoing(relay) as took, TlsClient.connect(relay.host, relay.port) as attacker:
        await attacker.log_in("evil", KEY)
        ping = envelope.to_frame(Msg(type=MsgType.ping, to=RELAY_ID, ping=Ping(nonce=1)))
        pings = ping * count
        for start in range(0, len(pings), 16_000):
            attacker.send(attacker.records.record(pings[start : start + 16_000]))
        before, got = len(took), 0
        while got < count:
            got += (await attacker.receive()).type == MsgType.pong
        await asyncio.sleep(0)
        assert len(took) > before
