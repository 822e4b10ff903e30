"""Datagrams: one flow for each source, never merged, over after a time without any."""

import asyncio
import contextlib
import secrets
import socket

import pytest

from natpass_tui.links.forward import datagrams
from natpass_wire.channels.mux import MAX_DATAGRAM
from tests.support.peers import HOST
from tests.support.waiting import PATIENCE, wait_for
from tests.tui.links.forward.agent_double import World, forwarding, rule

pytestmark = pytest.mark.both_loops


class Source:
    """A program that sends datagrams to a rule."""

    def __init__(self, address: str) -> None:
        self.sock = socket.socket(type=socket.SOCK_DGRAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.sock.setblocking(False)
        self.sock.connect((HOST, int(address.rpartition(":")[2])))

    def send(self, data: bytes) -> None:
        self.sock.send(data)

    async def read(self) -> bytes:
        async with asyncio.timeout(PATIENCE):
            return await asyncio.get_running_loop().sock_recv(self.sock, 1 << 17)

    def close(self) -> None:
        self.sock.close()


async def test_datagrams_come_back_whole_to_their_source() -> None:
    async with forwarding(rule("U", "0:dns:53")) as (world, forwards):
        address = forwards.rows()[0].address
        with contextlib.closing(Source(address)) as one, contextlib.closing(Source(address)) as other:
            for size in (0, 1, 512, 1472, 8192, MAX_DATAGRAM):
                data = secrets.token_bytes(size).lower()
                one.send(data)
                assert await one.read() == data.upper()
            other.send(b"a")
            other.send(b"b")
            assert [await other.read(), await other.read()] == [b"A", b"B"]
            row = forwards.rows()[0]
            assert (row.open, row.total) == (2, 2)
            assert len(world.agents[0].flows) == 2
            assert row.sent == row.received == 0 + 1 + 512 + 1472 + 8192 + MAX_DATAGRAM + 2
            assert {each.client for each in forwards.connections()} == {
                f"{HOST}:{each.sock.getsockname()[1]}" for each in (one, other)
            }


async def test_a_flow_is_over_after_a_time_without_datagrams() -> None:
    async with forwarding(rule("U", "0:dns:53"), idle=0.05) as (world, forwards):
        with contextlib.closing(Source(forwards.rows()[0].address)) as source:
            source.send(b"a")
            assert await source.read() == b"A"
            assert world.agents[0].idles == [0.05]  # or the agent ends it at a time of its own
            await wait_for(lambda: world.agents[0].flows[0].is_over, "the flow's end at the agent")
            assert forwards.rows()[0].open == 0
            assert forwards.rows()[0].last_error == ""
            source.send(b"b")
            assert await source.read() == b"B"
            assert (forwards.rows()[0].total, len(world.agents[0].flows)) == (2, 2)


async def test_the_flow_that_was_idle_longest_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datagrams, "MAX_FLOWS", 2)
    async with forwarding(rule("U", "0:dns:53")) as (world, forwards), contextlib.AsyncExitStack() as stack:
        address = forwards.rows()[0].address
        first, second, third = (stack.enter_context(contextlib.closing(Source(address))) for _ in range(3))
        for source in (first, second, first, third):
            source.send(b"x")
            assert await source.read() == b"X"
        await wait_for(lambda: world.agents[0].flows[1].is_over, "the second's end")
        assert not world.agents[0].flows[0].is_over
        assert forwards.rows()[0].open == 2


async def test_a_flow_that_the_agent_refuses_says_why() -> None:
    world = World()
    async with forwarding(rule("U", "0:dns:53"), world=world) as (_, forwards):
        world.refuses = "dns:53 is not allowed"
        with contextlib.closing(Source(forwards.rows()[0].address)) as source:
            source.send(b"a")
            await wait_for(lambda: forwards.rows()[0].last_error, "the reason")
            row = forwards.rows()[0]
            assert row.last_error == "dns:53: dns:53 is not allowed"
            assert row.open == 0
