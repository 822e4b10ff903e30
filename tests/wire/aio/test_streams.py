"""Streams through a real relay: they outlive connections, and end as they should."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from natpass_wire.aio import carriers
from natpass_wire.aio import stream as stream_module
from natpass_wire.aio.dial import LoggedIn, RelayAddress, RelayTarget, dial
from natpass_wire.aio.link import IncomingLink, Link, LinkEndedError
from natpass_wire.aio.runtime import ReadBuffers
from natpass_wire.aio.stream import Stream
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.link_pb2 import ConnectRequest, ConnectResponse, LinkEnd
from natpass_wire.pb.shell_pb2 import ShellData
from natpass_wire.race import Experience
from tests.support.network.proxy import NetworkProxy
from tests.support.relay import AGENT, CONSOLE, TestClient, TestRelay, running_relay, tls_files
from tests.support.waiting import Progress, patience, wait_for

pytestmark = pytest.mark.both_loops


def data(content: bytes) -> Msg:
    return Msg(type=MsgType.shell_data, sdata=ShellData(data=content))


@dataclass
class World:
    """An agent and a console, each behind a network of its own."""

    relay: TestRelay
    agent: TestClient
    console: TestClient
    agent_net: NetworkProxy
    console_net: NetworkProxy

    async def open(self) -> tuple[Link, IncomingLink]:
        link = await self.console.open("agent", plain=False)
        return link, self.agent.links[-1]


@asynccontextmanager
async def world(tls: Path | None = None, *, accepts: bool = True, **agent_options: float) -> AsyncIterator[World]:
    async with running_relay(tls_files(tls) if tls else None) as relay:
        with NetworkProxy(relay.address.port) as agent_net, NetworkProxy(relay.address.port) as console_net:
            agent = TestClient(behind(relay, "agent", AGENT, agent_net), accepts=accepts, **agent_options)
            console = TestClient(behind(relay, "console", CONSOLE, console_net))
            for client in (agent, console):
                relay.tasks.start(client.client.run(), client.client.client_id)
                await client.client.online()
            yield World(relay, agent, console, agent_net, console_net)
            await relay.tasks.close()


def behind(relay: TestRelay, name: str, role: int, net: NetworkProxy):  # type: ignore[no-untyped-def]
    return replace(relay.target(name, role), address=RelayAddress("127.0.0.1", net.port))  # type: ignore[arg-type]


async def echo(link: Link) -> None:
    """Send back what comes, until the link ends."""
    try:
        while True:
            content = (await link.receive()).sdata.data
            while content:
                room = await link.room()
                await link.send(data(content[:room]))
                content = content[room:]
    except LinkEndedError:
        return


async def read(link: Link, size: int) -> bytes:
    found = bytearray()
    async with Progress() as progress:
        while len(found) < size:
            found += (await link.receive()).sdata.data
            progress.made()
    return bytes(found)


async def write(link: Link, content: bytes) -> None:
    async with Progress() as progress:
        while content:
            room = await link.room()
            await link.send(data(content[:room]))
            content = content[room:]
            progress.made()


@pytest.mark.parametrize("tls", [False, True], ids=["tcp", "tls"])
async def test_bytes_go_both_ways_whole(tls: bool, tmp_path: Path) -> None:
    content = random.Random(1).randbytes(2_000_000)
    async with world(tmp_path if tls else None) as net:
        link, served = await net.open()
        echoing = net.relay.tasks.start(echo(served), "echo")
        writing = net.relay.tasks.start(write(link, content), "writer")
        assert await read(link, len(content)) == content
        link.close("enough", LinkEnd.CLOSED)
        end = await served.ended()
        assert (end.cause, end.text) == (LinkEnd.CLOSED, "enough")
        await asyncio.wait([echoing, writing])
        await wait_for(lambda: not len(net.console.client.streams) and not len(net.agent.client.streams))
        await wait_for(lambda: not len(net.relay.server.hub.router), "the relay's links to end")


async def test_records_are_parsed_where_too_many_envelopes_have_sizes_of_their_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Somebody with ids of every length must not slow down all others: what is not looked up is read all the same."""
    monkeypatch.setattr(carriers, "_MOST_HEAD_SIZES", 0)
    async with world() as net:
        link, served = await net.open()
        echoing = net.relay.tasks.start(echo(served), "echo")
        writing = net.relay.tasks.start(write(link, bytes(100_000)), "writer")
        assert await read(link, 100_000) == bytes(100_000)
        assert not net.agent.connection.carriers._by_head
        link.close()
        await asyncio.wait([echoing, writing])


@pytest.mark.parametrize("which", ["agent_net", "console_net"])
async def test_a_stream_goes_on_when_a_network_is_back(which: str) -> None:
    async with world() as net:
        link, served = await net.open()
        changes: list[bool] = []
        link.watch(lambda: changes.append(link.detached is not None))
        await write(link, b"before ")
        assert await read(served, 7) == b"before "
        getattr(net, which).down()
        await wait_for(lambda: link.detached)
        assert link.detached is not None
        assert link.detached.reason
        waiting = net.relay.tasks.start(write(link, b"meanwhile "), "writer")
        await asyncio.sleep(0)
        getattr(net, which).up()
        assert await read(served, 10) == b"meanwhile "
        await waiting
        await write(served, b"answer")
        assert await read(link, 6) == b"answer"
        assert [end.resumes for end in (link, served)] == [1, 1]
        assert changes.index(False) == len(changes) - 1  # the reason may be another meanwhile


async def test_the_end_and_its_status_outlive_a_connection() -> None:
    async with world() as net:
        link, served = await net.open()
        net.console_net.down()
        await wait_for(lambda: served.detached)
        served.close("exited with status 3", LinkEnd.EXITED, 3)
        net.console_net.up()
        end = await asyncio.wait_for(link.ended(), patience())
        assert (end.cause, end.status, end.text) == (LinkEnd.EXITED, 3, "exited with status 3")
        await wait_for(lambda: not len(net.agent.client.streams))


async def test_what_came_before_the_end_is_read_before_it() -> None:
    async with world() as net:
        link, served = await net.open()
        for _ in range(3):
            await served.send(data(b"x"))
        served.close("over")
        await asyncio.wait_for(link.ended(), patience())
        assert await read(link, 3) == b"xxx"
        with pytest.raises(LinkEndedError, match="over"):
            await link.receive()


async def test_what_a_target_had_not_read_when_it_ended_is_not_acknowledged() -> None:
    async with world() as net:
        link, served = await net.open()
        for content in (b"read", b"in hand", b"unread"):
            await link.send(data(content))
        assert (await read(served, 4), await read(served, 7)) == (b"read", b"in hand")
        await wait_for(lambda: served.has_unread)
        served.close("the agent is shutting down", LinkEnd.PEER_GONE)
        await link.send(data(b"too late"))
        assert (await asyncio.wait_for(link.ended(), patience())).cause == LinkEnd.PEER_GONE
        assert link.unacknowledged == 3  # who reads the next message is done with the one before, and that is told
        await wait_for(lambda: not len(net.agent.client.streams))


async def test_an_end_that_comes_with_the_answer_takes_nothing_away() -> None:
    async with world(accepts=False) as net:
        opening = net.relay.tasks.start(net.console.open("agent", plain=False), "opening")
        await wait_for(lambda: net.agent.links)
        served = net.agent.links[0]
        served.accept()
        await served.send(data(b"short"))
        served.close("exited with status 0", LinkEnd.EXITED, 0)
        link = await opening
        assert await read(link, 5) == b"short"
        assert (await link.ended()).status == 0


async def test_a_batch_is_what_is_here_and_its_sender_is_told_when_the_next_one_is_asked_for() -> None:
    async with world() as net:
        link, served = await net.open()
        contents = [bytes([number]) * 2000 for number in range(3)]  # no more than goes unread
        for content in contents:
            await link.send(data(content))
        assert isinstance(link, Stream)
        assert isinstance(served, Stream)
        sent = link.core.kept_units
        await wait_for(lambda: served.core.kept_units == sent, "everything to come")
        assert [message.sdata.data for message in await served.receive_batch()] == contents
        assert served.core.kept_units == sent
        async with asyncio.timeout(patience()), asyncio.TaskGroup() as group:
            asking = group.create_task(served.receive_batch())
            await wait_for(lambda: not link.core.kept_units, "the sender to be told")
            await link.send(data(b"more"))
            assert [message.sdata.data for message in await asking] == [b"more"]


async def test_an_urgent_message_comes_though_nobody_reads_and_its_handler_fails() -> None:
    failures: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))
    async with world() as net:
        link, served = await net.open()
        found: list[bytes] = []

        def handle(message: Msg) -> None:
            found.append(message.sdata.data)
            raise ValueError("a bug")

        served.on_urgent(handle)
        assert isinstance(link, Stream)
        sent = 0
        while link.core.room():
            await link.send(data(bytes([sent]) * 1000))
            sent += 1
        assert link.send_urgent(data(b"now"))
        await wait_for(lambda: found == [b"now"], "what overtakes")
        await wait_for(lambda: failures)
        assert [(await served.receive()).sdata.data for _ in range(sent)] == [bytes([i]) * 1000 for i in range(sent)]
        served.close()
        await link.ended()
        assert not link.send_urgent(data(b"late"))
    assert [str(context["exception"]) for context in failures] == ["a bug"]


async def test_a_batch_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_module, "BATCH_UNITS", 3000)
    async with world() as net:
        link, served = await net.open()
        for number in range(3):
            await link.send(data(bytes([number]) * 2000))
        assert isinstance(link, Stream)
        assert isinstance(served, Stream)
        sent = link.core.kept_units
        await wait_for(lambda: served.core.kept_units == sent, "everything to come")
        batches = [[message.sdata.data[0] for message in await served.receive_batch()] for _ in range(2)]
        assert batches == [[0, 1], [2]]


async def test_closing_without_a_network_is_told_when_there_is_one() -> None:
    async with world() as net:
        link, served = await net.open()
        net.console_net.down()
        await wait_for(lambda: link.detached)
        link.close("no longer needed")
        assert served.end is None
        net.console_net.up()
        assert (await asyncio.wait_for(served.ended(), patience())).text == "no longer needed"
        await wait_for(lambda: not len(net.console.client.streams))


async def test_an_end_that_nobody_can_be_told_is_given_up_in_the_end() -> None:
    async with world() as net:
        link, _served = await net.open()
        net.console.client.streams._keep_seconds = 0.2
        net.agent_net.down()
        await wait_for(lambda: link.detached)
        link.close()
        await wait_for(lambda: not len(net.console.client.streams))


async def test_an_agent_that_was_restarted_says_that_it_knows_nothing_of_the_stream() -> None:
    async with world() as net:
        link, _ = await net.open()
        net.agent.client.streams.close()  # what a new process remembers: nothing
        net.agent_net.down()
        net.agent_net.up()
        end = await asyncio.wait_for(link.ended(), patience())
        assert end.cause == LinkEnd.PEER_GONE
        assert "restarted" in end.text
        assert link.detached is None


async def test_an_opener_that_does_not_come_back_is_given_up() -> None:
    async with world(keep_seconds=0.2) as net:
        link, served = await net.open()
        net.console_net.down()
        end = await asyncio.wait_for(served.ended(), patience())
        assert end.cause == LinkEnd.PEER_GONE
        assert "did not come back" in end.text
        net.console_net.up()
        assert (await asyncio.wait_for(link.ended(), patience())).cause == LinkEnd.PEER_GONE


async def test_a_refusal_comes_with_its_reason() -> None:
    async with world(accepts=False) as net:
        opening = net.relay.tasks.start(net.console.open("agent", plain=False), "opening")
        await wait_for(lambda: net.agent.links)
        net.agent.links[0].refuse("not today", ConnectResponse.REFUSED)
        with pytest.raises(LinkEndedError) as refused:
            await opening
        assert refused.value.end.text == "not today"
        assert refused.value.end.reason == ConnectResponse.REFUSED


async def test_what_was_asked_for_happens_once_though_its_answer_is_lost() -> None:
    """The target has served the stream and forgotten it; its opener never heard of that, and asks again."""
    async with world(accepts=False, keep_seconds=0.2) as net:
        opening = net.relay.tasks.start(net.console.open("agent", plain=False), "opening")
        await wait_for(lambda: net.agent.links)
        net.console_net.down()
        net.agent.links[0].accept()
        await asyncio.wait_for(net.agent.links[0].ended(), patience())
        await wait_for(lambda: not len(net.agent.client.streams))
        net.console_net.up()
        with pytest.raises(LinkEndedError) as lost:
            await opening
        assert lost.value.end.reason == ConnectResponse.GONE
        assert len(net.agent.links) == 1


async def test_an_absent_agent_is_said_to_be_absent() -> None:
    async with world() as net:
        with pytest.raises(LinkEndedError) as refused:
            await net.console.open("nobody", plain=False)
        assert refused.value.end.reason == ConnectResponse.ABSENT
        assert not len(net.console.client.streams)


async def test_an_opening_that_is_given_up_leaves_nothing_open() -> None:
    async with world(accepts=False) as net:
        opening = net.relay.tasks.start(net.console.open("agent", plain=False), "opening")
        await wait_for(lambda: net.agent.links)
        opening.cancel()
        await asyncio.wait([opening])
        net.agent.links[0].accept()
        await asyncio.wait_for(net.agent.links[0].ended(), patience())
        await wait_for(lambda: not len(net.agent.client.streams) and not len(net.console.client.streams))


async def test_somebody_elses_stream_does_not_go_on_for_others() -> None:
    async with world() as net:
        link, served = await net.open()
        assert isinstance(link, Stream)
        assert isinstance(served, Stream)
        thief = await net.relay.join("thief", CONSOLE)
        stolen = await thief.open("agent", plain=False)
        assert isinstance(stolen, Stream)
        stolen.core.stream_id = link.core.stream_id
        thief.connection._socket.abort()  # it comes back with an id that is not its own
        end = await asyncio.wait_for(stolen.ended(), patience())
        assert end.reason == ConnectResponse.GONE
        assert served.end is None
        await write(link, b"mine")
        assert await read(served, 4) == b"mine"


async def test_a_stream_whose_opener_lost_its_rights_does_not_go_on() -> None:
    """While its owner has not ended it, its opener may try again; then it learns why, and gets nothing that waited."""
    async with world() as net:
        link, served = await net.open()
        reason = "you have left"
        asked: list[Stream] = []

        def why_not(stream: Stream) -> str:
            asked.append(stream)
            return reason

        net.agent.client.streams.why_not_resume = why_not
        net.console_net.down()
        await wait_for(lambda: served.detached and link.detached)
        served.put(data(b"for nobody"))
        net.console_net.up()
        await wait_for(lambda: len(asked) > 1)
        assert set(asked) == {served}
        assert link.end is None
        assert link.detached is not None
        served.close(reason, LinkEnd.FAILED, gives_up=True)
        end = await link.ended()
        assert (end.text, end.reason) == (reason, ConnectResponse.REFUSED)
        assert not link.has_unread
        await wait_for(lambda: not len(net.agent.client.streams))


async def test_an_end_that_gives_up_comes_though_nobody_reads() -> None:
    async with world() as net:
        link, served = await net.open()
        writing = net.relay.tasks.start(write(served, bytes(2_000_000)), "writer")  # more than a window
        await wait_for(lambda: served.unacknowledged)
        served.close("you have left", LinkEnd.FAILED, gives_up=True)
        end = await link.ended()
        assert (end.cause, end.text) == (LinkEnd.FAILED, "you have left")
        await asyncio.wait([writing])


async def test_a_slow_reader_holds_up_nobody_else() -> None:
    async with world() as net:
        link, served = await net.open()
        other, other_served = await net.open()
        flood = net.relay.tasks.start(write(served, bytes(3_000_000)), "flood")
        assert isinstance(served, Stream)
        await wait_for(lambda: not served.core.room())
        await write(other_served, b"still here")
        assert await read(other, 10) == b"still here"
        assert not flood.done()
        await read(link, 3_000_000)
        await flood


async def test_links_that_do_not_say_for_which_stream_they_are_end(tmp_path: Path) -> None:
    async with world() as net:
        net.agent.client.streams._arrivals._seconds = 0.1
        net.agent.connection.carriers._allow_unsealed = True
        request = ConnectRequest(kind=ConnectRequest.stream)
        request.offer.version = 1
        link = await net.console.client.open_link("agent", request, plain=True)
        assert "no hello" in (await asyncio.wait_for(link.ended(), patience())).text
        assert not len(net.agent.client.streams._arrivals)


@pytest.mark.parametrize("content", [b"", b"\xff\xff", b"\x0a\x00"], ids=["empty", "no record", "hello without an id"])
async def test_nonsense_instead_of_a_hello_ends_its_link_only(content: bytes) -> None:
    async with world() as net:
        link, served = await net.open()
        net.agent.connection.carriers._allow_unsealed = True
        request = ConnectRequest(kind=ConnectRequest.stream)
        request.offer.version = 1
        bad = await net.console.client.open_link("agent", request, plain=True)
        record = Msg(type=MsgType.record)
        record.record.data = content
        await bad.send(record)
        assert "protocol error" in (await asyncio.wait_for(bad.ended(), patience())).text
        await write(link, b"fine")
        assert await read(served, 4) == b"fine"


async def test_a_request_that_comes_behind_the_login_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may arrive before the client has taken its new connection over from the login."""
    proceed, arrived = asyncio.Event(), asyncio.Event()

    async def slow_dial(target: RelayTarget, buffers: ReadBuffers, experience: Experience | None) -> LoggedIn:
        logged_in = await dial(target, buffers, experience)
        if target.claims.client_id == "agent":
            await wait_for(lambda: logged_in.socket.received_bytes > 0)
            arrived.set()
            await proceed.wait()
        return logged_in

    monkeypatch.setattr("natpass_wire.aio.client.dial", slow_dial)
    async with running_relay() as relay:
        console = await relay.join("console", CONSOLE)
        relay.run(relay.target("agent"))
        await arrived.wait()
        opening = relay.tasks.start(console.open("agent", plain=False), "opening")
        await wait_for(lambda: len(relay.server.hub.router), "the request to be handed on")
        proceed.set()
        link = await asyncio.wait_for(opening, 5.0)
        assert link.end is None
