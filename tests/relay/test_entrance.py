"""The relay under connections that never log in, over real sockets."""

import asyncio
import contextlib
import gc
import logging
import random
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterator
from ipaddress import ip_network
from pathlib import Path

import pytest

from natpass_relay import lobby_room
from natpass_relay.entrance import Clocks
from natpass_relay.known_networks import FILE
from natpass_relay.lobby import Lobby
from natpass_relay.lobby_room import Stage
from natpass_relay.server import TlsFiles
from natpass_relay.sources import Offence
from natpass_wire import envelope
from natpass_wire.aio.tls import client_context
from natpass_wire.ids import RELAY_ID
from natpass_wire.login import v2
from natpass_wire.login.keys import LoginKey
from natpass_wire.pb.envelope_pb2 import Msg, MsgType, Ping
from natpass_wire.pb.login_pb2 import Refusal
from natpass_wire.program.state import StateDir
from tests.relay.raw import Raw
from tests.support.relay import AGENT, KEY, TestRelay, running_relay, tls_files
from tests.support.waiting import wait_for

pytestmark = pytest.mark.both_loops

#: Every address of this machine is a proxy's here, so that tests can say where they come from.
PROXIES = (ip_network("127.0.0.0/8"),)
HERE, ELSEWHERE = "192.0.2.1", "198.51.100.1"


def header(host: str) -> bytes:
    return f"PROXY TCP4 {host} 203.0.113.1 40000 6154\r\n".encode()


@contextlib.asynccontextmanager
async def crowded_relay(
    queue: int = 64,
    desk: int = 16,
    rng: Callable[[], float] | None = None,
    tls: TlsFiles | None = None,
    **settings: object,
) -> AsyncIterator[TestRelay]:
    async with running_relay(tls, trusted_proxies=PROXIES, **settings) as relay:
        entrance = relay.server.hub.entrance
        entrance.lobby = Lobby(relay.server.hub.standing, rng or random.Random(1).random, queue=queue, desk=desk)
        yield relay


@contextlib.asynccontextmanager
async def visitor(relay: TestRelay, host: str) -> AsyncIterator[Raw]:
    async with Raw.connect(relay) as raw:
        raw.send(header(host))
        yield raw


def client_hello() -> bytes:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        client_context(verify=False).wrap_bio(incoming, outgoing).do_handshake()
    return outgoing.read()


async def test_a_flood_of_silent_connections_keeps_nobody_out() -> None:
    async with crowded_relay() as relay, contextlib.AsyncExitStack() as stack:
        for number in range(300):
            await stack.enter_async_context(visitor(relay, HERE))
            if number % 30 == 0:
                for who, host in (("same", HERE), ("other", ELSEWHERE)):
                    async with visitor(relay, host) as honest:
                        async with asyncio.timeout(3):
                            await honest.log_in(f"{who}-{number}")
        assert len(relay.server.hub.entrance) <= 64


async def test_who_stalls_in_its_login_keeps_nobody_of_another_network_out(tmp_path: Path) -> None:
    async with crowded_relay(tls=tls_files(tmp_path)) as relay, contextlib.AsyncExitStack() as stack:
        for _ in range(100):
            (await stack.enter_async_context(visitor(relay, HERE))).send(client_hello())
        context = client_context(verify=False)
        reader, writer = await asyncio.open_connection(relay.address.host, relay.address.port)
        writer.write(header(ELSEWHERE))
        async with asyncio.timeout(3):
            await writer.start_tls(context)
        writer.close()
        assert reader is not None


async def test_who_has_begun_a_login_is_told_that_it_has_to_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lobby_room, "PATIENCE_SECONDS", 0.0)
    async with crowded_relay(desk=3, rng=lambda: 0.999) as relay, contextlib.AsyncExitStack() as stack:
        claims = v2.Claims("a", AGENT, (), "raw", b"r" * 16)
        hello = envelope.to_frame(v2.ClientLogin(KEY, claims, v2.NO_TLS, b"c" * 32).hello())
        greeted = [await stack.enter_async_context(visitor(relay, HERE)) for _ in range(2)]
        for raw in greeted:
            raw.send(hello)
            assert (await raw.receive()).hsp.HasField("challenge")
        async with visitor(relay, ELSEWHERE) as honest:
            await honest.log_in("h")
        told = [asyncio.ensure_future(raw.receive()) for raw in greeted]  # noqa: TID251 - it owns them itself
        (done,), others = await asyncio.wait(told, return_when=asyncio.FIRST_COMPLETED)
        assert done.result().hsp.refusal.code == Refusal.OVERLOADED
        for other in others:
            other.cancel()
        await asyncio.wait(others)


@contextlib.contextmanager
def no_garbage_collection() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def tls_objects() -> int:
    return sum(type(each) is ssl.SSLObject for each in gc.get_objects())


async def test_what_ends_mid_handshake_leaves_no_tls_behind(tmp_path: Path) -> None:
    hello = client_hello()
    async with running_relay(tls_files(tmp_path)) as relay:
        with no_garbage_collection():
            before = tls_objects()
            for number in range(40):
                async with Raw.connect(relay) as raw:
                    raw.send(hello if number % 2 else hello[:-1] + b"\xff" * 40)
                    await raw._reader.read(1)
            await wait_for(lambda: relay.server.hub.connections == 0)
            assert tls_objects() - before == 0


async def test_what_logs_in_and_goes_leaves_no_tls_behind(tmp_path: Path) -> None:
    async with running_relay(tls_files(tmp_path)) as relay:
        agents = [await relay.join(f"a{number}") for number in range(5)]
        with no_garbage_collection():
            for agent in agents:
                agent.connection._socket.abort()
            await relay.tasks.close()
            await wait_for(lambda: relay.server.hub.connections == 0)
            server_sides = [each for each in gc.get_objects() if type(each) is ssl.SSLObject and each.server_side]
            assert server_sides == []


async def test_those_that_stay_silent_are_blamed_and_forgotten() -> None:
    async with crowded_relay(login_seconds=0.2) as relay:
        relay.server.hub.entrance.lobby._seconds = 0.2
        penalties = relay.server.hub.standing.penalties
        async with visitor(relay, HERE) as silent, visitor(relay, HERE) as other:
            await silent.closed()
            await other.closed()
        assert penalties.counts(HERE, asyncio.get_running_loop().time())
        await wait_for(lambda: not relay.server.hub.entrance._sources)
        assert len(relay.server.hub.entrance) == 0


async def test_each_offence_has_its_price() -> None:
    async with crowded_relay() as relay:
        penalties, entrance = relay.server.hub.standing.penalties, relay.server.hub.entrance
        entrance._clocks = Clocks(lambda: 100.0, time.time)  # nothing decays
        claims = v2.Claims("a", AGENT, (), "raw", b"r" * 16)
        hello = envelope.to_frame(v2.ClientLogin(KEY, claims, v2.NO_TLS, b"c" * 32).hello())
        async with visitor(relay, "192.0.2.1"):
            await wait_for(lambda: "192.0.2.1" in {source.narrow for source in entrance._sources.values()})
        async with visitor(relay, "192.0.2.2") as raw:
            raw.send(hello)
            assert (await raw.receive()).hsp.HasField("challenge")
        async with visitor(relay, "192.0.2.3") as raw:
            raw.send(b"\x00\x01\x00\x00\x00\x00\xff")
            await raw.closed()
        async with visitor(relay, "192.0.2.4") as honest:
            await honest.log_in("h")
        await wait_for(lambda: not entrance._sources)
        offences = [Offence.SILENT, Offence.BROKE_OFF, Offence.REFUSED]
        found = [penalties.seconds(f"192.0.2.{number}", 100.0) for number in (1, 2, 3, 4)]
        assert found == [*(offence.value for offence in offences), 0]


async def test_who_logs_in_is_remembered_over_a_restart(tmp_path: Path) -> None:
    state = StateDir.at(tmp_path)
    async with crowded_relay(state=state) as relay, visitor(relay, HERE) as one, visitor(relay, HERE) as two:
        await one.log_in("one")
        await two.log_in("two")
    assert HERE in (state.read(FILE) or b"").decode()
    async with crowded_relay(queue=64, state=state) as relay, contextlib.AsyncExitStack() as stack:
        assert relay.server.hub.standing.remembered.clients(HERE) == 2
        for _ in range(100):
            await stack.enter_async_context(visitor(relay, ELSEWHERE))
        back = [await stack.enter_async_context(visitor(relay, HERE)) for _ in range(2)]
        for number, raw in enumerate(back):
            await raw.log_in(f"back-{number}")


async def test_a_file_of_networks_that_cannot_be_read_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()
    async with crowded_relay(state=StateDir.at(tmp_path)) as relay, visitor(relay, HERE) as raw:
        await raw.log_in("a")


@pytest.mark.parametrize("proxied", [True, False])
async def test_the_header_is_required_of_proxies_and_refused_of_others(
    proxied: bool, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        async with running_relay(trusted_proxies=PROXIES if proxied else ()) as relay:
            for _ in range(2):
                async with Raw.connect(relay) as raw:
                    raw.send(b"\x00\x01\x00" if proxied else header(HERE))
                    await raw.closed()
            async with visitor(relay, HERE) if proxied else Raw.connect(relay) as raw:
                await raw.log_in("a")
    said = [record.getMessage() for record in caplog.records]
    assert len([text for text in said if "say --trusted-proxy" in text]) == (not proxied)
    assert any(f"logged in from {HERE}:40000 (through 127.0.0.1:" in text for text in said) == proxied


async def test_a_header_in_pieces_and_one_with_the_login_behind_it() -> None:
    async with crowded_relay() as relay, Raw.connect(relay) as raw:
        for byte in header(HERE):
            raw.send(bytes((byte,)))
            await asyncio.sleep(0)
        await raw.log_in("a")
        source = next(iter(relay.server.hub.entrance._sources.values()))
        assert (source.narrow, source.is_exempt) == (HERE, False)


async def test_loopback_is_exempt_unless_it_is_a_proxy() -> None:
    for proxies, exempt in ((PROXIES, False), ((), True)):
        async with running_relay(trusted_proxies=proxies) as relay, Raw.connect(relay):
            entrance = relay.server.hub.entrance
            await wait_for(entrance._sources.copy)
            assert next(iter(entrance._sources.values())).is_exempt is exempt
            assert (len(entrance.own_lobby), len(entrance.lobby)) == ((1, 0) if exempt else (0, 1))


async def test_more_than_a_hello_at_once_is_refused(tmp_path: Path) -> None:
    async with running_relay(tls_files(tmp_path)) as relay, Raw.connect(relay) as raw:
        raw.send(b"\x16\x03\x01" + bytes(100_000))
        await raw.closed()


async def test_who_gives_up_while_it_waits_is_gone_at_once_and_not_blamed(tmp_path: Path) -> None:
    async with crowded_relay(desk=1, tls=tls_files(tmp_path)) as relay, visitor(relay, HERE) as first:
        entrance = relay.server.hub.entrance
        entrance._clocks = Clocks(lambda: 0.0, time.time)  # so nobody stalls
        first.send(client_hello())
        assert await first._reader.read(1)  # it has its turn, and says no more
        async with visitor(relay, HERE) as second:
            second.send(client_hello())
            await wait_for(lambda: Stage.WAITING in entrance._stages.values())
            second.send(b"more")
        await wait_for(lambda: len(entrance) == 1)
        assert Stage.SPEAKING in entrance._stages.values()
        assert len(relay.server.hub.standing.penalties) == 0


async def test_whose_turn_begins_when_another_logs_in_does_not_write_over_the_others_bytes() -> None:
    """All connections share the memory that they read into."""
    async with crowded_relay(desk=1) as relay, visitor(relay, HERE) as first, visitor(relay, HERE) as second:
        entrance = relay.server.hub.entrance
        entrance._clocks = Clocks(lambda: 0.0, time.time)  # so nobody stalls
        client = v2.ClientLogin(KEY, v2.Claims("a", AGENT, (), "raw", b"r" * 16), v2.NO_TLS, b"c" * 32)
        first.send(envelope.to_frame(client.hello()))
        proof = client.receive(await first.receive())
        assert proof is not None
        claims = v2.Claims("b" * 40, AGENT, ("a long hello",), "raw" * 8, b"r" * 16)
        second.send(envelope.to_frame(v2.ClientLogin(KEY, claims, v2.NO_TLS, b"c" * 32).hello()))
        await wait_for(lambda: Stage.WAITING in entrance._stages.values())
        ping = Msg(type=MsgType.ping, from_id="a", to=RELAY_ID, ping=Ping(nonce=4711))
        first.send(envelope.to_frame(proof) + envelope.to_frame(ping))
        client.receive(await first.receive())
        assert (await first.receive()).ping.nonce == 4711
        assert (await second.receive()).hsp.HasField("challenge")


async def test_a_wrong_secret_is_blamed(tmp_path: Path) -> None:
    async with crowded_relay() as relay, visitor(relay, HERE) as raw:
        claims = v2.Claims("a", AGENT, (), "raw", b"r" * 16)
        client = v2.ClientLogin(LoginKey(b"x" * 32), claims, v2.NO_TLS, b"c" * 32)
        raw.send(envelope.to_frame(client.hello()))
        proof = client.receive(await raw.receive())
        assert proof is not None
        raw.send(envelope.to_frame(proof))
        assert (await raw.receive()).hsp.refusal.code == Refusal.WRONG_SECRET
        await raw.closed()
        await wait_for(lambda: len(relay.server.hub.standing.penalties) == 1)
