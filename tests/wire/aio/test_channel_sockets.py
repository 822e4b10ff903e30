"""Channels between real sockets: bytes exact, half-closes and resets as they were, a slow one slows only itself."""

import asyncio
import contextlib
import errno
import secrets
import socket
from pathlib import Path
from unittest.mock import Mock

import pytest

from natpass_wire.aio import channel_socket
from natpass_wire.channels.channel import FIRST_WINDOW, MAX_WINDOW
from natpass_wire.channels.events import Endpoint
from tests.support.peers import HOST, Peer, Target
from tests.support.waiting import wait_for
from tests.wire.aio.forwarding import Listening, Local, forwarding, pair, until_blocked

pytestmark = pytest.mark.both_loops
MIB = 1024 * 1024


@pytest.mark.parametrize("real", [False, True], ids=["memory", "streams"])
async def test_bytes_arrive_exactly_both_ways_at_once(real: bool) -> None:
    async with forwarding(real=real) as world, pair(world) as (client, target):
        down, up = secrets.token_bytes(3 * MIB + 1), secrets.token_bytes(2 * MIB + 7)

        async def say(peer: Peer, data: bytes) -> None:
            await peer.send(data)
            peer.end()

        async with asyncio.TaskGroup() as group:
            group.create_task(say(client, up))
            group.create_task(say(target, down))
            at_target = group.create_task(target.read_all())
            at_client = group.create_task(client.read_all())
        assert at_target.result() == up
        assert at_client.result() == down
        await wait_for(lambda: (len(world.console), len(world.agent)) == (0, 0), "the channel's end")
        await wait_for(lambda: [each.reasons for each in world.sockets] == [[""], [""]], "both ends")
        traffic = world.locals[0].traffic
        assert (traffic.sent, traffic.received) == (len(up), len(down))


@pytest.mark.parametrize("first", ["client", "target"])
@pytest.mark.parametrize("real", [False, True], ids=["memory", "streams"])
async def test_one_half_closes_and_the_other_goes_on(real: bool, first: str) -> None:
    async with forwarding(real=real) as world, pair(world) as (client, target):
        one, other = (client, target) if first == "client" else (target, client)
        await one.send(b"question")
        one.end()
        assert await other.read_all() == b"question"
        answer = secrets.token_bytes(MIB)
        async with asyncio.TaskGroup() as group:
            reading = group.create_task(one.read_all())
            await other.send(answer)
            other.end()
        assert reading.result() == answer
        await wait_for(lambda: not len(world.console) and not len(world.agent), "the channel's end")


async def test_half_closes_travel_through_unix_sockets(tmp_path: Path) -> None:
    async with forwarding() as world, pair(world, tmp_path) as (client, target):
        await client.send(b"question")
        client.end()
        assert await target.read_all() == b"question"
        await target.send(b"answer")
        target.end()
        assert await client.read_all() == b"answer"


@pytest.mark.parametrize("after_end", [False, True], ids=["open", "half-closed"])
@pytest.mark.parametrize("first", ["client", "target"])
@pytest.mark.parametrize("real", [False, True], ids=["memory", "streams"])
async def test_a_reset_is_told_as_a_reset(real: bool, first: str, after_end: bool) -> None:
    async with forwarding(real=real) as world, pair(world) as (client, target):
        one, other = (client, target) if first == "client" else (target, client)
        await one.send(b"x")
        assert await other.read(1) == b"x"
        if after_end:
            other.end()
            assert await one.read_all() == b""
        one.reset()
        with pytest.raises(ConnectionResetError):
            await other.read_all()
        await wait_for(lambda: not len(world.console) and not len(world.agent), "the channel's end")
        reasons = {*world.locals[0].reasons, *world.dialled[0].reasons}
        assert reasons == {"connection reset"}


async def test_a_target_that_refuses_ends_the_connection_at_once() -> None:
    with contextlib.closing(socket.socket()) as unused:
        unused.bind(("127.0.0.1", 0))
        async with forwarding() as world:
            client = await Peer.to(await world.forward(Endpoint("127.0.0.1", unused.getsockname()[1])))
            with contextlib.closing(client), pytest.raises(ConnectionResetError):
                await client.read_all()
            assert (
                "refused" in world.locals[0].reasons[0].lower() or "Connect call failed" in world.locals[0].reasons[0]
            )


@pytest.mark.parametrize("real", [False, True], ids=["memory", "streams"])
async def test_a_slow_reader_holds_up_only_itself(real: bool) -> None:
    async with forwarding(real=real) as world, pair(world) as (client, slow), pair(world) as (other, quick):
        sent = await until_blocked(client, 64 * MIB)
        assert sent < 32 * MIB
        for _ in range(20):
            await other.send(b"k")
            assert await quick.read(1) == b"k"
            await quick.send(b"K")
            assert await other.read(1) == b"K"
        # It reads at last, and misses nothing.
        client.end()
        assert len(await slow.read_all()) == sent


async def test_what_waits_for_a_slow_socket_has_a_bound() -> None:
    async with forwarding() as world, pair(world) as (client, _slow):
        await until_blocked(client, 64 * MIB)
        received = world.dialled[0].traffic.received
        consumed = world.agent._mux._channels[world.dialled[0].channel].incoming.consumed
        assert received - consumed <= MAX_WINDOW
        waiting = world.dialled[0]._transport.get_write_buffer_size()  # type: ignore[union-attr]
        assert waiting <= MAX_WINDOW + channel_socket._HIGH_WATER


@pytest.mark.parametrize("real", [False, True], ids=["memory", "streams"])
async def test_a_thousand_connections(real: bool) -> None:
    count = 1000
    async with forwarding(real=real) as world:
        with contextlib.closing(Target()) as target, contextlib.ExitStack() as stack:
            port = await world.forward(target.endpoint)
            clients, there = [], []
            for number in range(count):
                client = stack.enter_context(contextlib.closing(await Peer.to(port)))
                clients.append(client)
                await client.send(number.to_bytes(2, "big"))
                there.append(await target.accept())
            assert len(world.console) == count
            numbers = [await peer.read(2) for peer in there]
            assert sorted(numbers) == [number.to_bytes(2, "big") for number in range(count)]
            for peer, content in zip(there, numbers, strict=True):
                await peer.send(content)
                peer.end()
            for number, client in enumerate(clients):
                assert await client.read_all() == number.to_bytes(2, "big")
                client.end()
            await wait_for(lambda: not len(world.console) and not len(world.agent), "the end of all")
            await wait_for(lambda: all(each.reasons == [""] for each in world.sockets), "all sockets")


@pytest.mark.parametrize("real", [False, True], ids=["memory", "streams"])
async def test_bytes_and_an_end_that_come_early_wait_for_the_target(real: bool) -> None:
    async with forwarding(real=real) as world:
        world.waits = True
        with contextlib.closing(Target()) as target:
            client = await Peer.to(await world.forward(target.endpoint))
            with contextlib.closing(client):
                early = secrets.token_bytes(FIRST_WINDOW - 5)
                await client.send(early)
                client.end()
                await wait_for(lambda: world.waiting and world.locals[0].traffic.sent == len(early), "the question")
                world.answer()
                there = await target.accept()
                assert await there.read_all() == early
                await there.send(b"answer")
                there.end()
                assert await client.read_all() == b"answer"


async def test_a_reset_that_comes_early_leaves_nothing() -> None:
    async with forwarding() as world:
        world.waits = True
        with contextlib.closing(Target()) as target:
            client = await Peer.to(await world.forward(target.endpoint))
            await client.send(b"x")
            await wait_for(lambda: world.waiting, "the question")
            client.reset()
            await wait_for(lambda: not len(world.agent), "the reset")
            world.answer()
            there = await target.accept()
            with pytest.raises(ConnectionResetError):
                await there.read_all()
            assert world.dialled[0].reasons == ["gone"]


@pytest.mark.parametrize("real", [False, True], ids=["memory", "streams"])
async def test_a_listener_at_the_agent_brings_connections(real: bool) -> None:
    async with forwarding(real=real) as world:
        with contextlib.closing(Target()) as target:
            world.console_target = target.endpoint
            listening = Listening()
            listener = world.console.listen(listening, Endpoint())
            await wait_for(lambda: listening.address, "the listener")
            assert listening.address is not None
            client = await Peer.to(listening.address[1])
            with contextlib.closing(client):
                there = await target.accept()
                await client.send(b"to the console")
                client.end()
                assert await there.read_all() == b"to the console"
                await there.send(b"to the agent")
                there.end()
                assert await client.read_all() == b"to the agent"
            world.console.reset(listener, "removed")
            await wait_for(lambda: not len(world.console) and not len(world.agent), "the listener's end")


@pytest.mark.parametrize("real", [False, True], ids=["memory", "streams"])
async def test_the_links_end_resets_all(real: bool) -> None:
    async with forwarding(real=real) as world, pair(world) as (client, target):
        await client.send(b"x")
        assert await target.read(1) == b"x"
        world.agent_link.close("enough")
        with pytest.raises(ConnectionResetError):
            await client.read_all()
        with pytest.raises(ConnectionResetError):
            await target.read_all()
        await wait_for(lambda: len(world.ends) == 2, "both ends")
        assert world.ends[0].text == "enough"


async def test_a_socket_that_takes_the_last_bytes_never_does_not_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel_socket, "_LINGER_SECONDS", 0.05)
    async with forwarding() as world, pair(world, takes_little=True) as (client, slow):
        transport = world.dialled[0]._transport
        assert transport is not None
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2048)
        await client.send(bytes(FIRST_WINDOW))
        client.end()
        slow.end()
        assert await client.read_all() == b""
        await wait_for(lambda: not len(world.agent), "the channel's end")
        await wait_for(lambda: world.dialled[0].reasons, "the end of a socket that nobody reads")
        with pytest.raises(ConnectionResetError):  # not an end that looks as if all had come
            await slow.read_all()


async def test_small_pieces_for_a_slow_socket_are_kept_as_one() -> None:
    async with forwarding() as world, pair(world) as (client, slow):
        total = await until_blocked(client, 64 * MIB)
        dialled = world.dialled[0]
        await wait_for(lambda: dialled._is_paused, "a full socket")
        before = dialled.traffic.received
        credit = world.agent._mux._channels[dialled.channel].incoming
        pieces = min(2000, credit.consumed + credit.window - credit.received)
        for number in range(pieces):  # as the link's reader does
            credit.received += 1
            dialled.received(bytes([number % 251]))
        assert dialled.traffic.received == before + pieces
        assert dialled._waiting is not None
        assert len(dialled._waiting) >= pieces
        client.end()
        got = await slow.read(total + pieces)
        assert len(got) == total + pieces


async def test_no_delay_is_set_on_both_sockets() -> None:
    async with forwarding() as world, pair(world) as (_client, _target):
        for each in (world.locals[0], world.dialled[0]):
            assert each._transport is not None
            sock = each._transport.get_extra_info("socket")
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


async def test_what_comes_for_a_socket_that_has_just_failed_is_dropped() -> None:
    async with forwarding() as world, pair(world) as (_client, _target):
        dialled = world.dialled[0]
        assert dialled._transport is not None
        dialled._transport.abort()
        dialled.received(b"late")  # before the loop has called connection_lost
        dialled.ended()
        dialled.writable()
        await wait_for(lambda: dialled.reasons, "the socket's end")
        await wait_for(lambda: not len(world.console), "the channel's end")


async def test_an_end_for_a_socket_that_was_reset_resets_its_channel() -> None:
    """asyncio's own transport raises then, if nobody has read the reset yet; the link's other channels go on."""

    class Reset(Local):
        def ended(self) -> None:
            transport = Mock(wraps=self._transport)
            transport.is_closing.return_value = False
            transport.write_eof.side_effect = OSError(errno.ENOTCONN, "not connected")
            self._transport = transport
            super().ended()

    async with forwarding() as there:
        with contextlib.closing(Target()) as target:
            server = await asyncio.get_running_loop().create_server(
                lambda: Reset(there.console, target.endpoint, there.locals), HOST, 0
            )
            client = await Peer.to(server.sockets[0].getsockname()[1])
            (await target.accept()).end()
            with pytest.raises(ConnectionResetError):
                await client.read_all()
            server.close()
            client.close()
