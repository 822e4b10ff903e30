"""The proxy: all dialects at one port, with real sockets; the agent resolves names."""

import contextlib

import pytest

from natpass_tui.links.forward import dynamic
from tests.support.peers import Peer, Target
from tests.support.waiting import wait_for
from tests.tui.links.forward.agent_double import World, forwarding, rule, settled, unused_port

pytestmark = pytest.mark.both_loops


def _asks(dialect: str, port: int) -> tuple[bytes, bytes]:
    """Return a request for localhost, and the first bytes of the answers to it."""
    number = port.to_bytes(2, "big")
    return {
        "socks5": (b"\x05\x01\x00\x05\x01\x00\x03\x09localhost" + number, b"\x05\x00\x05"),
        "socks4a": (b"\x04\x01" + number + b"\0\0\0\1me\0localhost\0", b"\x00"),
        "http": (f"CONNECT localhost:{port} HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n".encode(), b"HTTP/1.1 "),
    }[dialect]


@pytest.mark.parametrize("dialect", ["socks5", "socks4a", "http"])
async def test_a_client_reaches_a_name_beyond_the_agent(dialect: str) -> None:
    with contextlib.closing(Target()) as target:
        async with forwarding(rule("D", "0")) as (_, forwards):
            client = await Peer.to(forwards.rows()[0].address)
            ask, answer = _asks(dialect, target.port)
            await client.send(ask + b"early")
            there = await target.accept()
            assert await there.read(5) == b"early"
            assert (await client.read(len(answer))) == answer
            assert forwards.connections()[0].target == f"localhost:{target.port}"
            await there.send(b"down")
            there.end()
            assert (await client.read_all()).endswith(b"down")
            await client.send(b"up")
            client.end()
            assert await there.read_all() == b"up"
            await settled(forwards)
            row = forwards.rows()[0]
            assert (row.sent, row.received) == (7, 4)
            client.close()


@pytest.mark.parametrize(
    ("dialect", "answer"),
    [("socks5", b"\x05\x00\x05\x05\x00\x01" + bytes(6)), ("socks4a", b"\0\x5b" + bytes(6)), ("http", b"HTTP/1.1 502 ")],
)
async def test_a_client_hears_that_the_target_refuses(dialect: str, answer: bytes) -> None:
    with unused_port() as port:
        async with forwarding(rule("D", "0")) as (_, forwards):
            client = await Peer.to(forwards.rows()[0].address)
            await client.send(_asks(dialect, port)[0])
            assert (await client.read_all()).startswith(answer)
            await settled(forwards)
            assert forwards.rows()[0].last_error == f"localhost:{port}: connection refused"
            client.close()


async def test_what_is_no_request_ends_with_a_reason() -> None:
    async with forwarding(rule("D", "0")) as (world, forwards):
        client = await Peer.to(forwards.rows()[0].address)
        await client.send(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
        assert (await client.read_all()).startswith(b"HTTP/1.1 400 ")
        await settled(forwards)
        assert "neither SOCKS nor HTTP" in forwards.rows()[0].last_error
        client.close()
        for left in (b"", b"\x05"):
            client = await Peer.to(forwards.rows()[0].address)
            await client.send(left)
            await wait_for(lambda: forwards.rows()[0].open, "the connection")
            client.end()
            await settled(forwards)
            client.close()
        assert not len(world.agents[0].channels)


async def test_a_client_that_asks_for_nothing_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dynamic, "SECONDS", 0.01)
    async with forwarding(rule("D", "0")) as (_, forwards):
        client = await Peer.to(forwards.rows()[0].address)
        assert await client.read_all() == b""
        await settled(forwards)
        assert "asks for nothing" in forwards.rows()[0].last_error
        client.close()


async def test_clients_that_ask_for_nothing_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dynamic, "MOST_OF_LISTENER", 3)
    async with forwarding(rule("D", "0")) as (_, forwards), contextlib.AsyncExitStack() as stack:
        for _ in range(3):
            stack.enter_context(contextlib.closing(await Peer.to(forwards.rows()[0].address)))
        await wait_for(lambda: forwards.rows()[0].open == 3, "three clients")
        with (
            contextlib.closing(await Peer.to(forwards.rows()[0].address)) as fourth,
            pytest.raises(ConnectionResetError),
        ):
            await fourth.read_all()


async def test_clients_that_wait_end_with_the_agent() -> None:
    world = World()
    async with forwarding(rule("D", "0"), world=world) as (_, forwards):
        client = await Peer.to(forwards.rows()[0].address)
        await client.send(b"\x05\x01\x00")
        assert await client.read(2) == b"\x05\x00"
        world.away = "away"
        world.agents[0].lost()
        with contextlib.closing(client), pytest.raises(ConnectionResetError):
            await client.read_all()
