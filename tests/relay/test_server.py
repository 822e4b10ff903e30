"""The relay with real sockets, with and without TLS."""

import asyncio
import contextlib
import hashlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from natpass_relay import patience
from natpass_relay.outbox import HIGH_WATER_BYTES
from natpass_relay.round_trips import IDS_AT_ONCE, MAX_IDS
from natpass_relay.server import RelayServer, RelaySettings
from natpass_relay.sources import source_of
from natpass_wire import envelope
from natpass_wire.aio.link import LinkEndedError
from natpass_wire.errors import LocalProtocolError, UserError
from natpass_wire.pb.envelope_pb2 import Msg, MsgType, Ping
from natpass_wire.pb.link_pb2 import ConnectRequest, ConnectResponse, LinkEnd
from natpass_wire.pb.roster_pb2 import About, RosterWatch, RttRequest
from natpass_wire.pb.shell_pb2 import ShellData
from natpass_wire.roster import RosterMirror
from tests.relay.raw import Raw
from tests.support.relay import AGENT, CONSOLE, KEY, TestRelay, running_relay, tls_files
from tests.support.waiting import wait_for

pytestmark = pytest.mark.both_loops


@pytest.fixture(params=["tcp", "tls"])
async def relay(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[TestRelay]:
    async with running_relay(tls_files(tmp_path) if request.param == "tls" else None) as running:
        yield running


def shell_data(content: bytes) -> Msg:
    return Msg(type=MsgType.shell_data, sdata=ShellData(data=content))


# links


async def test_messages_pass_in_order_both_ways(relay: TestRelay) -> None:
    agent, console = await relay.join("a"), await relay.join("c", CONSOLE)
    link = await console.open("a")
    sizes = [1, 100, 16 * 1024, 60 * 1024, 7] * 40

    async def send_all() -> None:
        for number, size in enumerate(sizes):
            await link.send(shell_data(bytes([number]) * size))

    sends = relay.tasks.start(send_all(), "sends")  # what nobody reads, the network need not take
    for number, size in enumerate(sizes):
        assert (await agent.links[0].receive()).sdata.data == bytes([number]) * size
        await agent.links[0].send(shell_data(b"%d" % number))
    await sends
    for number in range(len(sizes)):
        assert (await link.receive()).sdata.data == b"%d" % number
    assert relay.server.hub.router.dropped == 0


async def test_links_between_many_ends_do_not_mix(relay: TestRelay) -> None:
    agents = [await relay.join(f"agent-{n}") for n in range(3)]
    consoles = [await relay.join(f"tui-{n}", CONSOLE) for n in range(3)]
    links = {(a, c): await consoles[c].open(f"agent-{a}") for a in range(3) for c in range(3) for _ in range(2)}
    for round_number in range(20):
        for (a, c), link in links.items():
            await link.send(shell_data(f"{a} {c} {round_number}".encode()))
    for a, agent in enumerate(agents):
        for incoming in agent.links:
            expected = links.get((a, int(incoming.peer[-1])))
            if expected is not None and expected.link_id == incoming.link_id:
                for round_number in range(20):
                    text = (await incoming.receive()).sdata.data.decode()
                    assert text == f"{a} {incoming.peer[-1]} {round_number}"


async def test_a_slow_reader_loses_nothing_and_stops_its_sender(relay: TestRelay) -> None:
    agent, console = await relay.join("a"), await relay.join("c", CONSOLE)
    link = await console.open("a")
    hub = relay.server.hub
    to_agent, to_console = (
        hub.connection_to(port) for port in (hub.router.client("a"), hub.router.client("c")) if port
    )
    piece, count = bytes(range(256)) * 200, 1024  # 50 MiB
    sent, waiting = 0, 0

    async def send_all() -> None:
        nonlocal sent
        for number in range(count):
            await link.send(shell_data(number.to_bytes(4, "big") + piece))
            sent += 1

    sender = relay.tasks.start(send_all(), "sender")
    await wait_for(lambda: to_console.is_held, "a sender that is read no further")
    held_at = sent
    assert held_at < count * 0.9
    digest = hashlib.sha256()
    for number in range(count):
        message = await agent.links[0].receive()
        assert message.sdata.data[:4] == number.to_bytes(4, "big")
        digest.update(message.sdata.data[4:])
        waiting = max(waiting, to_agent.socket.waiting_bytes)
    await sender
    assert digest.digest() == hashlib.sha256(piece * count).digest()
    assert waiting <= HIGH_WATER_BYTES + 512 * 1024
    await wait_for(lambda: not to_console.is_held, "a sender that is read again")
    await agent.links[0].send(shell_data(b"the other way"))
    assert (await link.receive()).sdata.data == b"the other way"


async def test_a_slow_reader_that_goes_lets_its_sender_go_on(relay: TestRelay) -> None:
    slow, good, console = await relay.join("slow"), await relay.join("good"), await relay.join("c", CONSOLE)
    link, other = await console.open("slow"), await console.open("good")

    async def flood() -> None:
        with contextlib.suppress(LinkEndedError):
            while True:
                await link.send(shell_data(bytes(60_000)))

    flooding = relay.tasks.start(flood(), "flood")
    hub = relay.server.hub
    port = hub.router.client("c")
    assert port is not None
    await wait_for(lambda: hub.connection_to(port).is_held, "a held sender")
    slow.connection._socket.abort()
    await flooding
    assert link.end is not None
    assert link.end.cause == LinkEnd.PEER_GONE
    await other.send(shell_data(b"still here"))
    assert (await good.links[0].receive()).sdata.data == b"still here"


async def test_who_does_not_read_holds_up_the_others_for_a_while_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "PATIENCE_SECONDS", 1.0)
    async with running_relay() as relay, Raw.connect(relay) as slow:
        agent, honest = await relay.join("a"), await relay.join("c", CONSOLE)
        link = await honest.open("a")
        await slow.log_in("slow")
        request = ConnectRequest(name="x", kind=ConnectRequest.shell)
        slow.send(envelope.to_frame(Msg(type=MsgType.connect_req, from_id="slow", to="a", link_id="l1", creq=request)))
        assert (await slow.receive()).crep.ok
        to_slow = agent.links[1]
        with contextlib.suppress(LinkEndedError):
            while True:
                await to_slow.send(shell_data(bytes(60_000)))
        assert to_slow.end is not None
        assert to_slow.end.cause == LinkEnd.FAILED
        assert to_slow.end.text == "slow does not keep up; the link was ended so that others can go on"
        await agent.links[0].send(shell_data(b"still here"))
        assert (await link.receive()).sdata.data == b"still here"
        while (message := await slow.receive()).type == MsgType.shell_data:  # nothing that was on its way is lost
            assert message.sdata.data == bytes(60_000)
        assert (message.type, message.link_id, message.end) == (
            MsgType.disconnect,
            "l1",
            LinkEnd(cause=LinkEnd.FAILED, text="slow does not keep up; the link was ended so that others can go on"),
        )


async def test_who_reads_slowly_and_keeps_nobody_waiting_loses_no_link(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "PATIENCE_SECONDS", 1.0)
    async with running_relay() as relay:
        agent, console = await relay.join("a"), await relay.join("c", CONSOLE)
        link = await console.open("a")
        hub = relay.server.hub
        port = hub.router.client("a")
        assert port is not None
        held = hub.connection_to(port)

        async def flood() -> None:
            for number in range(400):
                await agent.links[0].send(shell_data(number.to_bytes(2, "big") + bytes(60_000)))

        sender = relay.tasks.start(flood(), "flood")
        await wait_for(lambda: held.too_slow, "the end of patience")
        for number in range(400):
            assert (await link.receive()).sdata.data[:2] == number.to_bytes(2, "big")
        await sender
        assert link.end is None


async def test_when_an_end_is_killed_the_other_is_told(relay: TestRelay) -> None:
    agent, console = await relay.join("a"), await relay.join("c", CONSOLE)
    link = await console.open("a")
    agent.connection._socket.abort()
    with pytest.raises(LinkEndedError, match="a is gone") as caught:
        await link.receive()
    assert caught.value.end.cause == LinkEnd.PEER_GONE


async def test_refusals_reach_the_opener(relay: TestRelay) -> None:
    console, _agent = await relay.join("c", CONSOLE), await relay.join("a")
    with pytest.raises(LinkEndedError, match="agent nobody is not connected") as caught:
        await console.open("nobody")
    assert caught.value.end.reason == ConnectResponse.ABSENT
    with pytest.raises(LinkEndedError, match="is a console"):
        await console.open("c")


# the roster and ids


async def test_a_hundred_agents_and_three_consoles(tmp_path: Path) -> None:
    async with running_relay(tls_files(tmp_path)) as relay:
        consoles = [await relay.join(f"tui-{n}", CONSOLE) for n in range(3)]
        consoles[0].watch()
        async with asyncio.TaskGroup() as group:
            joining = [group.create_task(relay.join(f"agent-{n:03}")) for n in range(100)]
        agents = {agent.client.client_id: agent for agent in (task.result() for task in joining)}
        for client_id, agent in agents.items():
            agent.about(f"host of {client_id}")
        consoles[1].watch()
        expected = {client_id: f"host of {client_id}" for client_id in agents}

        async def all_see(what: str) -> None:
            await wait_for(lambda: all(c.present() == expected for c in watching), what)

        watching = consoles[:2]
        await all_see("joins")

        for client_id in list(agents)[::3]:  # leaves
            agents.pop(client_id).connection._socket.abort()
            # (it dials again by itself: it is the same installation, so it just comes back)
        await all_see("agents that come back")
        returned = {c: consoles[0].mirror.entries[c] for c in expected}
        watching = consoles
        consoles[2].watch()
        expected.update(
            dict.fromkeys([c for c in expected if c not in agents], "")
        )  # they said nothing of themselves yet
        await all_see("a console that came late")

        replaced = await relay.join("agent-001", tag="agent-001")  # the same instance: replaces
        replaced.about("another host")
        status = await agents["agent-001"].waiting()
        assert status.reason == "agent-001 has logged in again, from another connection"
        expected["agent-001"] = "another host"
        await wait_for(lambda: consoles[0].present()["agent-001"] in {"another host", ""}, "the replacement")

        thief = relay.run(relay.target("agent-002", tag="another installation"))
        status = await thief.waiting()
        assert status.refused
        assert "the id agent-002 is taken" in status.reason
        assert consoles[0].mirror.entries["agent-002"].connected_unix_ms == returned["agent-002"].connected_unix_ms
        assert relay.server.hub.clients == 103
        assert all(console.mirror.is_complete for console in consoles)


async def test_agents_that_leave_for_good_leave_the_roster(relay: TestRelay) -> None:
    console = await relay.join("c", CONSOLE)
    console.watch()
    async with running_relay() as elsewhere:
        agent = await relay.join("a")
        await wait_for(lambda: console.present() == {"a": ""})
        agent.client.target = elsewhere.target("a")
        agent.connection.close()
        await wait_for(lambda: console.present() == {})
        assert console.mirror.is_complete
        late = await relay.join("late", CONSOLE)
        late.watch()
        await wait_for(lambda: late.mirror.is_complete)
        for entries in (console.mirror.entries, late.mirror.entries):
            assert abs(entries["a"].away_since_unix_ms / 1000 - time.time()) < 60


async def test_a_console_that_does_not_read_is_not_flooded_with_the_roster() -> None:
    async with contextlib.AsyncExitStack() as stack:
        relay = await stack.enter_async_context(running_relay())
        publisher = relay.server.hub.publisher
        about = About(host="h" * 64, os="o" * 64, user="u" * 64, serves=["k" * 32] * 16)  # more than the system buffers
        for number in range(30_000):
            publisher.joined(f"agent-{number:05}", number)
            publisher.described(f"agent-{number:05}", about)
        console = await stack.enter_async_context(Raw.connect(relay))  # only now: its login has a time limit
        await console.log_in("c")
        port = relay.server.hub.router.client("c")
        assert port is not None
        connection = relay.server.hub.connection_to(port)
        watch = Msg(type=MsgType.roster_watch, from_id="c", to="server", roster_watch=RosterWatch(on=True))
        console.send(envelope.to_frame(watch))
        await wait_for(lambda: not connection.socket.writable, "a full connection")
        assert connection.socket.waiting_bytes < HIGH_WATER_BYTES + 64 * 1024
        publisher.left("agent-00000", source_of("192.0.2.1"), 1)
        mirror = RosterMirror()
        while not mirror.is_complete or not mirror.entries["agent-00000"].away_since_unix_ms:
            assert not mirror.receive((await console.receive()).roster).gap
        assert len(mirror.entries) == 30_000


async def test_a_silent_holder_loses_its_id(tmp_path: Path) -> None:
    async with running_relay() as relay, Raw.connect(relay) as silent:
        await silent.log_in("a")
        newcomer = await relay.join("a", tag="another installation")
        await silent.closed()
        assert newcomer.client.connection is not None


async def test_round_trips_are_measured_for_those_who_ask(relay: TestRelay) -> None:
    await relay.join("a")
    console = await relay.join("c", CONSOLE)
    console.say(Msg(type=MsgType.rtt_request, rtt_request=RttRequest(ids=["a", "nobody", "a"])))
    report = (await wait_for(lambda: console.messages))[0].rtt_report
    found = {rtt.id: rtt.micros for rtt in report.rtts}
    assert found["nobody"] == 0
    assert 0 < found["a"] < 3_000_000


async def test_no_request_for_round_trips_stops_the_clock() -> None:
    async with running_relay() as relay, Raw.connect(relay) as mute, Raw.connect(relay) as hostile:
        watcher = await relay.join("w", CONSOLE)
        watcher.watch()
        await mute.log_in("mute", AGENT)
        await hostile.log_in("evil" * 16)
        request = RttRequest(ids=["mute", "x" * 65_500])  # what is longer than a frame when it is repeated
        hostile.send(envelope.to_frame(Msg(type=MsgType.rtt_request, to="server", rtt_request=request)))
        report = await hostile.receive()  # after 3 s: the agent says nothing
        assert [(rtt.id, rtt.micros) for rtt in report.rtt_report.rtts] == [("mute", 0)]
        await relay.join("a")
        await wait_for(lambda: set(watcher.present()) == {"mute", "a"})
        assert relay.server.ticks.faults == 0


async def test_who_asks_for_round_trips_all_the_time_gets_few_answers() -> None:
    async with running_relay() as relay, Raw.connect(relay) as console:
        await console.log_in("c", CONSOLE)
        ask = RttRequest(ids=[f"absent-{number}" for number in range(MAX_IDS)])
        frame = envelope.to_frame(Msg(type=MsgType.rtt_request, to="server", rtt_request=ask))
        console.send(frame * 100 + envelope.to_frame(Msg(type=MsgType.ping, to="server", ping=Ping(nonce=7))))
        reports = 0
        while (message := await console.receive()).type != MsgType.pong:
            reports += message.type == MsgType.rtt_report
        assert IDS_AT_ONCE <= reports * MAX_IDS < 100 * MAX_IDS / 2


async def test_a_fault_while_others_are_told_of_an_end_leaves_no_id_held(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running_relay() as relay, Raw.connect(relay) as first:
        await first.log_in("a", AGENT)
        hub = relay.server.hub
        port = hub.router.client("a")
        assert port is not None

        def fail(*_: object) -> None:
            raise LocalProtocolError("a bug")

        with monkeypatch.context() as patched:
            patched.setattr(hub, "_tell", fail)
            with pytest.raises(LocalProtocolError):
                hub.lost(hub.connection_to(port), None)
        newcomer = await relay.join("a", tag="another installation")
        assert [status.phase for status in newcomer.statuses if status.reason] == []  # it got in at its first attempt


async def test_a_step_that_fails_does_not_stop_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running_relay() as relay:
        hub = relay.server.hub
        watcher = await relay.join("w", CONSOLE)
        watcher.watch()

        def fail(*_args: object) -> None:
            raise LocalProtocolError("a bug")

        monkeypatch.setattr(hub._admission, "tick", fail)
        monkeypatch.setattr(hub.connection_to(hub.router.client("w")), "tick", fail)  # type: ignore[arg-type]
        await wait_for(lambda: relay.server.ticks.faults > 5)
        await relay.join("a")
        await wait_for(lambda: set(watcher.present()) == {"a"})


async def test_a_stopping_relay_says_so(relay: TestRelay) -> None:
    agent = await relay.join("a")
    await relay.server.stop()
    await wait_for(lambda: [s for s in agent.statuses if s.reason == "the relay is shutting down"])


# listening


async def test_an_address_in_use_is_the_user_s_business(relay: TestRelay) -> None:
    second = RelayServer(RelaySettings(KEY, listen=(relay.address,)))
    with pytest.raises(UserError, match="Address already in use"):
        await second.start()
    await second.stop()
