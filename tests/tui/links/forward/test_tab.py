"""A tab of forwards without a screen: one link with the tab's life, and rules that listen while it is open."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from natpass_tui.links.forward import tab as module
from natpass_tui.links.forward.rules import ForwardRule
from natpass_tui.links.forward.tab import ForwardTab
from natpass_tui.links.life import Live, Lost, TabRefused, Waiting
from natpass_tui.model.console import Console
from natpass_wire.errors import UserError
from natpass_wire.links import End
from natpass_wire.pb.link_pb2 import ConnectResponse, LinkEnd
from tests.support.peers import Peer, Target
from tests.support.waiting import wait_for
from tests.tui.fakes import FakeClient, make_console
from tests.tui.links.forward.agent_double import World, rule, unused_port
from tests.tui.links.forward.serving import serve

pytestmark = pytest.mark.both_loops


@dataclass
class Opened:
    """A tab, and what is behind it."""

    tab: ForwardTab
    console: Console
    client: FakeClient
    world: World
    changes: list[str]

    def address(self, number: int = 0) -> str:
        row = self.tab.lines()[number].row
        return row.address if row is not None else ""

    def states(self) -> list[str]:
        return [line.state for line in self.tab.lines()]


@contextlib.asynccontextmanager
async def opened(*offered: ForwardRule, log_in: bool = True) -> AsyncIterator[Opened]:
    console, client = make_console()
    world = serve(client)
    if log_in:
        client.log_in()
    changes: list[str] = []
    tab = ForwardTab(console, "web", offered, on_change=lambda: changes.append(tab.mark), clock=console.clock)
    console.tabs.add(tab)
    tab.begin()
    try:
        if log_in:
            await wait_for(lambda: isinstance(tab.state, Live))
        yield Opened(tab, console, client, world, changes)
    finally:
        await console.close()
        for agent in world.agents:
            await agent.running
            await agent.tasks.close()


def is_free(address: str) -> bool:
    """Tell whether nobody listens at an address."""
    host, _, port = address.rpartition(":")
    with contextlib.closing(socket.socket()) as sock:
        return sock.connect_ex((host, int(port))) != 0


async def test_the_tabs_link_carries_its_connections() -> None:
    with contextlib.closing(Target()) as target:
        async with opened() as on:
            await on.tab.add(rule("L", f"0:localhost:{target.port}"))
            assert on.states() == ["listening"]
            client = await Peer.to(on.address())
            there = await target.accept()
            await client.send(b"hello")
            assert await there.read(5) == b"hello"
            assert len(on.world.agents) == 1
            assert (on.tab.open_count, on.tab.has_work) == (1, True)
            assert (
                on.tab.closing == "1 connection is open through the forwards to web. Closing the tab ends all forwards."
            )
            [shown] = on.tab.connections(on.tab.lines()[0].rule)
            assert shown.row.target == f"localhost:{target.port}"
            client.close()


async def test_a_tab_without_connections_is_closed_without_a_question_and_its_port_is_free() -> None:
    async with opened() as on:
        await on.tab.add(rule("L", "0:localhost:9"))
        address = on.address()
        assert not is_free(address)
        assert not on.tab.has_work
        await on.tab.closed()
        assert is_free(address)
        assert on.world.agents[0].channels.link.end is not None


async def test_rules_of_the_config_file_are_offered_until_they_run() -> None:
    mine, other = rule("L", "0:localhost:9"), rule("D", "0")
    async with opened(mine, other) as on:
        assert on.states() == ["in tui.toml", "in tui.toml"]
        await on.tab.add(mine)
        assert on.states() == ["listening", "in tui.toml"]
        on.tab.remove(mine)
        assert on.states() == ["in tui.toml", "in tui.toml"]


async def test_a_port_that_is_taken_is_told_and_nothing_is_left() -> None:
    async with opened() as on:
        await on.tab.add(rule("L", "0:localhost:9"))
        with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as server:
            taken = rule("L", f"127.0.0.1:{server.getsockname()[1]}:localhost:9")
            with pytest.raises(UserError, match="cannot listen at"):
                await on.tab.add(taken)
        assert on.states() == ["listening"]


async def test_traffic_is_marked_while_it_flows(monkeypatch: pytest.MonkeyPatch) -> None:
    with contextlib.closing(Target()) as target:
        async with opened() as on:
            await on.tab.add(rule("L", f"0:localhost:{target.port}"))
            on.tab.look(in_sight=False)
            assert on.tab.mark == ""
            client = await Peer.to(on.address())
            there = await target.accept()
            await client.send(b"x" * 1000)
            await there.read(1000)
            on.tab.look(in_sight=False)
            assert on.tab.mark == "⇅"
            assert on.changes[-1] == "⇅"
            monkeypatch.setattr(module, "BUSY_SECONDS", 0.0)
            await client.send(b"x" * 1000)
            await there.read(1000)
            on.tab.look(in_sight=False)
            assert on.tab.lines()[0].rate.sent > 0
            assert on.tab.mark == ""
            client.close()


async def test_an_error_is_marked_until_it_is_seen() -> None:
    with unused_port() as port:
        async with opened() as on:
            await on.tab.add(rule("L", f"0:127.0.0.1:{port}"))
            client = await Peer.to(on.address())
            with contextlib.suppress(ConnectionResetError):
                assert await client.read(1) == b""
            client.close()
            await wait_for(lambda: on.tab.lines()[0].error)
            on.tab.look(in_sight=False)
            assert on.tab.mark == "!"
            on.tab.look(in_sight=True)
            assert on.tab.mark == ""
            on.tab.look(in_sight=False)
            assert on.tab.mark == ""


async def test_rules_come_back_with_the_agent() -> None:
    async with opened() as on:
        await on.tab.add(rule("L", "0:localhost:9"))
        on.world.agents[0].channels.link.close("the agent is gone", LinkEnd.PEER_GONE)
        await wait_for(lambda: isinstance(on.tab.state, Lost))
        await wait_for(lambda: on.states() == ["waiting"])
        assert on.tab.mark == "!"
        on.tab.agent_there()
        await wait_for(lambda: on.states() == ["listening"])
        assert isinstance(on.tab.state, Live)
        assert len(on.world.agents) == 2
        assert not is_free(on.address())


async def test_rules_added_without_a_relay_begin_once_there_is_a_link_and_one_that_can_not_stops_no_other() -> None:
    async with opened(log_in=False) as on:
        assert isinstance(on.tab.state, Waiting)
        with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as server:
            await on.tab.add(rule("L", f"127.0.0.1:{server.getsockname()[1]}:localhost:9"))
            await on.tab.add(rule("L", "0:localhost:9"))
            assert on.states() == ["waiting", "waiting"]
            on.client.log_in()
            await wait_for(lambda: on.states() == ["failed", "listening"])
            assert "cannot listen at" in on.tab.lines()[0].error
            assert not is_free(on.address(1))


async def test_a_refusal_is_told_with_its_reason_and_enter_tries_again() -> None:
    async with opened(log_in=False) as on:
        on.client.answer = lambda _: End(
            LinkEnd.FAILED, "forwards are not allowed for this key", reason=ConnectResponse.REFUSED
        )
        on.client.log_in()
        await wait_for(lambda: isinstance(on.tab.state, TabRefused))
        assert on.tab.banner("ctrl+]") == (
            "no forward to web: forwards are not allowed for this key — Enter tries again, ctrl+] x: close"
        )
        on.client.answer = lambda _: None
        on.tab.retry()
        await wait_for(lambda: isinstance(on.tab.state, Live))


async def test_many_changes_are_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SOON_SECONDS", 0.0)
    async with opened() as on:
        told: list[float] = []
        on.tab.on_rows = lambda: told.append(asyncio.get_running_loop().time())
        for _ in range(100):
            on.tab._forwards_changed()
        await wait_for(lambda: told)
        await asyncio.sleep(0)
        assert len(told) == 1
