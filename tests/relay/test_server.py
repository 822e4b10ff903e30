"""The relay with real sockets, with and without TLS."""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from natpass_relay import hub as hub_module
from natpass_relay import patience
from natpass_relay.connection import HIGH_WATER_BYTES
from natpass_relay.lobby import Lobby
from natpass_relay.server import RelayServer, RelaySettings, TlsFiles
from natpass_wire import envelope
from natpass_wire.aio.dial import RelayAddress, RelayTarget
from natpass_wire.aio.link import LinkEndedError
from natpass_wire.aio.tls import Certificate, client_context, server_context
from natpass_wire.errors import LocalProtocolError, UserError
from natpass_wire.frame import MAX_PAYLOAD_BYTES, FrameDecoder, encode_frame
from natpass_wire.login import v2
from natpass_wire.login.keys import LoginKey
from natpass_wire.pb.envelope_pb2 import Msg, MsgType, Notice, Ping
from natpass_wire.pb.link_pb2 import ConnectRequest, ConnectResponse, LinkEnd
from natpass_wire.pb.login_pb2 import Refusal
from natpass_wire.pb.roster_pb2 import About, RosterWatch, RttRequest
from natpass_wire.pb.shell_pb2 import ShellData
from natpass_wire.roster import RosterMirror
from tests.support.relay import AGENT, CONSOLE, KEY, TestRelay, running_relay, tls_files
from tests.support.waiting import wait_for


@pytest.fixture(params=["tcp", "tls"])
async def relay(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[TestRelay]:
    async with running_relay(tls_files(tmp_path) if request.param == "tls" else None) as running:
        yield running


#: Windows has no uvloop: what depends on how a transport queues and pauses is tried on asyncio's as well.
both_loops = pytest.mark.asyncio(loop_factories=["uvloop", "asyncio"])


def shell_data(content: bytes) -> Msg:
    return Msg(type=MsgType.shell_data, sdata=ShellData(data=content))


class Raw:
    """A connection without TLS that sends what it likes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._decoder = FrameDecoder()
        self._messages: list[Msg] = []

    @classmethod
    @contextlib.asynccontextmanager
    async def connect(cls, relay: TestRelay) -> AsyncIterator["Raw"]:
        reader, writer = await asyncio.open_connection(relay.address.host, relay.address.port)
        try:
            yield cls(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    def send(self, data: bytes) -> None:
        self._writer.write(data)

    async def receive(self) -> Msg:
        async with asyncio.timeout(10):
            while not self._messages:
                got = await self._reader.read(65536)
                assert got, "closed"
                for batch in self._decoder.feed(got):
                    self._messages += [envelope.parse(payload) for payload in batch.payloads()]
        return self._messages.pop(0)

    async def closed(self) -> None:
        """Wait until the relay has closed it."""
        async with asyncio.timeout(10):
            with contextlib.suppress(ConnectionError):
                while await self._reader.read(65536):
                    pass

    async def log_in(self, client_id: str, role: int = CONSOLE) -> tuple[bytes, bytes]:
        """Log in; return the two frames that did it."""
        claims = v2.Claims(client_id, role, (), "raw", b"r" * 16)  # type: ignore[arg-type]
        client = v2.ClientLogin(KEY, claims, v2.NO_TLS, b"c" * 32)
        hello = envelope.to_frame(client.hello())
        self.send(hello)
        proof = client.receive(await self.receive())
        assert proof is not None
        self.send(envelope.to_frame(proof))
        client.receive(await self.receive())
        assert client.accepted is not None
        return hello, envelope.to_frame(proof)


# links


@both_loops
async def test_messages_pass_in_order_both_ways(relay: TestRelay) -> None:
    agent, console = await relay.join("a"), await relay.join("c", CONSOLE)
    link = await console.open("a")
    sizes = [1, 100, 16 * 1024, 60 * 1024, 7] * 40
    for number, size in enumerate(sizes):
        await link.send(shell_data(bytes([number]) * size))
    for number, size in enumerate(sizes):
        assert (await agent.links[0].receive()).sdata.data == bytes([number]) * size
        await agent.links[0].send(shell_data(b"%d" % number))
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


@both_loops
async def test_a_slow_reader_loses_nothing_and_stops_its_sender(relay: TestRelay) -> None:
    agent, console = await relay.join("a"), await relay.join("c", CONSOLE)
    link = await console.open("a")
    hub = relay.server.hub
    to_agent, to_console = (hub.connection_to(port) for port in (hub.router.port("a"), hub.router.port("c")) if port)
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
    port = hub.router.port("c")
    assert port is not None
    await wait_for(lambda: hub.connection_to(port).is_held, "a held sender")
    slow.session._socket.abort()
    await flooding
    assert link.end is not None
    assert link.end.cause == LinkEnd.PEER_GONE
    await other.send(shell_data(b"still here"))
    assert (await good.links[0].receive()).sdata.data == b"still here"


@both_loops
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
        port = hub.router.port("a")
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
    agent.session._socket.abort()
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


async def test_who_has_too_much_to_take_gets_no_new_links(relay: TestRelay, monkeypatch: pytest.MonkeyPatch) -> None:
    console, _agent = await relay.join("c", CONSOLE), await relay.join("a")
    monkeypatch.setattr(hub_module, "FULL_BYTES", -1)
    with pytest.raises(LinkEndedError, match="a does not keep up") as caught:
        await console.open("a")
    assert caught.value.end.reason == ConnectResponse.FAILED


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
            agents.pop(client_id).session._socket.abort()
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
        agent.session.close()
        await wait_for(lambda: console.present() == {})
        assert console.mirror.is_complete


async def test_a_console_that_does_not_read_is_not_flooded_with_the_roster() -> None:
    async with running_relay() as relay, Raw.connect(relay) as console:
        publisher = relay.server.hub.publisher
        about = About(host="h" * 64, os="o" * 64, user="u" * 64, serves=["k" * 32] * 16)  # more than the system buffers
        for number in range(30_000):
            publisher.joined(f"agent-{number:05}", number)
            publisher.described(f"agent-{number:05}", about)
        await console.log_in("c")
        port = relay.server.hub.router.port("c")
        assert port is not None
        connection = relay.server.hub.connection_to(port)
        watch = Msg(type=MsgType.roster_watch, from_id="c", to="server", roster_watch=RosterWatch(on=True))
        console.send(envelope.to_frame(watch))
        await wait_for(lambda: not connection.socket.writable, "a full connection")
        assert connection.socket.waiting_bytes < HIGH_WATER_BYTES + 64 * 1024
        publisher.left("agent-00000")
        mirror = RosterMirror()
        while not mirror.is_complete or len(mirror.entries) == 30_000:
            assert not mirror.receive((await console.receive()).roster).gap
        assert len(mirror.entries) == 29_999


async def test_a_silent_holder_loses_its_id(tmp_path: Path) -> None:
    async with running_relay() as relay, Raw.connect(relay) as silent:
        await silent.log_in("a")
        newcomer = await relay.join("a", tag="another installation")
        await silent.closed()
        assert newcomer.client.session is not None


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


async def test_a_fault_while_others_are_told_of_an_end_leaves_no_id_held(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running_relay() as relay, Raw.connect(relay) as first:
        await first.log_in("a", AGENT)
        hub = relay.server.hub
        port = hub.router.port("a")
        assert port is not None

        def fail(_commands: object) -> None:
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
        monkeypatch.setattr(hub.connection_to(hub.router.port("w")), "tick", fail)  # type: ignore[arg-type]
        await wait_for(lambda: relay.server.ticks.faults > 5)
        await relay.join("a")
        await wait_for(lambda: set(watcher.present()) == {"a"})


async def test_a_stopping_relay_says_so(relay: TestRelay) -> None:
    agent = await relay.join("a")
    await relay.server.stop()
    await wait_for(lambda: [s for s in agent.statuses if s.reason == "the relay is shutting down"])


# logins


async def test_a_wrong_secret_is_refused_with_the_reason(relay: TestRelay) -> None:
    target = relay.target("a")
    stranger = relay.run(replace(target, login=LoginKey(b"x" * 32)))
    status = await stranger.waiting()
    assert status.refused
    assert status.reason == "the relay refuses the login: wrong secret"


@contextlib.asynccontextmanager
async def tls_proxy(relay: TestRelay, files: TlsFiles, *, relay_has_tls: bool) -> AsyncIterator[int]:
    """End TLS with another certificate in front of a relay, as a proxy or a man in the middle does; yield its port."""
    writers: list[asyncio.StreamWriter] = []
    pumping: set[asyncio.StreamWriter] = set()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, OSError):
            while got := await reader.read(65536):
                writer.write(got)
                await writer.drain()
        writer.close()

    async def splice(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        context = client_context(verify=False) if relay_has_tls else None
        inner = await asyncio.open_connection(relay.address.host, relay.address.port, ssl=context)
        writers.extend([writer, inner[1]])
        pumping.add(writer)
        await asyncio.gather(pump(reader, inner[1]), pump(inner[0], writer))
        pumping.discard(writer)

    context = server_context(files.certificate, files.key)
    server = await asyncio.start_server(splice, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()
        await wait_for(lambda: not pumping, "the proxy's connections to end")


def through(relay: TestRelay, port: int) -> RelayTarget:
    return replace(relay.target("a"), address=RelayAddress("127.0.0.1", port), tls=True)


@pytest.mark.parametrize("relay_has_tls", [True, False])
@pytest.mark.parametrize("is_known", [False, True])
async def test_who_ends_tls_in_the_middle_is_noticed_unless_it_is_our_proxy(
    tmp_path: Path, relay_has_tls: bool, is_known: bool
) -> None:
    files = tls_files(tmp_path, "proxy")
    known = (Certificate.from_pem_file(files.certificate),) if is_known else ()
    own = tls_files(tmp_path) if relay_has_tls else None
    async with (
        running_relay(own, proxy_certificates=known) as relay,
        tls_proxy(relay, files, relay_has_tls=relay_has_tls) as port,
    ):
        agent = relay.run(through(relay, port))
        if is_known:
            await agent.client.online()
            return
        status = await agent.waiting()
        assert status.refused
        assert "certificate mismatch" in status.reason
        assert relay.server.hub.clients == 0


async def test_a_recorded_login_is_worth_nothing() -> None:
    async with running_relay() as relay, Raw.connect(relay) as honest, Raw.connect(relay) as replay:
        hello, proof = await honest.log_in("a")
        replay.send(hello)
        assert (await replay.receive()).hsp.HasField("challenge")
        replay.send(proof)
        assert (await replay.receive()).hsp.refusal.code == Refusal.WRONG_SECRET
        await replay.closed()


async def test_a_relay_that_reflects_our_proof_is_not_believed() -> None:
    async with running_relay() as relay:

        async def reflect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            decoder = FrameDecoder()
            with contextlib.closing(writer):
                while got := await reader.read(4096):
                    for payload in [p for batch in decoder.feed(got) for p in batch.payloads()]:
                        said = envelope.parse(payload).hsp
                        answer = Msg(type=MsgType.handshake, from_id="server", to="a")
                        if said.HasField("hello"):
                            answer.hsp.challenge.version = 2
                            answer.hsp.challenge.nonce = said.hello.nonce
                        else:
                            answer.hsp.accept.mac = said.proof.mac
                        writer.write(envelope.to_frame(answer))

        async with await asyncio.start_server(reflect, "127.0.0.1", 0) as fake:
            address = RelayAddress("127.0.0.1", fake.sockets[0].getsockname()[1])
            agent = relay.run(replace(relay.target("a"), address=address))
            status = await agent.waiting()
            assert "does not know the secret" in status.reason


@pytest.mark.parametrize("start", [b"", b"\x00", b"\x0f\xff\x00\x00\x00\x00abc", b"\x16\x03\x01"])
async def test_who_dawdles_before_the_login_is_sent_away(start: bytes, tmp_path: Path) -> None:
    for tls in (None, tls_files(tmp_path)):
        async with running_relay(tls, login_seconds=0.2) as relay, Raw.connect(relay) as loris:
            loris.send(start)
            await loris.closed()


@pytest.mark.parametrize("has_begun", [True, False])
async def test_who_is_pushed_out_of_the_lobby_is_told_if_it_has_said_anything(has_begun: bool) -> None:
    async with running_relay() as relay:
        relay.server.hub._lobby = Lobby(most=1)
        async with Raw.connect(relay) as first:
            if has_begun:
                claims = v2.Claims("a", AGENT, (), "raw", b"r" * 16)
                first.send(envelope.to_frame(v2.ClientLogin(KEY, claims, v2.NO_TLS, b"c" * 32).hello()))
                assert (await first.receive()).hsp.HasField("challenge")
            else:
                await wait_for(lambda: relay.server.hub.connections == 1)
            async with Raw.connect(relay):
                if has_begun:
                    assert (await first.receive()).hsp.refusal.code == Refusal.OVERLOADED
                await first.closed()


async def test_a_long_frame_before_the_login_is_not_even_waited_for() -> None:
    async with running_relay() as relay, Raw.connect(relay) as stranger:
        stranger.send(b"\xff\xff\x00\x00\x00\x00" + bytes(5000))
        await stranger.closed()


async def test_what_breaks_the_protocol_after_the_login_is_told_why() -> None:
    async with running_relay() as relay, Raw.connect(relay) as client:
        await client.log_in("a")
        client.send(encode_frame(b"\xff\xff\xff"))
        notice = await client.receive()
        assert notice.type == MsgType.notice
        assert "does not carry a message" in notice.notice.text
        await client.closed()


async def test_a_payload_that_does_not_belong_to_its_type_harms_its_sender_only() -> None:
    async with running_relay() as relay, Raw.connect(relay) as hostile:
        agent, honest = await relay.join("a"), await relay.join("c", CONSOLE)
        link = await honest.open("a")
        await hostile.log_in("h")
        request = Msg(type=MsgType.connect_req, from_id="h", to="a", link_id="l1", creq=ConnectRequest(name="x"))
        hostile.send(envelope.to_frame(request))
        assert (await hostile.receive()).crep.ok
        head = Msg(type=MsgType.shell_data, from_id="h", to="a", link_id="l1").SerializeToString()
        hostile.send(encode_frame(head + b"\x5a\x06\x0a\x04good"))  # field 11 holds a string
        hostile.send(encode_frame(head + b"\x5a\x06\x0a\x04\xff\xfe\xfd\xfc"))  # which is no UTF-8 any more
        assert (await hostile.receive()).notice.code == Notice.PROTOCOL
        await hostile.closed()
        await link.send(shell_data(b"still here"))
        assert (await agent.links[0].receive()).sdata.data == b"still here"


async def test_a_ping_that_fills_a_frame_is_answered() -> None:
    async with running_relay() as relay, Raw.connect(relay) as client:
        await client.log_in("a")
        ping = Msg(type=MsgType.ping, to="server")  # no sender: the pong is longer
        ping.ping.MergeFromString(
            b"\x09" + (5).to_bytes(8, "little") + b"\xa2\x06\xd4\xff\x03" + bytes(65_492)
        )  # field 100
        assert ping.ByteSize() > MAX_PAYLOAD_BYTES - 16
        client.send(envelope.to_frame(ping))
        pong = await client.receive()
        assert pong == Msg(type=MsgType.pong, from_id="server", to="a", ping=Ping(nonce=5))


async def test_messages_that_mean_nothing_are_counted() -> None:
    async with running_relay() as relay, Raw.connect(relay) as client:
        await client.log_in("a")
        for kind in (MsgType.about, MsgType.handshake, MsgType.roster, MsgType.forward, 99):
            client.send(envelope.to_frame(Msg(type=kind, from_id="a", to="server")))  # type: ignore[arg-type]
        client.send(envelope.to_frame(Msg(type=MsgType.ping, from_id="a", to="server")))
        assert (await client.receive()).type == MsgType.pong
        assert relay.server.hub.dropped == 5


# listening


async def test_an_address_in_use_is_the_user_s_business(relay: TestRelay) -> None:
    second = RelayServer(RelaySettings(KEY, host=relay.address.host, port=relay.address.port))
    with pytest.raises(UserError, match="Address already in use"):
        await second.start()
    await second.stop()
