"""A client that does not read costs nobody else anything: not its senders, not their other links."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from natpass_relay import routing
from natpass_relay.connection import MOST_OWN_CONTROL_BYTES, Connection
from natpass_relay.outbox import LEAST_HIGH_WATER_BYTES
from natpass_wire import envelope
from natpass_wire.aio.link import Link, LinkEndedError
from natpass_wire.links import HOLD
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.link_pb2 import ConnectRequest, ConnectResponse, LinkEnd, StreamAnswer, StreamOffer
from natpass_wire.pb.shell_pb2 import ShellData
from tests.relay.raw import Raw
from tests.support.relay import AGENT, CONSOLE, TestClient, TestRelay, running_relay, tls_files
from tests.support.waiting import patience, wait_for

pytestmark = pytest.mark.both_loops


@pytest.fixture(params=["tcp", "tls"])
async def relay(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[TestRelay]:
    async with running_relay(tls_files(tmp_path) if request.param == "tls" else None) as running:
        yield running


@pytest.fixture
async def bare() -> AsyncIterator[TestRelay]:
    async with running_relay() as running:
        yield running


def shell_data(content: bytes) -> Msg:
    return Msg(type=MsgType.shell_data, sdata=ShellData(data=content))


def request(to: str, link_id: str, **fields: object) -> bytes:
    """Return the frame of a `connect_req`; by default its offer is one that agents refuse."""
    creq = ConnectRequest(kind=ConnectRequest.stream, offer=StreamOffer(version=0), **fields)  # type: ignore[arg-type]
    return envelope.to_frame(Msg(type=MsgType.connect_req, from_id="evil", to=to, link_id=link_id, creq=creq))


class Echoes:
    """An honest console, with a stream to each of some agents, which repeat what it says."""

    def __init__(self, agents: list[TestClient], links: list[Link]) -> None:
        self._agents, self._links = agents, links

    @classmethod
    async def begin(cls, relay: TestRelay, agents: list[TestClient]) -> "Echoes":
        console = await relay.join("honest", CONSOLE)
        links = [await console.open(agent.client.client_id, plain=False) for agent in agents]
        echoes = cls(agents, links)
        for agent in agents:
            relay.tasks.start(echoes._repeat(agent.links[-1]), "echo")
        return echoes

    async def _repeat(self, link: Link) -> None:
        with contextlib.suppress(LinkEndedError):
            while True:
                await link.send(await link.receive())

    async def check(self, times: int = 20) -> None:
        """Check that all agents answer, one word after the other."""
        for number in range(times):
            for link in self._links:
                word = b"%d" % number
                async with asyncio.timeout(patience(10)):
                    await link.send(shell_data(word))
                    assert (await link.receive()).sdata.data == word


def small(connection: Connection) -> Connection:
    """Leave a client next to no room in our buffers and the system's, so that little data shows what much would."""
    transport = connection.socket._transport
    assert transport is not None
    connection.socket.limit_waiting(LEAST_HIGH_WATER_BYTES)
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    return connection


def reads_nothing(relay: TestRelay, client: TestClient) -> Connection:
    """Let a client read nothing; return the relay's connection to it.

    The system's buffer of what it has received stays as it is: after a tiny one, TCP may ask only every few seconds
    whether there is room again.
    """
    client.connection._socket.pause_reading()
    return small(connection_of(relay, client.client.client_id))


def reads_again(relay: TestRelay, client: TestClient) -> None:
    """Let a client read again, as fast as it can."""
    transport = connection_of(relay, client.client.client_id).socket._transport
    assert transport is not None
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 200_000)
    client.connection._socket.resume_reading()


def connection_of(relay: TestRelay, client_id: str) -> Connection:
    """Return the relay's connection to a client."""
    client = relay.server.hub.router.client(client_id)
    assert client is not None
    return relay.server.hub.connection_to(client)


def links_of(relay: TestRelay, client_id: str) -> int:
    """Return how many links a client has at the relay."""
    client = relay.server.hub.router.client(client_id)
    return relay.server.hub.router.routes_of(client) if client is not None else 0


# senders that can't be held


async def test_answers_to_who_reads_none_stop_no_agent(bare: TestRelay) -> None:
    agents = [await bare.join("one"), await bare.join("two")]
    echoes = await Echoes.begin(bare, agents)
    async with Raw.connect(bare, room=4096) as evil:
        await evil.log_in("evil")
        attacker, account = small(connection_of(bare, "evil")), bare.server.hub.delivery.account
        for number in range(5_000):
            evil.send(request(("one", "two")[number % 2], f"l{number}"))
            if number % 500 == 0:
                await asyncio.sleep(0)
        await wait_for(lambda: attacker.is_behind, "who asks and is not read")
        await echoes.check()
        assert account.weight < 1024 * 1024
        assert not attacker.is_closed
    await wait_for(lambda: attacker.is_closed and account.weight == 0, "nothing that waits")
    await echoes.check()


PING = envelope.to_frame(Msg(type=MsgType.ping, from_id="c", to="server"))


async def test_who_takes_answers_late_waits_and_gets_all(bare: TestRelay) -> None:
    async with Raw.connect(bare, room=4096) as slow:
        await slow.log_in("c")
        connection = small(connection_of(bare, "c"))
        pings, most = 0, 0
        while not (connection.is_behind or connection.is_closed):
            slow.send(PING * 50 + request("absent", f"l{pings}"))
            pings += 50
            await asyncio.sleep(0)
        slow.send(PING * 20_000)
        for _ in range(200):
            await asyncio.sleep(0)
            most = max(most, connection.outbox.own_control)
        assert most < MOST_OWN_CONTROL_BYTES + 1024  # not even the rest of what was read before is answered
        refused = 0
        for _ in range(pings + 20_000 + pings // 50):
            refused += (await slow.receive()).type == MsgType.connect_rep
        assert refused == pings // 50
        await wait_for(lambda: not connection.is_behind, "who has taken all")
        slow.send(PING)
        assert (await slow.receive()).type == MsgType.pong


async def test_who_is_behind_and_takes_nothing_is_dropped() -> None:
    async with running_relay(dead_after=3.0) as relay, Raw.connect(relay, room=4096) as evil:
        await evil.log_in("c")
        attacker, account = small(connection_of(relay, "c")), relay.server.hub.delivery.account
        while not (attacker.is_behind or attacker.is_closed):
            evil.send(PING * 500)
            await asyncio.sleep(0)
        await wait_for(lambda: attacker.is_closed, "the end of who takes nothing")
        assert (account.charged(attacker), account.weight) == (0, 0)


async def test_who_has_many_ids_and_takes_no_answers_costs_others_no_link() -> None:
    async with running_relay(memory=1_000_000) as relay, contextlib.AsyncExitStack() as stack:
        echoes = await Echoes.begin(relay, [await relay.join("a")])
        account, attackers = relay.server.hub.delivery.account, []
        for number in range(12):
            evil = await stack.enter_async_context(Raw.connect(relay, room=4096))
            await evil.log_in(f"evil {number}")
            attackers.append(small(connection_of(relay, f"evil {number}")))
            while not (attackers[-1].is_behind or attackers[-1].is_closed):
                evil.send(PING * 500)
                await asyncio.sleep(0)
        await wait_for(lambda: any(each.is_closed for each in attackers), "one that goes for all the others")
        await wait_for(lambda: account.weight <= 1_000_000, "the budget is kept")
        await echoes.check()
        assert not any(link.end for link in echoes._links)


async def test_records_for_who_reads_none_stop_no_agent(relay: TestRelay) -> None:
    agents = [await relay.join("one"), await relay.join("two")]
    echoes = await Echoes.begin(relay, agents)
    evil = await relay.join("evil", CONSOLE)
    for agent in agents:
        for _ in range(40):
            await evil.open(agent.client.client_id, plain=False)
    attacker = reads_nothing(relay, evil)
    for agent in agents:
        for link in agent.links[1:]:
            relay.tasks.start(flood(link), "flood")
    await wait_for(lambda: not attacker.outbox.is_free, "a full inbox", timeout=30)
    await echoes.check()
    assert not attacker.is_closed
    reads_again(relay, evil)


async def flood(link: Link) -> None:
    with contextlib.suppress(LinkEndedError):
        while True:
            await link.send(shell_data(bytes(2000)))


# the bound of a stream's link


@pytest.mark.parametrize("plain", [False, True])
async def test_a_link_past_its_bound_is_cut_and_a_stream_goes_on(
    relay: TestRelay, monkeypatch: pytest.MonkeyPatch, plain: bool
) -> None:
    most = routing.MOST_WINDOW
    if not plain:
        monkeypatch.setattr(routing, "MOST_WINDOW", 3_000)
    agent, console = await relay.join("a"), await relay.join("c", CONSOLE)
    links = [await console.open("a", plain=plain) for _ in range(50)]
    sender = connection_of(relay, "a")
    if plain:  # a sender that is told to wait, and does not
        sender.takes_holds = True
        monkeypatch.setattr("natpass_relay.forwarding.MOST_PLAIN_BYTES", 10_000)
        for asked in agent.links:
            monkeypatch.setattr(asked, "held", lambda **_: None)
    reads_nothing(relay, console)
    for asked in agent.links:
        relay.tasks.start(count(asked), "count")
    await wait_for(lambda: links_of(relay, "c") < 50, "a link that is cut", timeout=30)
    assert not sender.is_held
    if plain:
        await wait_for(lambda: any(link.end for link in agent.links), "a link that has ended")
        ended = next(link.end for link in agent.links if link.end)
        assert (ended.cause, ended.text) == (LinkEnd.FAILED, "c does not keep up with what it is sent")
        return
    monkeypatch.setattr(routing, "MOST_WINDOW", most)
    reads_again(relay, console)
    for link in links:  # nothing is lost, and nothing comes twice
        for number in range(20):
            assert (await link.receive()).sdata.data[:4] == b"%04d" % number
    assert sum(link.resumes for link in links) > 0


async def count(link: Link) -> None:
    with contextlib.suppress(LinkEndedError):
        for number in range(20):
            await link.send(shell_data(b"%04d" % number + bytes(2000)))


async def test_what_waits_on_a_link_that_its_reader_ends_is_dropped(relay: TestRelay) -> None:
    agent, console = await relay.join("a"), await relay.join("c", CONSOLE)
    for _ in range(60):  # each sends some 8 KB before its reader has read anything
        await console.open("a", plain=False)
    slow = reads_nothing(relay, console)
    for link in agent.links:
        relay.tasks.start(flood(link), "flood")
    await wait_for(lambda: slow.outbox.waiting_bytes - slow.socket.waiting_bytes > 30_000, "what waits", timeout=30)
    for carrier in list(console.connection.carriers._carriers):
        console.connection.send(envelope_end(console, carrier.link_id))
    await wait_for(lambda: links_of(relay, "c") == 0, "links that ended")
    await wait_for(lambda: slow.outbox.waiting_bytes - slow.socket.waiting_bytes < 20_000, "what is dropped")
    reads_again(relay, console)


def envelope_end(console: TestClient, link_id: str) -> Msg:
    return Msg(type=MsgType.disconnect, from_id=console.client.client_id, to="a", link_id=link_id)


# plain links


async def test_the_sender_of_a_plain_link_is_told_to_wait_and_its_other_links_go_on(relay: TestRelay) -> None:
    agent = await relay.join("a", capabilities=(HOLD,))
    echoes = await Echoes.begin(relay, [agent])
    slow = await relay.join("slow", CONSOLE)
    other = await relay.join("other", CONSOLE)
    link, good = await slow.open("a"), await other.open("a")
    to_slow, to_good = agent.links[-2:]
    slow.connection._socket.pause_reading()
    slow_connection = connection_of(relay, "slow")
    sent, most = 0, 5000

    async def send() -> None:
        nonlocal sent
        while sent < most:
            await to_slow.send(shell_data(b"%04d" % sent + bytes(10_000)))
            sent += 1

    relay.tasks.start(send(), "send")
    await wait_for(lambda: slow_connection.outbox.held, "a sender that is told to wait", timeout=30)
    await wait_for(lambda: getattr(to_slow, "_is_held", False), "a sender that knows it")
    await echoes.check()
    for number in range(100):
        await to_good.send(shell_data(b"%d" % number))
        assert (await good.receive()).sdata.data == b"%d" % number
    held_at = sent
    most = sent + 30
    assert not connection_of(relay, "a").is_held
    reads_again(relay, slow)
    for number in range(most):
        assert (await link.receive()).sdata.data[:4] == b"%04d" % number
    assert held_at < most == sent


async def test_a_held_plain_link_that_ends_lets_its_sender_go(bare: TestRelay) -> None:
    agent = await bare.join("a", capabilities=(HOLD,))
    slow = await bare.join("slow", CONSOLE)
    await slow.open("a")
    reads_nothing(bare, slow)

    async def send() -> None:
        while True:
            await agent.links[0].send(shell_data(bytes(10_000)))

    async def abort() -> None:
        await wait_for(lambda: getattr(agent.links[0], "_is_held", False), "a held link", timeout=30)
        slow.connection._socket.abort()

    with pytest.raises(LinkEndedError):
        async with asyncio.timeout(40):
            await asyncio.gather(send(), abort())


async def test_no_client_can_hold_the_link_of_another(bare: TestRelay) -> None:
    agent, console = await bare.join("a", capabilities=(HOLD,)), await bare.join("c", CONSOLE)
    link = await console.open("a")
    hold = Msg(type=MsgType.link_hold, from_id="c", to="a", link_id=link.link_id)
    hold.hold.on = True
    console.connection.send(hold)
    await link.send(shell_data(b"after it"))
    assert (await agent.links[0].receive()).sdata.data == b"after it"
    async with asyncio.timeout(patience(10)):
        await agent.links[0].send(shell_data(b"not held"))
    assert (await link.receive()).sdata.data == b"not held"
    assert bare.server.hub.router.dropped == 1


# budgets


async def test_a_full_relay_cuts_the_greediest_and_no_honest_link() -> None:
    async with running_relay(memory=100_000) as relay:
        agent = await relay.join("a")
        echoes = await Echoes.begin(relay, [agent])
        evil = await relay.join("evil", CONSOLE)
        for _ in range(60):
            await evil.open("a", plain=False)
        reads_nothing(relay, evil)
        for link in agent.links[1:]:
            relay.tasks.start(flood(link), "flood")
        await wait_for(lambda: links_of(relay, "evil") < 60, "a cut", timeout=30)
        assert relay.server.hub.delivery.account.weight <= 100_000 + 64 * 1024
        await echoes.check()
        reads_again(relay, evil)


async def test_others_that_fill_an_agent_s_inbox_keep_nobody_out(bare: TestRelay) -> None:
    async with Raw.connect(bare, room=4096) as agent, Raw.connect(bare) as evil:
        await agent.log_in("agent", AGENT)
        await evil.log_in("evil")
        evil.send(request("agent", "l1"))
        assert (await agent.receive()).type == MsgType.connect_req
        agent.send(answer("l1"))
        assert (await evil.receive()).type == MsgType.connect_rep
        slow = small(connection_of(bare, "agent"))
        record = Msg(type=MsgType.record, from_id="evil", to="agent", link_id="l1")
        record.record.data = bytes(60_000)
        for _ in range(100):
            evil.send(envelope.to_frame(record))
        await wait_for(lambda: slow.outbox.waiting_bytes > 5_000_000, "a full inbox")
        evil.send(request("agent", "l2"))
        refused = (await evil.receive()).crep
        assert (refused.reason, refused.msg) == (
            ConnectResponse.FAILED,
            "agent does not keep up with what it is sent",
        )
        honest = await bare.join("honest", CONSOLE)
        bare.tasks.start(open_plain(honest), "open")
        while (message := await agent.receive()).from_id != "honest":
            pass
        assert message.type == MsgType.connect_req
        assert slow.outbox.waiting_bytes > 1_000_000  # it has not waited for all that


def answer(link_id: str) -> bytes:
    crep = ConnectResponse(ok=True, answer=StreamAnswer(version=1))
    return envelope.to_frame(Msg(type=MsgType.connect_rep, from_id="agent", to="evil", link_id=link_id, crep=crep))


async def open_plain(console: TestClient) -> None:
    with contextlib.suppress(LinkEndedError):
        await console.open("agent")
