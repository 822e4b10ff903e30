"""Forwards whose agent, link or port is gone for a while, and what their clients see of it."""

import asyncio
import contextlib
import socket
from pathlib import Path

import pytest

from natpass_tui.links.forward import forwards as module
from natpass_tui.links.forward.account import Carried
from natpass_tui.links.forward.forwards import Forwards
from natpass_tui.links.forward.local import LocalConnection
from natpass_tui.links.forward.rows import ForwardState
from natpass_wire.channels.events import Endpoint
from tests.support.memory_link import MemoryLink
from tests.support.peers import Peer, Target
from tests.support.waiting import wait_for
from tests.tui.links.forward.agent_double import forwarding, rule

pytestmark = pytest.mark.both_loops


@pytest.mark.usefixtures("quick")
async def test_a_lost_agent_resets_all_and_all_begins_again_when_it_is_back() -> None:
    with contextlib.closing(Target()) as target:
        rules = rule("L", f"0:127.0.0.1:{target.port}"), rule("R", f"0:127.0.0.1:{target.port}"), rule("D", "0")
        async with forwarding(*rules) as (world, forwards):
            address = forwards.rows()[0].address
            client = await Peer.to(address)
            await target.accept()
            world.away = "web1 is away"
            world.agents[0].lost()
            with contextlib.closing(client), pytest.raises(ConnectionResetError):
                await client.read_all()
            await wait_for(lambda: forwards.waiting == "web1 is away", "a reason")
            assert [row.state for row in forwards.rows()] == [ForwardState.WAITING] * 3
            with pytest.raises(ConnectionRefusedError):
                await Peer.to(address)
            later = rule("L", f"127.0.0.2:0:127.0.0.1:{target.port}")
            await forwards.add(later)
            assert forwards.rows()[-1].state is ForwardState.WAITING
            world.away = ""
            forwards.agent_there()
            listening = [ForwardState.LISTENING] * 4
            await wait_for(lambda: [row.state for row in forwards.rows()] == listening, "all rules")
            assert forwards.waiting == ""
            for row in forwards.rows()[:2]:
                client = await Peer.to(row.address)
                there = await target.accept()
                await client.send(b"again")
                assert await there.read(5) == b"again"
                client.reset()


async def test_out_of_reach_new_connections_are_refused_and_open_ones_go_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with contextlib.closing(Target()) as target:
        rules = [
            rule("L", f"0:127.0.0.1:{target.port}"),
            rule("D", "0"),
            rule("L", f"{tmp_path / 'here'}:127.0.0.1:{target.port}"),
            rule("U", "0:127.0.0.1:9"),
            rule("R", f"0:127.0.0.1:{target.port}"),
        ]
        async with forwarding(*rules) as (world, forwards):
            link = world.agents[0].channels.link
            assert isinstance(link, MemoryLink)
            addresses = [row.address for row in forwards.rows()]
            opened = await Peer.to(addresses[0])
            there = await target.accept()
            await opened.send(b"before")
            assert await there.read(6) == b"before"
            await wait_for(lambda: all(each.is_open for each in carried(forwards)), "it is open")
            link.other.detach("the connection was lost")  # not for long: all listen
            waits = [await Peer.to(address) for address in addresses[:3]]
            await wait_for(lambda: sum(row.open for row in forwards.rows()) == 4, "all connections")
            link.other.attach()
            assert forwards.waiting == ""
            assert [row.state for row in forwards.rows()] == [ForwardState.LISTENING] * 5
            for _ in range(2):  # the proxy's has said nothing yet
                await target.accept()
            for client in waits:
                client.reset()
            await wait_for(lambda: forwards.rows()[0].open == 1, "their ends")
            monkeypatch.setattr(module, "AWAY_SECONDS", 0.0)
            link.other.detach("the agent is gone")
            await wait_for(lambda: forwards.waiting == "the agent is gone", "the rest")
            assert [(row.state, row.why) for row in forwards.rows()] == [(ForwardState.WAITING, forwards.waiting)] * 5
            assert not (tmp_path / "here").exists()
            for address in addresses[:2]:
                with pytest.raises(ConnectionRefusedError):
                    await Peer.to(address)
            later = rule("L", f"127.0.0.2:0:127.0.0.1:{target.port}")
            await forwards.add(later)
            assert forwards.rows()[-1].state is ForwardState.WAITING
            await opened.send(b"meanwhile")
            link.other.attach()
            await wait_for(lambda: {row.state for row in forwards.rows()} == {ForwardState.LISTENING}, "all rules")
            assert forwards.waiting == ""
            assert [row.address for row in forwards.rows()][:5] == addresses
            assert await there.read(9) == b"meanwhile"
            for address in (addresses[0], addresses[2], addresses[4], forwards.rows()[-1].address):
                client = await Peer.to(address)
                await (await target.accept()).send(b"!")
                assert await client.read(1) == b"!"
                client.reset()
            opened.reset()
            assert len(world.agents) == 1


def carried(forwards: Forwards) -> list[Carried]:
    return [each for listener in forwards._listeners.values() for each in listener.account._open]


async def test_a_connection_whose_target_is_not_connected_ends_when_the_agent_is_out_of_reach(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "AWAY_SECONDS", 0.0)
    async with forwarding(rule("L", "0:127.0.0.1:9")) as (world, forwards):
        link = world.agents[0].channels.link
        assert isinstance(link, MemoryLink)
        link.other.stop()  # the agent has stopped, and nobody knows
        client = await Peer.to(forwards.rows()[0].address)
        await wait_for(lambda: forwards.rows()[0].open == 1, "the connection")
        link.other.detach("the agent is gone")
        with contextlib.closing(client), pytest.raises(ConnectionResetError):
            await client.read_all()
        assert world.told == ["-L 0:127.0.0.1:9: 127.0.0.1:9: the agent is gone"]
        link.other.attach()


async def test_a_connection_that_was_accepted_as_its_rule_ended_is_reset() -> None:
    async with forwarding(rule("L", "0:127.0.0.1:9")) as (_, forwards):
        listener = next(iter(forwards._listeners.values()))
        channels = forwards._link
        assert channels is not None
        listener.rest("the agent is gone")
        here, there = socket.socketpair()
        late = LocalConnection(channels, listener.account, Endpoint("127.0.0.1", 9))
        await asyncio.get_running_loop().connect_accepted_socket(lambda: late, there)
        with contextlib.closing(Peer(here)) as client:
            assert await client.read_all() == b""
        assert (forwards.rows()[0].total, len(channels)) == (0, 0)


@pytest.mark.usefixtures("quick")
async def test_the_end_of_a_link_is_no_error_of_its_rules() -> None:
    with contextlib.closing(Target()) as target, contextlib.closing(socket.socket(type=socket.SOCK_DGRAM)) as client:
        rules = rule("R", f"0:127.0.0.1:{target.port}"), rule("U", "0:127.0.0.1:9"), rule("L", "0:127.0.0.1:9")
        async with forwarding(*rules) as (world, forwards):
            host, port = forwards.rows()[1].address.rsplit(":", 1)
            client.sendto(b"x", (host, int(port)))
            await wait_for(lambda: world.agents[0].flows, "the flow")
            world.agents[0].lost()
            await wait_for(lambda: len(world.agents) == 2, "another link")
            await wait_for(lambda: all(row.state is ForwardState.LISTENING for row in forwards.rows()), "all rules")
            assert world.told == []


@pytest.mark.usefixtures("quick")
async def test_a_rule_with_port_0_keeps_its_port_when_the_agent_is_back() -> None:
    async with forwarding(rule("L", "0:a:1"), rule("U", "0:a:1")) as (world, forwards):
        before = [row.address for row in forwards.rows()]
        world.agents[0].lost()
        await wait_for(lambda: len(world.agents) == 2, "another link")
        await wait_for(lambda: all(row.state is ForwardState.LISTENING for row in forwards.rows()), "all rules")
        assert [row.address for row in forwards.rows()] == before


@pytest.mark.usefixtures("quick")
async def test_a_port_that_was_taken_meanwhile_is_tried_again() -> None:
    async with forwarding(rule("L", "0:a:1")) as (world, forwards):
        address = forwards.rows()[0].address
        world.away = "away"
        world.agents[0].lost()
        await wait_for(lambda: forwards.waiting == "away", "the loss")
        with contextlib.closing(socket.socket()) as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            other.bind(("127.0.0.1", int(address.rpartition(":")[2])))
            other.listen()
            world.away = ""
            await wait_for(lambda: forwards.rows()[0].state is ForwardState.FAILED, "the failure")
            assert "Address already in use" in forwards.rows()[0].last_error
        await wait_for(lambda: forwards.rows()[0].state is ForwardState.LISTENING, "the port")
        assert forwards.rows()[0].address == address
