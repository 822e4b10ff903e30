"""Forwards against a small agent: all start or none, refusals end at once, all comes back with the agent."""

import asyncio
import contextlib
import logging
import os
import secrets
import socket
from pathlib import Path

import pytest

from natpass_tui.links.forward import local as local_module
from natpass_tui.links.forward import remote as remote_module
from natpass_tui.links.forward.account import RuleAccount
from natpass_tui.links.forward.forwards import Forwards
from natpass_tui.links.forward.remote import RemoteListener
from natpass_tui.links.forward.rows import ForwardState
from natpass_tui.links.forward.rules import Direction
from natpass_wire.aio.link import LinkEndedError
from natpass_wire.aio.tasks import Tasks
from natpass_wire.channels.events import ChannelAsked, Endpoint
from natpass_wire.errors import UserError
from natpass_wire.pb.forward_pb2 import ChannelRefused
from tests.support.peers import UNIX, Peer, Target
from tests.support.waiting import wait_for
from tests.tui.links.forward.agent_double import NOW, Echo, World, forwarding, rule, settled, unused_port

pytestmark = pytest.mark.both_loops
HAS_IPV6 = Path("/proc/net/if_inet6").exists()


def unused_port_number() -> int:
    with unused_port() as port:
        return port


async def test_one_rule_leaves_channels_to_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_module, "MOST_OF_LISTENER", 2)
    with contextlib.closing(Target()) as target, contextlib.ExitStack() as stack:
        rules = rule("L", f"0:localhost:{target.port}"), rule("L", f"0:127.0.0.1:{target.port}")
        async with forwarding(*rules) as (_, forwards):
            one, other = (row.address for row in forwards.rows())
            for _ in range(2):
                stack.enter_context(contextlib.closing(await Peer.to(one)))
                stack.enter_context(contextlib.closing(await target.accept()))
            with contextlib.closing(await Peer.to(one)) as third, pytest.raises(ConnectionResetError):
                await third.read_all()
            assert "connections of this rule already" in forwards.rows()[0].last_error
            client = stack.enter_context(contextlib.closing(await Peer.to(other)))
            there = stack.enter_context(contextlib.closing(await target.accept()))
            await client.send(b"in")
            assert await there.read(2) == b"in"


async def test_a_target_that_refuses_again_and_again_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with unused_port() as port:
        async with forwarding(rule("L", f"0:localhost:{port}")) as (_, forwards):
            for number in range(20):
                with contextlib.closing(await Peer.to(forwards.rows()[0].address)) as client:
                    with pytest.raises(ConnectionResetError):
                        await client.read_all()
                    assert forwards.rows()[0].total == number + 1
            assert f"localhost:{port}" in forwards.rows()[0].last_error
    assert len([line for line in caplog.messages if f"localhost:{port}" in line]) == 1


async def test_bytes_and_half_closes_go_through_a_local_rule() -> None:
    tasks = Tasks()
    with contextlib.closing(Target()) as target:
        async with forwarding(rule("L", f"0:localhost:{target.port}")) as (_, forwards):
            address = forwards.rows()[0].address
            client = await Peer.to(address)
            there = await target.accept()
            up, down = secrets.token_bytes(300_000), secrets.token_bytes(500_000)
            sending = tasks.start(client.send(up), "send")
            assert await there.read(len(up)) == up
            await sending
            client.end()
            assert await there.read_all() == b""
            sending = tasks.start(there.send(down), "send")
            assert await client.read(len(down)) == down
            await sending
            row = forwards.rows()[0]
            assert (row.state, row.open, row.total) == (ForwardState.LISTENING, 1, 1)
            assert (row.sent, row.received) == (len(up), len(down))
            connection = forwards.connections()[0]
            assert connection.client == "{}:{}".format(*client.sock.getsockname())
            assert (connection.target, connection.since) == (f"localhost:{target.port}", NOW)
            there.end()
            assert await client.read_all() == b""
            await settled(forwards)
            row = forwards.rows()[0]
            assert (row.open, row.total, row.sent, row.received) == (0, 1, len(up), len(down))
            assert row.clients == (connection.client,)
            assert forwards._link is not None
            assert not forwards._link._users  # nobody is told of what is over
            client.close()


async def test_loopback_has_both_families_at_one_port() -> None:
    with contextlib.closing(Target()) as target:
        async with forwarding(rule("L", f"0:127.0.0.1:{target.port}")) as (_, forwards):
            port = forwards.rows()[0].address.rpartition(":")[2]
            for host in ["127.0.0.1", *(["[::1]"] if HAS_IPV6 else [])]:
                client = await Peer.to(f"{host}:{port}")
                there = await target.accept()
                await client.send(b"x")
                assert await there.read(1) == b"x"
                client.reset()


async def test_unix_sockets_on_both_sides(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    with contextlib.closing(Target(str(there))) as target:
        async with forwarding(rule("L", f"{here}:{there}")) as (_, forwards):
            assert forwards.rows()[0].address == str(here)
            assert here.stat().st_mode & 0o777 == 0o600
            client = await Peer.to(str(here))
            other = await target.accept()
            await client.send(b"question")
            client.end()
            assert await other.read_all() == b"question"
            other.end()
            assert await client.read_all() == b""
            await settled(forwards)
            assert forwards.rows()[0].clients == ("a Unix socket",)
            client.close()
        assert not here.exists()


async def test_a_file_of_a_unix_socket_that_nobody_has_is_replaced_and_others_are_kept(tmp_path: Path) -> None:
    stale, file, used = tmp_path / "stale", tmp_path / "file", tmp_path / "used"
    with contextlib.closing(socket.socket(UNIX)) as old:
        old.bind(str(stale))
    file.write_text("mine")
    async with forwarding(rule("L", f"{stale}:a:1")):
        pass
    with contextlib.closing(Target(str(used))):
        for taken in (file, used):
            with pytest.raises(UserError, match="in use"):
                async with forwarding(rule("L", f"{taken}:a:1")):
                    raise AssertionError
    assert file.read_text() == "mine"
    assert used.exists()


async def test_a_target_that_refuses_ends_the_connection_at_once() -> None:
    with unused_port() as port:
        async with forwarding(rule("L", f"0:127.0.0.1:{port}")) as (world, forwards):
            client = await Peer.to(forwards.rows()[0].address)
            with contextlib.closing(client), pytest.raises(ConnectionResetError):
                await client.read_all()
            row = forwards.rows()[0]
            assert (row.open, row.total, row.error_at) == (0, 1, NOW)
            assert row.last_error == f"127.0.0.1:{port}: connection refused"
            assert world.told == [f"-L 0:127.0.0.1:{port}: {row.last_error}"]


async def test_a_target_that_the_agent_names_too_is_named_once() -> None:
    world = World()
    world.refuses = "db:1: connection refused"
    async with forwarding(rule("L", "0:db:1"), world=world) as (_, forwards):
        client = await Peer.to(forwards.rows()[0].address)
        with contextlib.closing(client), pytest.raises(ConnectionResetError):
            await client.read_all()
        assert forwards.rows()[0].last_error == "db:1: connection refused"


async def test_a_listener_at_the_agent_brings_connections_to_our_target() -> None:
    with contextlib.closing(Target()) as target:
        remote = rule("R", f"0:localhost:{target.port}")
        async with forwarding(remote) as (world, forwards):
            address = forwards.rows()[0].address
            assert address == "{}:{}".format(*next(iter(world.agents[0].listeners.values())))
            client = await Peer.to(address)
            there = await target.accept()
            await client.send(b"to the console")
            client.end()
            assert await there.read_all() == b"to the console"
            await there.send(b"to the agent")
            row = forwards.rows()[0]
            assert (row.open, row.clients) == (1, ("10.0.0.7:4711",))
            there.end()
            assert await client.read_all() == b"to the agent"
            await settled(forwards)
            client.close()
            forwards.remove(remote)
            await wait_for(lambda: not len(world.agents[0].channels), "the listener's end")
            with pytest.raises(ConnectionRefusedError):
                await Peer.to(address)


async def test_an_agent_starts_few_dials_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may ask and take back at any rate: what it gave up is still being dialled."""
    monkeypatch.setattr(remote_module, "_MOST_DIALLING", 2)
    dialled, released = [], asyncio.Event()

    async def dial(self: RemoteListener, asked: ChannelAsked) -> None:
        dialled.append(asked.id)
        await released.wait()

    monkeypatch.setattr(RemoteListener, "_dial", dial)
    async with forwarding(rule("R", "0:localhost:9")) as (_, forwards):
        address = forwards.rows()[0].address
        peers = [await Peer.to(address) for _ in range(3)]
        with pytest.raises(ConnectionResetError):
            await peers[2].read_all()
        assert len(dialled) == 2
        released.set()
        for peer in peers:
            peer.close()


@pytest.mark.usefixtures("quick")
async def test_a_bug_in_one_connection_begins_the_forwards_anew(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with forwarding(rule("L", f"0:127.0.0.1:{unused_port_number()}")) as (world, forwards):
        with monkeypatch.context() as broken:
            broken.setattr(RuleAccount, "failed", lambda *_: 1 // 0)
            client = await Peer.to(forwards.rows()[0].address)
            await wait_for(lambda: len(world.agents) > 1, "another link")
            client.close()
        await wait_for(lambda: forwards.rows()[0].state is ForwardState.LISTENING, "it listens again")
        assert "the channels to web1 failed" in caplog.text


async def test_our_target_that_refuses_ends_the_agents_connection() -> None:
    with unused_port() as port:
        async with forwarding(rule("R", f"0:127.0.0.1:{port}")) as (_, forwards):
            client = await Peer.to(forwards.rows()[0].address)
            with contextlib.closing(client), pytest.raises(ConnectionResetError):
                await client.read_all()
            assert forwards.rows()[0].last_error == f"127.0.0.1:{port}: Connection refused"


async def test_an_agent_can_bring_connections_only_to_listeners() -> None:
    async with forwarding(rule("L", "0:a:1")) as (world, _):
        refused: list[str] = []
        channels = world.agents[0].channels

        class User(Echo):
            def not_opened(self, reason: ChannelRefused.Reason, text: str) -> None:
                refused.append(text)

        channels.begin(User(channels, 0), Endpoint(), 2, "x")
        channels.begin(User(channels, 0), Endpoint("127.0.0.1", 22), 0, "x")
        await wait_for(lambda: len(refused) == 2, "both refusals")


async def test_none_is_started_if_one_can_not(tmp_path: Path) -> None:
    with contextlib.closing(Target()) as target:
        taken = f"{target.port}:a:1"
        for bad, why in (
            (rule("L", taken), "Address already in use"),
            (rule("D", str(target.port)), "Address already in use"),
            (rule("R", f"{target.port}:localhost:1"), "in use"),
            (rule("R", "0:no-such-host.invalid:1"), "no-such-host.invalid has no address here"),
            (rule("L", "192.0.2.1:0:a:1"), "assign requested address"),
            (rule("L", "no-such-host.invalid:0:a:1"), "cannot listen at"),
            (rule("L", "/nowhere/at/all:a:1"), "No such file"),
        ):
            world = World()
            forwards = Forwards("web1", world)
            good = [rule("L", f"{tmp_path / 'socket'}:a:1"), rule("D", "0"), rule("R", f"0:localhost:{target.port}")]
            with pytest.raises(UserError, match=why) as failed:
                await forwards.start([*good, bad])
            assert str(failed.value).startswith(bad.option)
            if bad.listen.port == target.port and bad.direction is not Direction.REMOTE:
                assert f"cannot listen at 127.0.0.1:{target.port}: " in str(failed.value)
            assert forwards.rows() == []
            assert not (tmp_path / "socket").exists()
            for agent in world.agents:
                await agent.running
                await agent.tasks.close()


async def test_udp_ports_are_taken_too() -> None:
    with contextlib.closing(socket.socket(type=socket.SOCK_DGRAM)) as sock:
        sock.bind(("127.0.0.1", 0))
        with pytest.raises(UserError, match="in use"):
            async with forwarding(rule("U", f"{sock.getsockname()[1]}:a:1")):
                raise AssertionError


async def test_an_agent_that_is_away_at_the_start_is_said() -> None:
    world = World()
    world.away = "web1 is away"
    with pytest.raises(LinkEndedError, match="web1 is away"):
        await Forwards("web1", world).start([rule("D", "0")])


async def test_rules_are_added_and_removed_one_by_one() -> None:
    with contextlib.closing(Target()) as target:
        first, second = rule("L", f"0:127.0.0.1:{target.port}"), rule("D", "0")
        async with forwarding() as (world, forwards):
            assert forwards.rows() == []
            await forwards.add(first)
            await forwards.add(second)
            assert [row.rule for row in forwards.rows()] == [first, second]
            for bad in (first, rule("L", f"127.0.0.1:{target.port}:a:1")):
                with pytest.raises(UserError):
                    await forwards.add(bad)
            assert [row.rule for row in forwards.rows()] == [first, second]
            client = await Peer.to(forwards.rows()[0].address)
            await target.accept()
            forwards.remove(first)
            with contextlib.closing(client), pytest.raises(ConnectionResetError):
                await client.read_all()
            assert [row.rule for row in forwards.rows()] == [second]
            await wait_for(lambda: not len(world.agents[0].channels), "the channel's end")


async def test_a_removed_rule_does_not_begin_later() -> None:
    world = World()
    async with forwarding(world=world) as (_, forwards):
        world.refuses = ""
        adding = Tasks().start(forwards.add(rule("R", "0:127.0.0.1:1")), "add")
        await wait_for(forwards.rows, "the rule")
        forwards.remove(rule("R", "0:127.0.0.1:1"))
        with contextlib.suppress(UserError):
            await adding
        assert forwards.rows() == []
        await wait_for(lambda: not len(world.agents[0].channels), "no listener")


async def test_what_the_agent_does_not_allow_is_said_and_ends_the_start() -> None:
    world = World()
    world.refuses = "listening at 0.0.0.0:80 is not allowed"
    with pytest.raises(UserError, match=r"-R \*:80:localhost:1: listening at 0.0.0.0:80 is not allowed"):
        async with forwarding(rule("R", "*:80:localhost:1"), world=world):
            raise AssertionError
    for agent in world.agents:
        await agent.tasks.close()


async def test_no_descriptors_are_left() -> None:
    async with forwarding(rule("L", "0:a:1"), rule("U", "0:a:1")):
        pass  # a loop makes some of its own with the first server
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - only their number
    with contextlib.closing(Target()) as target:
        async with forwarding(rule("L", f"0:127.0.0.1:{target.port}"), rule("U", "0:a:1")) as (_, forwards):
            clients = [await Peer.to(forwards.rows()[0].address) for _ in range(20)]
            for _ in clients:
                await target.accept()
        for client in clients:
            client.close()
    await wait_for(lambda: len(os.listdir("/proc/self/fd")) == before, "the descriptors")  # noqa: PTH208 - as above
