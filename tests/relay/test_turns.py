"""What one client can have a relay do before the others have their turn: counted, with real sockets and real TLS."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from natpass_relay.client_socket import MAX_BYTES_BEFORE_LOGIN
from natpass_relay.connection import Connection
from natpass_relay.forwarding import WORK_A_TURN, Forwarding
from natpass_relay.hub import Hub
from natpass_wire import envelope
from natpass_wire.aio.tls_layer import RECORDS_AT_ONCE
from natpass_wire.ids import RELAY_ID
from natpass_wire.pb.envelope_pb2 import Msg, MsgType, Ping
from natpass_wire.pb.shell_pb2 import ShellData
from natpass_wire.tls_records import MOST_WITHOUT_DATA, DataRecords
from tests.hostile.tls_client import TlsClient
from tests.support.relay import CONSOLE, KEY, TestRelay, running_relay, tls_files
from tests.support.waiting import wait_for

pytestmark = pytest.mark.both_loops


@pytest.fixture
async def relay(tmp_path: Path) -> AsyncIterator[TestRelay]:
    async with running_relay(tls_files(tmp_path)) as running:
        yield running


class Iterations:
    """Counts the iterations of the loop."""

    def __init__(self) -> None:
        self.now = 0

    @asynccontextmanager
    async def counted(self) -> AsyncIterator[None]:
        async def count() -> None:
            while True:
                await asyncio.sleep(0)
                self.now += 1

        counting = asyncio.get_running_loop().create_task(count(), name="iterations")
        try:
            yield
        finally:
            counting.cancel()


@asynccontextmanager
async def echoing(relay: TestRelay) -> AsyncIterator[list[int]]:
    """Let a console and an agent echo a byte all the time; give the count so far."""
    agent, console = await relay.join("a"), await relay.join("c", CONSOLE)
    link = await console.open("a", plain=False)
    await wait_for(lambda: agent.links)
    done = [0]

    async def echo() -> None:
        while True:
            await link.send(Msg(type=MsgType.shell_data, sdata=ShellData(data=b"%d" % done[0])))
            await agent.links[0].send(await agent.links[0].receive())
            assert (await link.receive()).sdata.data == b"%d" % done[0]
            done[0] += 1

    echoes = asyncio.get_running_loop().create_task(echo(), name="echoes")
    try:
        yield done
    finally:
        echoes.cancel()
    assert not echoes.done() or echoes.exception() is None


def ping(nonce: int) -> bytes:
    return envelope.to_frame(Msg(type=MsgType.ping, to=RELAY_ID, ping=Ping(nonce=nonce)))


@pytest.mark.parametrize("is_client", [False, True])
async def test_key_updates_in_a_row_end_the_connection(
    relay: TestRelay, is_client: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python's ssl takes them all in one call; at 27 bytes and 17 µs each, 10 MB stopped everybody for 8 s."""
    records = Counter[int]()
    note = DataRecords.note

    def counted(self: DataRecords, size: int, count: int, with_data: int, data: int) -> bool:
        records[id(self)] += count - with_data
        return note(self, size, count, with_data, data)

    async with echoing(relay) as echoes, TlsClient.connect(relay.address.host, relay.address.port) as attacker:
        if is_client:
            await attacker.log_in("evil", KEY)
        monkeypatch.setattr(DataRecords, "note", counted)
        attacker.send(b"".join(attacker.records.key_update(asks=number % 2 == 0) for number in range(3000)))
        await attacker.closed()
        await wait_for(lambda: relay.server.hub.router.client("evil") is None)
        before = echoes[0]
        await wait_for(lambda: echoes[0] > before + 3)
    assert 0 < max(records.values()) <= MOST_WITHOUT_DATA + RECORDS_AT_ONCE


async def test_a_key_update_now_and_then_is_fine(relay: TestRelay) -> None:
    async with TlsClient.connect(relay.address.host, relay.address.port) as client:
        await client.log_in("honest", KEY)
        for nonce in range(200):
            client.send(client.records.record(ping(nonce)))
            if nonce % 20 == 0:
                client.send(client.records.key_update(asks=nonce % 40 == 0))
            while (message := await client.receive()).type != MsgType.pong:
                pass
            assert message.ping.nonce == nonce


async def test_a_padded_record_and_bytes_one_by_one(relay: TestRelay) -> None:
    async with TlsClient.connect(relay.address.host, relay.address.port) as client:
        await client.log_in("odd", KEY)
        for byte in ping(7):
            client.send(client.records.record(bytes([byte]), padding=100))
        while (message := await client.receive()).type != MsgType.pong:
            pass
        assert message.ping.nonce == 7


async def test_pings_are_answered_in_turns(relay: TestRelay, monkeypatch: pytest.MonkeyPatch) -> None:
    """2 MB of them kept everybody waiting for 0.8 s."""
    count, iterations, said = 4000, Iterations(), Counter[int]()
    client_says = Hub.client_says

    def counted(self: Hub, connection: Connection, message: Msg) -> None:
        if message.type == MsgType.ping:
            said[iterations.now] += 1
        client_says(self, connection, message)

    monkeypatch.setattr(Hub, "client_says", counted)
    async with (
        echoing(relay) as echoes,
        TlsClient.connect(relay.address.host, relay.address.port) as attacker,
        iterations.counted(),
    ):
        await attacker.log_in("evil", KEY)
        begin, first = echoes[0], said.total()
        pings = b"".join(map(ping, range(count)))
        for start in range(0, len(pings), 16_000):
            attacker.send(attacker.records.record(pings[start : start + 16_000]))
        nonces: list[int] = []
        while len(nonces) < count:
            message = await attacker.receive()
            if message.type == MsgType.pong:
                nonces.append(message.ping.nonce)
        assert nonces == list(range(count))  # all of them, in order
        assert said.total() - first >= count
        assert echoes[0] > begin
    assert max(said.values()) <= 2 * WORK_A_TURN


async def test_several_that_ask_much_are_served_one_after_another(
    relay: TestRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    iterations, said, attackers, count = Iterations(), Counter[int](), 6, 2000
    client_says = Hub.client_says

    def counted(self: Hub, connection: Connection, message: Msg) -> None:
        said[iterations.now] += 1
        client_says(self, connection, message)

    async def attack(number: int) -> None:
        async with TlsClient.connect(relay.address.host, relay.address.port) as attacker:
            await attacker.log_in(f"evil-{number}", KEY)
            await asyncio.sleep(0)
            pings = b"".join(map(ping, range(count)))
            for start in range(0, len(pings), 16_000):
                attacker.send(attacker.records.record(pings[start : start + 16_000]))
            got = 0
            while got < count:
                got += (await attacker.receive()).type == MsgType.pong

    async with iterations.counted(), asyncio.TaskGroup() as group:
        monkeypatch.setattr(Hub, "client_says", counted)
        for number in range(attackers):
            group.create_task(attack(number), name=f"attacker {number}")
    assert said.total() >= attackers * count
    # One turn of what was left over, and at most one read of each; typically two turns in all.
    assert max(said.values()) <= (1 + attackers) * WORK_A_TURN
    assert said.total() / len(said) <= 3 * WORK_A_TURN


async def test_who_changes_the_receiver_with_every_frame_has_turns_too(
    relay: TestRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each change is a write of its own. The frames arrive, in order for each receiver."""
    iterations, passed = Iterations(), Counter[int]()
    pass_on = Forwarding._pass_on

    def counted(self: Forwarding[Connection], *given: Any) -> None:
        passed[iterations.now] += 1
        pass_on(self, *given)

    monkeypatch.setattr(Forwarding, "_pass_on", counted)
    agents, console = [await relay.join("a"), await relay.join("b")], await relay.join("c", CONSOLE)
    links = [await console.open("a"), await console.open("b")]
    async with iterations.counted():
        connection = console.connection
        held = list[bytes]()
        monkeypatch.setattr(connection._socket, "write", held.append)
        for number in range(1000):
            for link in links:
                await link.send(Msg(type=MsgType.shell_data, sdata=ShellData(data=b"%d" % number)))
        monkeypatch.undo()
        monkeypatch.setattr(Forwarding, "_pass_on", counted)
        connection._socket.write(b"".join(held))
        for number in range(1000):
            for agent in agents:
                assert (await agent.links[0].receive()).sdata.data == b"%d" % number
    assert passed.total() >= 1900
    assert max(passed.values()) <= 2 * WORK_A_TURN + 2


async def test_before_the_login_there_is_little(relay: TestRelay) -> None:
    """A frame that is short enough, but comes byte by byte in long records, costs more than a login may."""
    async with TlsClient.connect(relay.address.host, relay.address.port) as attacker:
        record = attacker.records.record
        attacker.send(b"".join(record(b"\1", padding=300) for _ in range(MAX_BYTES_BEFORE_LOGIN // 300)))
        await attacker.closed()
    assert relay.server.hub.clients == 0
