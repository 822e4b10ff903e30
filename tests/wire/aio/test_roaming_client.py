"""A client whose machine slept, stood still or moved: back at once, and a connection that works is not cut."""

import asyncio
import contextlib
import socket
import sys
from collections.abc import AsyncIterator

import pytest

from natpass_wire.aio import client as client_module
from natpass_wire.aio import whereabouts
from natpass_wire.aio.client import Phase
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.roster_pb2 import About
from tests.support.waiting import wait_for
from tests.wire.aio.plugs import HOST, ChunkingProxy
from tests.wire.aio.stub import Guest, StubRelay
from tests.wire.aio.watched import pass_time, running, target

pytestmark = pytest.mark.both_loops


class World:
    """The clocks and the addresses of a machine."""

    def __init__(self) -> None:
        self.slept = 0.0
        self.own: str | None = HOST
        self.gone: set[str] = set()
        self._clocks = whereabouts.clocks

    def clocks(self) -> tuple[float, float]:
        awake, asleep = self._clocks()
        return awake, asleep + self.slept

    def own_address(self, peer: tuple[object, ...]) -> str | None:
        return self.own

    def is_own(self, address: str) -> bool:
        return address not in self.gone


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    found = World()
    for name in ("clocks", "own_address", "is_own"):
        monkeypatch.setattr(whereabouts, name, getattr(found, name))
    monkeypatch.setattr(client_module, "LOOK_SECONDS", 0.05)
    return found


def hang_up(guest: Guest, _message: Msg) -> bool:
    guest.socket.close()
    return True


async def looked() -> None:
    """Let the client look around a few times."""
    await pass_time(0.3)


async def test_who_wakes_up_with_a_dead_connection_dials_anew(world: World) -> None:
    relay, proxy = StubRelay(), ChunkingProxy()
    async with relay.running() as port, proxy.towards(port) as detour, running(target(detour)) as watched:
        connection = await watched.client.online()
        await looked()
        proxy.freeze()
        world.slept += 120
        await watched.until(Phase.CONNECTING, "this machine slept, and the relay does not answer")
        assert connection.ended.done()
        assert Phase.WAITING not in watched.phases  # without a delay


async def test_a_connection_that_outlived_the_sleep_is_kept(world: World) -> None:
    relay = StubRelay()
    async with relay.running() as port, running(target(port)) as watched:
        connection = await watched.client.online()
        await looked()
        answers = connection.life.answers
        world.slept += 5
        await wait_for(lambda: connection.life.answers != answers, "an answer")
        await pass_time(1.5)
        assert watched.phases == [Phase.ONLINE]


@contextlib.asynccontextmanager
async def slow_uplink(target_port: int, rate: int) -> AsyncIterator[tuple[int, asyncio.Event]]:
    """Run a line of so many bytes a second towards the relay, which holds next to nothing, while the event is set."""
    goes = asyncio.Event()
    goes.set()
    loop = asyncio.get_running_loop()
    with socket.socket() as server, socket.create_connection((HOST, target_port)) as relay:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        server.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)  # as a line has packets, loopback has not
        server.bind((HOST, 0))
        server.listen()
        for end in (server, relay):
            end.setblocking(False)

        async def carry() -> None:
            client, _ = await loop.sock_accept(server)
            client.setblocking(False)
            back = loop.create_task(carry_back(client), name="downlink")
            try:
                with client:
                    while data := await loop.sock_recv(client, rate // 10):
                        await loop.sock_sendall(relay, data)
                        await pass_time(len(data) / rate)  # what a slow line is
                        await goes.wait()
            finally:
                back.cancel()

        async def carry_back(client: socket.socket) -> None:
            while data := await loop.sock_recv(relay, 65536):
                await loop.sock_sendall(client, data)

        task = loop.create_task(carry(), name="uplink")
        try:
            yield server.getsockname()[1], goes
        finally:
            task.cancel()
            await asyncio.wait([task])


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what the other end has not taken")
@pytest.mark.parametrize("rate", [2000, 5000])
async def test_a_slow_uplink_on_which_a_lot_waits_is_kept_while_it_gets_less(world: World, rate: int) -> None:
    relay = StubRelay()
    async with (
        relay.running() as port,
        slow_uplink(port, rate) as (detour, goes),
        running(target(detour)) as watched,
    ):
        connection = await watched.client.online()
        await looked()
        for _ in range(10):  # 5 s behind which the question waits, and the answer is due within 2
            connection.send(Msg(type=MsgType.about, about=About(host="x" * (rate // 2))))
        answers = connection.life.answers
        world.slept += 5
        await wait_for(lambda: connection.life.answers != answers, "an answer", 20)
        assert watched.phases == [Phase.ONLINE]
        goes.clear()  # now it is dead
        for _ in range(20):
            connection.send(Msg(type=MsgType.about, about=About(host="x" * (rate // 2))))
        world.slept += 5
        await watched.until(Phase.CONNECTING, "this machine slept, and the relay does not answer")


async def test_an_address_that_is_gone_takes_its_connection_with_it_at_once(world: World) -> None:
    """Nobody waits for an answer that can't come; the relay is not even asked."""
    relay = StubRelay(mute=True)
    async with relay.running() as port, running(target(port)) as watched:
        await watched.client.online()
        await looked()
        pings = len(relay.guests[0].of_type(MsgType.ping))
        world.gone = {HOST}
        world.own = "198.51.100.1"
        await watched.until(Phase.CONNECTING, "the network changed")
        await relay.guest(2)
        assert len(relay.guests[0].of_type(MsgType.ping)) == pings


async def test_a_second_network_leaves_a_connection_that_works_alone(world: World) -> None:
    relay = StubRelay()
    async with relay.running() as port, running(target(port)) as watched:
        connection = await watched.client.online()
        await looked()
        answers = connection.life.answers
        world.own = "198.51.100.1"
        await wait_for(lambda: connection.life.answers != answers, "an answer")
        await pass_time(1.5)
        assert watched.phases == [Phase.ONLINE]


async def test_a_network_that_is_back_ends_the_wait_for_the_next_attempt(world: World) -> None:
    relay = StubRelay()
    with socket.create_server((HOST, 0)) as free:
        port = free.getsockname()[1]
    async with relay.running(port), running(target(port), random=0.999) as watched:
        await watched.client.online()
        await looked()
        world.own = None
        watched.client._backoff._failures = 20  # it has been away for long
        relay.on_login = hang_up
        relay.guests[-1].socket.abort()
        waiting = await watched.until(Phase.WAITING)
        assert waiting.retry_at - asyncio.get_running_loop().time() > 5
        await looked()
        relay.on_login = None
        world.own = "198.51.100.1"
        await relay.guest(2)


async def test_an_attempt_that_was_begun_in_the_old_network_is_given_up(world: World) -> None:
    relay = StubRelay()
    with socket.create_server((HOST, 0)) as free:
        port = free.getsockname()[1]
    async with relay.running(port), running(target(port)) as watched:
        await watched.client.online()
        relay.on_login = lambda guest, message: True  # takes the connection, and does not answer
        relay.guests[-1].socket.abort()
        await wait_for(lambda: len(relay.guests) == 2)
        await looked()
        assert watched.client.connection is None
        relay.on_login = None
        world.own = "198.51.100.1"
        await relay.guest(2)  # within a time limit of 10 s it would still wait
        await wait_for(lambda: watched.client.connection)
        assert Phase.WAITING not in watched.phases


async def test_what_the_system_tells() -> None:
    assert whereabouts.own_address((HOST, 9)) == HOST
    assert whereabouts.own_address(("not numeric and no name.invalid", 9)) is None
    assert whereabouts.is_own(HOST)
    assert not whereabouts.is_own("192.0.2.1")
    first, second = whereabouts.clocks(), whereabouts.clocks()
    assert second >= first
