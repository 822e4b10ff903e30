"""What an agent's log and status say of links whose consoles go away, and how its own machine ends them."""

import logging
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from natpass_agent import control
from natpass_agent.agent import Agent
from natpass_agent.links.kind import KindServer, Limits
from natpass_agent.links.shell import KIND
from natpass_agent.links.shell.server import ShellServer
from natpass_agent.platform import programs, pty
from natpass_agent.platform.host import HostFacts
from natpass_agent.status import AgentStatus
from natpass_wire.aio.link import Link, LinkEndedError
from natpass_wire.errors import UserError
from natpass_wire.links import End
from natpass_wire.pb.link_pb2 import ConnectRequest, ConnectShell, LinkEnd
from tests.agent.processes import is_gone
from tests.support.relay import AGENT, CONSOLE, TestClient, running_relay
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.programs, pytest.mark.both_loops]

CAT = ConnectRequest(name="test", kind=ConnectRequest.shell, cshell=ConnectShell(exec="cat"))


class Stage:
    """An agent that serves real shells, and a console with one."""

    def __init__(self, agent: Agent, console: TestClient, shell: Link) -> None:
        self.agent = agent
        self.console = console
        self.shell = shell

    async def command(self, name: str, **arguments: object) -> Mapping[str, Any]:
        return await control.handlers(self.agent)[name](arguments)

    async def status(self) -> AgentStatus:
        return AgentStatus.from_json(await self.command("status"))


@asynccontextmanager
async def stage(keep_seconds: float = 60.0, kinds: Sequence[KindServer] | None = None) -> AsyncIterator[Stage]:
    async with running_relay() as relay:
        agent = Agent(
            relay.target("box", AGENT), kinds=kinds, facts=HostFacts("h", "o", "u"), keep_seconds=keep_seconds
        )
        relay.tasks.start(agent.run(), "agent")
        await agent.client.online()
        console = await relay.join("tui-1", CONSOLE)
        yield Stage(agent, console, await console.client.open_link("box", CAT))


@pytest.fixture(autouse=True)
def _log_level(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


def gone_for_good(console: TestClient) -> None:
    """Have a console be killed: it comes back never."""
    console.client.retry_now = lambda: None  # type: ignore[method-assign]  # it does not connect again
    console.client.streams.online = lambda connection: None  # type: ignore[method-assign]  # nor resume
    console.connection._socket.abort()


async def test_a_link_is_attached_with_its_program_and_its_console() -> None:
    async with stage() as there:
        status = await there.status()
        assert (status.agent, status.is_connected) == ("box", True)
        (link,) = status.links
        assert (link.kind, link.console, link.state) == ("shell", "tui-1", "attached")
        assert link.program is not None
        assert link.program.endswith("/cat")
        assert link.pid is not None
        assert not is_gone_pid(link.pid)
        assert link.key is not None
        assert link.key.startswith("SHA256:")


def is_gone_pid(pid: int) -> bool:
    import psutil

    return not psutil.pid_exists(pid) or is_gone(psutil.Process(pid))


async def test_a_console_that_comes_back_is_two_lines_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async with stage() as there:
        name = (await there.status()).links[0].id
        there.console.connection._socket.abort()
        await wait_for(lambda: f"shell {name} of tui-1" in caplog.text and "is out of reach" in caplog.text)
        assert "kept for 60 s" in caplog.text
        there.console.client.retry_now()
        await wait_for(lambda: "goes on after" in caplog.text)
        assert (await there.status()).links[0].state == "attached"


async def test_a_console_that_comes_and_goes_all_the_time_does_not_fill_the_log(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("natpass_agent.served.MOST_LINES", 3)
    monkeypatch.setattr("natpass_wire.strangers.SUMMARY_SECONDS", 0.0)
    async with stage() as there:
        (served,) = there.agent.links.all

        async def come_and_go() -> None:
            there.console.connection._socket.abort()
            await wait_for(lambda: served.detached_at is not None)
            there.console.client.retry_now()
            await wait_for(lambda: served.detached_at is None)

        for _ in range(6):
            await come_and_go()
        assert caplog.text.count("is out of reach") == caplog.text.count("goes on after") == 3
        there.agent.tick()
        key = (await there.status()).links[0].key
        assert re.search(rf"consoles are out of reach: 3 times more from key {re.escape(str(key))} in ", caplog.text)
        await come_and_go()
        assert caplog.text.count("goes on after") == 4


async def test_the_link_of_a_console_that_stays_away_is_ended_in_time_and_the_log_says_all_of_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with stage(keep_seconds=1.0) as there:
        pid = (await there.status()).links[0].pid
        assert pid is not None
        gone_for_good(there.console)
        await wait_for(lambda: not list(there.agent.links))
        assert "is out of reach" in caplog.text
        assert "has ended: its opener did not come back within 1 s" in caplog.text
        assert is_gone_pid(pid)
        assert (await there.status()).links == ()


async def test_a_kind_may_keep_its_links_for_less(caplog: pytest.LogCaptureFixture) -> None:
    class Brief(ShellServer):
        kind = replace(KIND, limits=Limits(keep_seconds=1.0))

    kinds = [Brief(pty.service(), programs.programs("box", ()))]
    async with stage(kinds=kinds) as there:
        there.console.connection._socket.abort()
        await wait_for(lambda: "is out of reach" in caplog.text)
        assert "kept for 1 s" in caplog.text
        there.console.client.retry_now()
        await wait_for(lambda: "goes on after" in caplog.text)
        gone_for_good(there.console)
        await wait_for(lambda: not list(there.agent.links))
        assert "has ended: its opener did not come back within 1 s" in caplog.text


async def test_a_link_is_ended_by_its_name_and_its_console_is_told(caplog: pytest.LogCaptureFixture) -> None:
    async with stage() as there:
        (link,) = (await there.status()).links
        for wrong in (["0"], [link.id, "wxyz"], [7], "text"):
            with pytest.raises(UserError):
                await there.command("end", ids=wrong)
        assert len(list(there.agent.links)) == 1  # a wrong name ends nothing
        (ended,) = (await there.command("end", ids=[link.id, link.id]))["ended"]
        assert (ended["id"], ended["gone"]) == (link.id, True)
        assert link.pid is not None
        assert is_gone_pid(link.pid)
        assert await there.shell.ended() == End(LinkEnd.CLOSED, control.ENDED)
        assert f"ending shell {link.id} of tui-1" in caplog.text
        with pytest.raises(LinkEndedError):
            await there.shell.receive()


async def test_all_detached_links_are_ended_and_no_other() -> None:
    async with stage() as there:
        assert (await there.command("end", detached=True))["ended"] == []
        other = await there.console.client.open_link("box", CAT)
        gone_for_good(there.console)
        await wait_for(lambda: len(there.agent.links.detached) == 2)
        assert len((await there.command("end", detached=True))["ended"]) == 2
        assert list(there.agent.links) == []
        assert other.end is None  # it was not told yet


async def test_how_the_agent_stands_with_its_relay() -> None:
    async with running_relay() as relay:
        agent = Agent(relay.target("box", AGENT), kinds=[], facts=HostFacts("h", "o", "u"))
        assert not agent.status().is_connected
        relay.tasks.start(agent.run(), "agent")
        await agent.client.online()
        await wait_for(lambda: agent.status().is_connected)
        await relay.server.stop()
        await wait_for(lambda: not agent.status().is_connected)
        assert agent.status().relay_reason
