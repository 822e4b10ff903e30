"""A client's links: opening, data, ends, and who slows whom."""

import asyncio
import socket

import pytest

from natpass_wire.aio.client import Phase
from natpass_wire.aio.link import IncomingLink, Link, LinkEndedError
from natpass_wire.aio.plain_link import MAX_UNREAD_BYTES, PlainLink
from natpass_wire.errors import LocalProtocolError
from natpass_wire.links import End
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.link_pb2 import ConnectRequest, ConnectResponse, ConnectShell, LinkEnd
from natpass_wire.pb.shell_pb2 import ShellData
from tests.support.waiting import wait_for
from tests.wire.aio.plugs import HOST, Tls
from tests.wire.aio.stub import Guest, StubRelay, accept_links
from tests.wire.aio.watched import SHELL, Watched, data, receive_all, running, target

pytestmark = pytest.mark.both_loops


async def test_a_link_carries_data_both_ways_and_ends_with_its_reason(tls: Tls | None) -> None:
    relay = StubRelay(tls=tls, on_message=accept_links)
    async with relay.running() as port, running(target(port, tls=tls is not None)) as watched:
        await watched.client.online()
        link = await watched.client.open_link("a", SHELL, plain=True)
        guest = await relay.guest()
        await link.send(data(b"there"))
        await wait_for(lambda: guest.of_type(MsgType.shell_data))
        assert guest.messages[-1] == Msg(
            type=MsgType.shell_data, from_id="c", to="a", link_id=link.link_id, sdata=ShellData(data=b"there")
        )
        for content in (b"one", b"two"):
            guest.send(Msg(type=MsgType.shell_data, from_id="a", link_id=link.link_id, sdata=ShellData(data=content)))
        end = LinkEnd(cause=LinkEnd.EXITED, text="exit status 3", status=3)
        guest.send(Msg(type=MsgType.disconnect, from_id="a", link_id=link.link_id, end=end))
        contents: list[bytes] = []
        while len(contents) < 2:
            contents += [message.sdata.data for message in await link.receive_batch()]
        assert contents == [b"one", b"two"]
        with pytest.raises(LinkEndedError) as ended:
            await link.receive()
        assert ended.value.end == link.end == End(LinkEnd.EXITED, "exit status 3", 3)
        with pytest.raises(LinkEndedError):
            await link.send(data(b"late"))
        guest.send(Msg(type=MsgType.shell_data, from_id="a", link_id=link.link_id))
        await wait_for(lambda: watched.client.connection and watched.client.connection.dropped == 1)


async def test_a_refused_link_says_why() -> None:
    def refuse(guest: Guest, message: Msg) -> None:
        crep = ConnectResponse(ok=False, msg="agent a is not connected", reason=ConnectResponse.ABSENT)
        guest.send(Msg(type=MsgType.connect_rep, to="c", link_id=message.link_id, crep=crep))

    async with StubRelay(on_message=refuse).running() as port, running(target(port)) as watched:
        await watched.client.online()
        with pytest.raises(LinkEndedError, match="agent a is not connected") as refused:
            await watched.client.open_link("a", SHELL, plain=True)
        assert refused.value.end.reason == ConnectResponse.ABSENT


async def test_a_link_that_nobody_answers_is_given_up_and_closed() -> None:
    relay = StubRelay()
    async with relay.running() as port, running(target(port)) as watched:
        await watched.client.online()
        with pytest.raises(LinkEndedError, match="did not answer within"):
            await watched.client.open_link("a", SHELL, plain=True, timeout=0.05)
        guest = await relay.guest()
        await wait_for(lambda: guest.of_type(MsgType.disconnect))
        late = Msg(type=MsgType.connect_rep, from_id="a", link_id=guest.messages[0].link_id)
        late.crep.ok = True
        guest.send(late)
        await wait_for(lambda: watched.client.connection and watched.client.connection.dropped == 1)


async def test_who_waits_for_a_link_may_be_cancelled() -> None:
    relay = StubRelay()
    async with relay.running() as port, running(target(port)) as watched:
        await watched.client.online()
        opening = asyncio.get_running_loop().create_task(
            watched.client.open_link("a", SHELL, plain=True), name="opening"
        )
        guest = await relay.guest()
        await wait_for(lambda: guest.of_type(MsgType.connect_req))
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        await wait_for(lambda: guest.of_type(MsgType.disconnect))


async def test_what_somebody_else_has_serialised_goes_out_as_if_it_were_ours() -> None:
    relay = StubRelay(on_message=accept_links)
    async with relay.running() as port, running(target(port)) as watched:
        link = await (await watched.client.online()).plain_links.open("a", SHELL)
        message = Msg(type=MsgType.shell_data, sdata=ShellData(data=b"ls"))
        await link.send_serialised(message.SerializeToString())
        await link.send(message)
        guest = await relay.guest()
        await wait_for(lambda: len(guest.of_type(MsgType.shell_data)) == 2)
        one, other = guest.of_type(MsgType.shell_data)
        assert one == other
        assert (one.from_id, one.to, one.link_id) == ("c", "a", link.link_id)
        with pytest.raises(LocalProtocolError):
            await link.send_serialised(message.SerializeToString()[:-1])


async def test_a_request_that_no_frame_carries_leaves_nothing_behind() -> None:
    monstrous = ConnectRequest(kind=ConnectRequest.shell, cshell=ConnectShell(exec="x" * 70_000))
    async with StubRelay().running() as port, running(target(port)) as watched:
        connection = await watched.client.online()
        with pytest.raises(LocalProtocolError):
            await connection.plain_links.open("a", monstrous)
        assert len(connection._table) == 0
        assert not connection.plain_links._links


async def test_no_link_without_a_connection() -> None:
    with socket.create_server((HOST, 0)) as free:
        port = free.getsockname()[1]
    async with running(target(port)) as watched:
        await watched.until(Phase.WAITING)
        with pytest.raises(LinkEndedError, match="cannot reach"):
            await watched.client.open_link("a", SHELL, plain=True)


async def asked_link(watched: Watched, guest: Guest) -> IncomingLink:
    guest.send(Msg(type=MsgType.connect_req, from_id="b", to="c", link_id="f0", creq=SHELL))
    await wait_for(lambda: watched.asked)
    link, request = watched.asked.pop()
    assert request == SHELL
    assert link.is_asked
    assert (link.peer, link.link_id) == ("b", "f0")
    return link


async def test_links_that_others_ask_for() -> None:
    relay = StubRelay()
    async with relay.running() as port, running(target(port)) as watched:
        guest = await relay.guest()
        link = await asked_link(watched, guest)
        link.accept()
        await wait_for(lambda: guest.of_type(MsgType.connect_rep))
        assert guest.messages[-1].crep.ok
        link.close("done", LinkEnd.EXITED, 0)
        await wait_for(lambda: guest.of_type(MsgType.disconnect))
        assert guest.messages[-1].end == LinkEnd(cause=LinkEnd.EXITED, text="done", status=0)
        link.close("again")
        refused = await asked_link(watched, guest)
        refused.refuse("not today", ConnectResponse.REFUSED)
        refused.refuse("not today", ConnectResponse.REFUSED)
        await wait_for(lambda: len(guest.of_type(MsgType.connect_rep)) == 2)
        assert guest.messages[-1].crep == ConnectResponse(msg="not today", reason=ConnectResponse.REFUSED)
        late = await asked_link(watched, guest)
        guest.send(Msg(type=MsgType.disconnect, from_id="b", link_id="f0"))
        await late.ended()
        with pytest.raises(LinkEndedError):
            late.accept()
        late.refuse("too late")


async def test_who_serves_nothing_refuses() -> None:
    relay = StubRelay()
    async with relay.running() as port, running(target(port), serves=False):
        guest = await relay.guest()
        guest.send(Msg(type=MsgType.connect_req, from_id="b", to="c", link_id="f0", creq=SHELL))
        await wait_for(lambda: guest.of_type(MsgType.connect_rep))
        assert not guest.messages[-1].crep.ok


async def test_an_unread_link_stops_the_reading_and_loses_nothing(tls: Tls | None) -> None:
    relay = StubRelay(tls=tls, on_message=accept_links, keepalive_ms=1000)
    contents = [number.to_bytes(2, "big") * 20_000 for number in range(500)]
    async with relay.running() as port, running(target(port, tls=tls is not None)) as watched:
        connection = await watched.client.online()
        link = await connection.plain_links.open("a", SHELL)
        guest = await relay.guest()
        for content in contents:
            guest.send(Msg(type=MsgType.shell_data, from_id="a", link_id=link.link_id, sdata=ShellData(data=content)))
        await wait_for(lambda: link.is_holding)
        assert isinstance(link, PlainLink)
        assert link._unread_bytes < MAX_UNREAD_BYTES + 512 * 1024  # the rest of one read
        assert guest.socket.waiting_bytes > 1024 * 1024
        assert await receive_all(link, len(contents)) == contents
        assert not link.is_holding
        assert watched.phases == [Phase.ONLINE]


async def test_a_link_that_ends_unread_lets_the_others_go_on() -> None:
    relay = StubRelay(on_message=accept_links)
    async with relay.running() as port, running(target(port)) as watched:
        connection = await watched.client.online()
        full, other = await connection.plain_links.open("a", SHELL), await connection.plain_links.open("a", SHELL)
        guest = await relay.guest()
        for _ in range(100):
            guest.send(
                Msg(type=MsgType.shell_data, from_id="a", link_id=full.link_id, sdata=ShellData(data=bytes(30_000)))
            )
        guest.send(Msg(type=MsgType.shell_data, from_id="a", link_id=other.link_id, sdata=ShellData(data=b"late")))
        await wait_for(lambda: full.is_holding)
        full.close()
        assert (await other.receive()).sdata.data == b"late"


async def test_senders_wait_for_a_slow_relay_and_lose_nothing(tls: Tls | None) -> None:
    relay = StubRelay(tls=tls, on_message=accept_links)
    async with relay.running() as port, running(target(port, tls=tls is not None)) as watched:
        connection = await watched.client.online()
        links = [await connection.plain_links.open("a", SHELL) for _ in range(3)]
        guest = await relay.guest()
        guest.socket.pause_reading()

        async def send(link: Link) -> None:
            for number in range(120):
                await link.send(data(bytes([number]) * 50_000))

        async with asyncio.TaskGroup() as senders:
            tasks = [senders.create_task(send(link), name="sender") for link in links]
            await wait_for(lambda: not connection._socket.writable)
            assert connection._socket.waiting_bytes < 1024 * 1024
            cancelled = senders.create_task(links[0].send(data(b"never")), name="cancelled")
            await asyncio.sleep(0)
            cancelled.cancel()
            assert not any(task.done() for task in tasks)
            guest.socket.resume_reading()
        for link in links:
            received = [m.sdata.data[0] for m in guest.of_type(MsgType.shell_data) if m.link_id == link.link_id]
            await wait_for(lambda: len(guest.of_type(MsgType.shell_data)) == 360)
            received = [m.sdata.data[0] for m in guest.of_type(MsgType.shell_data) if m.link_id == link.link_id]
            assert received == list(range(120))


async def test_a_sender_that_waits_hears_of_the_end() -> None:
    relay = StubRelay(on_message=accept_links)
    async with relay.running() as port, running(target(port)) as watched:
        connection = await watched.client.online()
        link = await connection.plain_links.open("a", SHELL)
        guest = await relay.guest()
        guest.socket.pause_reading()

        async def send_for_ever() -> None:
            while True:
                await link.send(data(bytes(50_000)))

        sender = asyncio.get_running_loop().create_task(send_for_ever(), name="sender")
        await wait_for(lambda: not connection._socket.writable)
        guest.socket.abort()
        with pytest.raises(LinkEndedError, match="connection to the relay lost"):
            await sender
