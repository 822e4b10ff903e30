"""Sealed links through a real relay: what is not sealed is refused, and whoever has another key is nobody's peer."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from natpass_agent.agent import Agent
from natpass_agent.links.running import Running
from natpass_agent.links.shell import KIND
from natpass_agent.trust import SealedPeers
from natpass_tui.known_agents import KnownAgentsStore
from natpass_tui.model.console import Console
from natpass_tui.model.trust import PinnedAgents
from natpass_wire.aio import streams
from natpass_wire.aio.carrier import Carrier
from natpass_wire.aio.dial import RelayTarget
from natpass_wire.aio.link import IncomingLink, Link, LinkEndedError
from natpass_wire.aio.sealing import Sealing, TrustAll
from natpass_wire.aio.stream import Stream
from natpass_wire.identity.authorized import ALL, Rights
from natpass_wire.login.keys import LinkKey
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.link_pb2 import ConnectRequest, ConnectResponse
from natpass_wire.pb.shell_pb2 import ShellData
from natpass_wire.program.state import StateDir
from tests.support.relay import AGENT, CONSOLE, TestClient, TestRelay, running_relay
from tests.support.sealing import sealing
from tests.support.waiting import PATIENCE, patience, wait_for

pytestmark = pytest.mark.both_loops

SHELL = ConnectRequest(name="test", kind=ConnectRequest.shell)
OTHER_PSK = LinkKey(b"another secret's key another one")


def data(content: bytes) -> Msg:
    return Msg(type=MsgType.shell_data, sdata=ShellData(data=content))


async def says(link: Link, served: Link, content: bytes) -> None:
    """Check that `served` gets what is sent on `link`, and nothing else."""
    async with asyncio.timeout(patience()):
        await link.room()
        await link.send(data(content))
        assert (await served.receive()).sdata.data == content


def target(relay: TestRelay, name: str, role: int, seals: Sealing | None) -> RelayTarget:
    return replace(relay.target(name, role), sealing=seals)  # type: ignore[arg-type]


async def join(relay: TestRelay, name: str, role: int, seals: Sealing | None) -> TestClient:
    client = relay.run(target(relay, name, role, seals))
    await client.client.online()
    return client


async def reconnect(client: TestClient, seals: Sealing | None) -> None:
    """Have a client log in again, and seal its links in another way from then on."""
    client.client.target = replace(client.client.target, sealing=seals)
    before = client.connection
    before._socket.abort()
    await wait_for(lambda: client.client.connection not in {None, before}, "the next login")


class Shells:
    """Serves shells: accepts them all."""

    kind = KIND

    def __init__(self) -> None:
        self.links: list[IncomingLink] = []

    def running(self, link: Link) -> Running | None:
        return None

    async def serve(self, link: IncomingLink, request: ConnectRequest, rights: Rights = ALL) -> None:
        self.links.append(link)
        link.accept()
        await link.ended()


@asynccontextmanager
async def agent_of(relay: TestRelay, *, allow_unsealed: bool) -> AsyncIterator[tuple[Agent, Shells]]:
    """Have the agent's own half of the promise: what it does about plain links."""
    shells = Shells()
    seals = sealing(trust=SealedPeers())
    agent = Agent(target(relay, "agent", AGENT, seals), kinds=[shells], allow_unsealed=allow_unsealed)
    running = relay.tasks.start(agent.run(), "agent")
    await agent.client.online()
    yield agent, shells
    running.cancel()
    await asyncio.wait([running])


async def refused(console: TestClient, *, plain: bool) -> str:
    """Return the text with which a link to the agent is refused."""
    with pytest.raises(LinkEndedError) as caught:
        await console.client.open_link("agent", SHELL, plain=plain)
    assert caught.value.end.reason == ConnectResponse.REFUSED
    return caught.value.end.text


@pytest.mark.parametrize("plain", [False, True], ids=["stream", "plain link"])
async def test_nothing_is_served_unsealed_unless_it_is_allowed(plain: bool, caplog: pytest.LogCaptureFixture) -> None:
    async with running_relay() as relay, agent_of(relay, allow_unsealed=False) as (_, shells):
        console = await join(relay, "console", CONSOLE, None)
        assert "only sealed links" in (text := await refused(console, plain=plain)) or "sealed links only" in text
        assert not shells.links
        assert any("refused a" in line and "console" in line for line in caplog.messages)


@pytest.mark.parametrize("plain", [False, True], ids=["stream", "plain link"])
async def test_what_is_allowed_unsealed_is_in_the_log_with_who_it_was(
    plain: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async with running_relay() as relay, agent_of(relay, allow_unsealed=True) as (_, shells):
        console = await join(relay, "console", CONSOLE, None)
        link = await console.client.open_link("agent", SHELL, plain=plain)
        assert link.peer_key is None
        assert [served.peer_key for served in shells.links] == [None]
        warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
        assert "console opens an unsealed shell link" in warnings
        link.close()


@pytest.mark.parametrize("plain", [False, True], ids=["stream", "plain link"])
async def test_who_has_sealed_once_is_not_served_unsealed_afterwards(plain: bool) -> None:
    async with running_relay() as relay, agent_of(relay, allow_unsealed=True) as (_, shells):
        console = await join(relay, "console", CONSOLE, sealing())
        link = await console.client.open_link("agent", SHELL)
        assert link.peer_key is not None
        link.close()
        await console.client.settled(PATIENCE)
        await reconnect(console, None)
        assert await refused(console, plain=plain)
        assert len(shells.links) == 1


async def test_a_console_never_speaks_unsealed_to_whom_it_has_pinned(tmp_path: Path) -> None:
    """Neither because the roster says so, nor because it would be allowed."""
    async with running_relay() as relay:
        agent = await join(relay, "agent", AGENT, sealing())
        trust = PinnedAgents(KnownAgentsStore(StateDir.at(tmp_path), str(relay.address)))
        console = Console(target(relay, "console", CONSOLE, sealing(trust=trust)), allow_unsealed=True)
        relay.tasks.start(console.run(), "console")
        await console.first_login()
        agent.about("host")  # without streams: an existing program's
        await wait_for(lambda: "agent" in console.fleet.ids)
        link = await console._client.open_link("agent", SHELL)
        assert trust.is_sealed("agent")
        assert (await console.open_link("agent", SHELL)).peer_key == link.peer_key
        await reconnect(agent, None)
        with pytest.raises(LinkEndedError) as caught:
            await console.open_link("agent", SHELL)
        assert "sealed links" in caught.value.end.text
        assert len(agent.links) == 2


async def test_a_stream_goes_on_at_the_agent_for_the_key_that_opened_it_only() -> None:
    async with running_relay() as relay:
        agent = await join(relay, "agent", AGENT, sealing())
        own = sealing()
        console = await join(relay, "console", CONSOLE, own)
        link = await console.open("agent", plain=False)
        served = agent.links[0]
        await says(link, served, b"first")
        # The stream's own end would do no such thing: somebody who has its id and the secret, and another key.
        thief = await join(relay, "thief", CONSOLE, sealing())
        stolen = await thief.open("agent", plain=False)
        assert isinstance(stolen, Stream)
        assert isinstance(link, Stream)
        assert isinstance(served, Stream)
        agent.client.streams._streams["thief", link.core.stream_id] = served  # as if the relay had renamed it
        stolen.core.stream_id = link.core.stream_id
        thief.connection._socket.abort()
        end = await asyncio.wait_for(stolen.ended(), patience())
        assert (end.reason, end.text) == (ConnectResponse.GONE, streams.GONE_TEXT)
        assert served.end is None
        assert served.detached is None
        await says(link, served, b"still there")


async def test_a_stream_goes_on_at_its_opener_with_the_key_that_answered_only() -> None:
    async with running_relay() as relay:
        agent = await join(relay, "agent", AGENT, sealing())
        console = await join(relay, "console", CONSOLE, sealing(trust=TrustAll()))
        link = await console.open("agent", plain=False)
        await reconnect(agent, sealing())  # the same secret, and another key
        end = await asyncio.wait_for(link.ended(), patience())
        assert "another key" in end.text


async def test_a_sealed_stream_does_not_go_on_unsealed() -> None:
    async with running_relay() as relay:
        agent = await join(relay, "agent", AGENT, sealing())
        console = await join(relay, "console", CONSOLE, sealing())
        link = await console.open("agent", plain=False)
        served = agent.links[0]
        agent.client._allow_unsealed = True
        agent.connection.carriers._allow_unsealed = True
        await reconnect(console, None)
        end = await asyncio.wait_for(link.ended(), patience())
        assert end.reason == ConnectResponse.GONE
        assert served.end is None


async def test_different_secrets_end_with_a_reason_and_pin_nothing(tmp_path: Path) -> None:
    async with running_relay() as relay:
        agent = await join(relay, "agent", AGENT, sealing(OTHER_PSK))
        known = KnownAgentsStore(StateDir.at(tmp_path), str(relay.address))
        console = await join(relay, "console", CONSOLE, sealing(trust=PinnedAgents(known)))
        with pytest.raises(LinkEndedError) as caught:
            await console.client.open_link("agent", SHELL, timeout=0.3)
        assert "different secrets" in caught.value.end.text
        assert not known.list()
        assert not agent.links


async def test_a_changed_key_is_told_at_once_and_nothing_is_shown_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_relay() as relay:
        agent = await join(relay, "agent", AGENT, sealing())
        known = KnownAgentsStore(StateDir.at(tmp_path), str(relay.address))
        console = await join(relay, "console", CONSOLE, sealing(trust=PinnedAgents(known)))
        (await console.open("agent", plain=False)).close()
        await console.client.settled(PATIENCE)
        pinned = known.list()
        await reconnect(agent, sealing())
        shown: list[bytes] = []
        monkeypatch.setattr(Carrier, "received", lambda _, record: shown.append(record))
        opening = asyncio.wait_for(console.client.open_link("agent", SHELL, timeout=3600), patience())
        with pytest.raises(LinkEndedError) as caught:
            await opening
        assert "THE KEY OF agent HAS CHANGED" in caught.value.end.text
        assert "natpass-tui known forget " in caught.value.end.text
        assert caught.value.end.reason == ConnectResponse.REFUSED
        assert known.list() == pinned
        assert not shown
        assert len(agent.links) == 1


async def test_each_link_of_a_stream_has_keys_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[X25519PrivateKey] = []
    generate = X25519PrivateKey.generate
    own = sealing(), sealing()

    def remembered() -> X25519PrivateKey:
        made.append(generate())
        return made[-1]

    monkeypatch.setattr("natpass_wire.aio.sealing.X25519PrivateKey.generate", remembered)
    async with running_relay() as relay:
        agent = await join(relay, "agent", AGENT, own[0])
        console = await join(relay, "console", CONSOLE, own[1])
        link = await console.open("agent", plain=False)
        await says(link, agent.links[0], b"one")
        before = len(made)
        await reconnect(console, own[1])
        await says(link, agent.links[0], b"two")
        assert len(made) >= before + 2
        assert len({key.private_bytes_raw() for key in made}) == len(made)
