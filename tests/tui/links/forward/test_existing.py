"""Forwards through existing agents, which are made of plain links in this process."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from natpass_tui.links.forward.existing import (
    MOST_DATAGRAMS,
    MOST_WAITING,
    MOST_WAITING_IN_ALL,
    ExistingAgent,
    reason_of,
    request,
)
from natpass_tui.links.in_process import InProcessLink
from natpass_wire.aio.channels import ChannelLink
from natpass_wire.aio.link import Link, LinkEndedError
from natpass_wire.aio.tasks import Tasks
from natpass_wire.channels.events import Endpoint
from natpass_wire.links import End
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.forward_pb2 import ChannelRefused
from natpass_wire.pb.link_pb2 import ConnectRequest, ConnectResponse, Data, LinkEnd
from tests.support.waiting import PATIENCE, wait_for

TARGET = Endpoint("web", 80)


class Agent:
    """An existing agent: the far ends of its plain links."""

    def __init__(self) -> None:
        self.requests: list[ConnectRequest] = []
        self.links: list[InProcessLink] = []
        self.refusal: End | None = None

    async def open_link(self, peer: str, request: ConnectRequest) -> Link:
        self.requests.append(request)
        if self.refusal is not None:
            raise LinkEndedError(self.refusal)
        ours, theirs = InProcessLink.pair(peer)
        self.links.append(theirs)
        return ours


class User:
    """The console's side of a channel."""

    def __init__(self) -> None:
        self.address: tuple[str, int] | None = None
        self.refusal: tuple[ChannelRefused.Reason, str] | None = None
        self.got: list[bytes] = []
        self.is_ended = False
        self.reset: str | None = None
        self.link: ChannelLink
        self.channel = 0
        self.takes = True

    def opened(self, host: str, port: int) -> None:
        self.address = (host, port)

    def not_opened(self, reason: ChannelRefused.Reason, text: str) -> None:
        self.refusal = (reason, text)

    def received(self, data: bytes) -> None:
        self.got.append(data)
        if self.takes:
            self.link.consumed(self.channel, len(data))

    def ended(self) -> None:
        self.is_ended = True

    def was_reset(self, text: str) -> None:
        self.reset = text

    def writable(self) -> None: ...


@asynccontextmanager
async def forwarding(
    quiet: float = 0.05, linger: float = 0.05, most: int = MOST_WAITING, in_all: int = MOST_WAITING_IN_ALL
) -> AsyncIterator[tuple[Agent, ChannelLink]]:
    agent, tasks = Agent(), Tasks()
    existing = ExistingAgent("old", agent, quiet, linger, most=most, most_in_all=in_all)
    running = tasks.start(existing.run(), "existing agent")
    channels = ChannelLink(existing.link, is_console=True, asked=lambda _: pytest.fail("it asks for nothing"))
    tasks.start(channels.run(), "channels")
    yield agent, channels
    existing.link.close()
    async with asyncio.timeout(PATIENCE):
        await running
        await tasks.close()
    assert all(link.end is not None for link in agent.links)


def begin(channels: ChannelLink, address: Endpoint = TARGET) -> User:
    user = User()
    user.link = channels
    user.takes = not address.datagrams
    user.channel = channels.begin(user, address)
    return user


async def opened(agent: Agent, channels: ChannelLink, address: Endpoint = TARGET) -> tuple[User, InProcessLink]:
    user = begin(channels, address)
    await wait_for(lambda: user.address)
    return user, agent.links[-1]


async def said(link: InProcessLink, size: int) -> bytes:
    found = b""
    async with asyncio.timeout(PATIENCE):
        while len(found) < size:
            message = await link.receive()
            assert message.type == MsgType.forward
            found += message.data.data
    return found


def data(content: bytes) -> Msg:
    return Msg(type=MsgType.forward, data=Data(data=content))


async def test_bytes_go_both_ways_on_a_plain_link_of_its_own() -> None:
    async with forwarding() as (agent, channels):
        user, link = await opened(agent, channels)
        other, other_link = await opened(agent, channels)
        assert agent.requests[0] == ConnectRequest(
            name="tcp web:80", kind=ConnectRequest.tcp, caddr={"addr": "web", "port": 80}
        )
        assert link is not other_link
        channels.write(user.channel, b"GET")
        assert await said(link, 3) == b"GET"
        link.put(data(b"200"))
        link.put(data(b" OK"))
        await wait_for(lambda: b"".join(user.got) == b"200 OK")
        assert other.got == []


async def test_the_end_of_the_target_arrives_behind_its_last_byte() -> None:
    async with forwarding(linger=PATIENCE) as (agent, channels):
        user, link = await opened(agent, channels)
        content = bytes(range(256)) * 1000
        for at in range(0, len(content), 16384):
            await link.send(data(content[at : at + 16384]))
        link.close(cause=LinkEnd.UNSET)  # an existing agent gives no reason
        await wait_for(lambda: user.is_ended)
        assert b"".join(user.got) == content
        assert user.reset is None
        channels.end(user.channel)
        await wait_for(lambda: len(channels) == 0)


async def test_a_program_that_goes_on_after_the_end_of_the_target_is_reset() -> None:
    async with forwarding() as (agent, channels):
        user, link = await opened(agent, channels)
        link.close(cause=LinkEnd.UNSET)
        channels.write(user.channel, b"too late")
        await wait_for(lambda: user.reset)
        assert user.is_ended


async def test_after_a_half_close_the_answer_still_comes_and_silence_ends_the_link() -> None:
    async with forwarding() as (agent, channels):
        user, link = await opened(agent, channels)
        channels.write(user.channel, b"last words")
        channels.end(user.channel)
        assert await said(link, 10) == b"last words"
        assert link.end is None
        link.put(data(b"answer"))
        await wait_for(lambda: user.got == [b"answer"])
        async with asyncio.timeout(PATIENCE):
            await link.ended()
        await wait_for(lambda: len(channels) == 0)
        assert user.reset is None


async def test_a_lost_agent_resets_the_connection() -> None:
    async with forwarding() as (agent, channels):
        user, link = await opened(agent, channels)
        link.close("old is gone", LinkEnd.PEER_GONE)
        await wait_for(lambda: user.reset == "old is gone")


async def test_a_reset_here_ends_the_plain_link() -> None:
    async with forwarding() as (agent, channels):
        user, link = await opened(agent, channels)
        channels.reset(user.channel)
        async with asyncio.timeout(PATIENCE):
            await link.ended()


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (End(text="dial tcp 10.0.0.1:1: connect: connection refused"), ChannelRefused.NOT_LISTENING),
        (End(text="dial tcp: lookup nowhere: no such host"), ChannelRefused.NO_HOST),
        (End(text="dial tcp 10.0.0.1:1: i/o timeout"), ChannelRefused.TIMED_OUT),
        (End(text="no idea"), ChannelRefused.FAILED),
        (End(text="old did not answer", reason=ConnectResponse.ABSENT), ChannelRefused.UNREACHABLE),
    ],
)
async def test_refusals_are_told_with_their_reason(end: End, reason: ChannelRefused.Reason) -> None:
    assert reason_of(end) == reason
    async with forwarding() as (agent, channels):
        agent.refusal = end
        user = begin(channels)
        await wait_for(lambda: user.refusal)
        assert user.refusal == (reason, end.text)


async def test_what_existing_agents_can_not_do_is_refused() -> None:
    async with forwarding() as (agent, channels):
        path = begin(channels, Endpoint(path=b"/run/a.sock"))
        await wait_for(lambda: path.refusal)
        listener = User()
        channels.listen(listener, Endpoint(port=80))
        await wait_for(lambda: listener.refusal)
        assert agent.requests == []


async def test_datagrams_stay_whole() -> None:
    async with forwarding() as (agent, channels):
        user, link = await opened(agent, channels, Endpoint("dns", 53, datagrams=True))
        assert agent.requests[0].kind == ConnectRequest.udp
        for content in (b"a", b"bc", bytes(8192)):
            assert channels.write_datagram(user.channel, content)
            assert (await link.receive()).data.data == content
            link.put(data(content))
        await wait_for(lambda: user.got == [b"a", b"bc", bytes(8192)])
        link.close(cause=LinkEnd.UNSET)
        await wait_for(lambda: user.reset)


async def test_the_newest_datagrams_win() -> None:
    async with forwarding() as (agent, channels):
        user, link = await opened(agent, channels, Endpoint("dns", 53, datagrams=True))
        while link._unread_bytes < 256 * 1024:  # the network takes no more
            channels.write_datagram(user.channel, bytes(32768))
            for _ in range(20):
                await asyncio.sleep(0)
        for number in range(3 * MOST_DATAGRAMS):
            channels.write_datagram(user.channel, b"%d" % number)
            for _ in range(20):
                await asyncio.sleep(0)
        numbers: list[int] = []
        async with asyncio.timeout(PATIENCE):
            while not numbers or numbers[-1] != 3 * MOST_DATAGRAMS - 1:
                content = (await link.receive()).data.data
                if len(content) < 10:
                    numbers.append(int(content))
        assert numbers == sorted(set(numbers))
        assert len(numbers) <= MOST_DATAGRAMS + 1


@given(st.text(min_size=1, max_size=20), st.integers(1, 65535), st.booleans())
def test_names_of_rules_differ_with_kind_and_address(host: str, port: int, datagrams: bool) -> None:
    one = request(Endpoint(host, port, datagrams=datagrams))
    assert one.name != request(Endpoint(host, port, datagrams=not datagrams)).name
    assert one.name != request(Endpoint(host, port % 65535 + 1, datagrams=datagrams)).name
    assert (one.caddr.addr.strip("[]"), one.caddr.port) == (host.strip("[]"), port)


PIECE = bytes(32 * 1024)


async def fed(link: InProcessLink, size: int) -> None:
    """Have an agent send so many bytes, and wait until all are read."""
    async with asyncio.timeout(PATIENCE):
        for _ in range(size // len(PIECE)):
            await link.send(data(PIECE))
        await wait_for(lambda: link.end is not None or not link._other.has_unread, "all is read")


async def test_a_program_that_takes_nothing_leaves_its_link_read_up_to_a_bound() -> None:
    """Unread bytes of a plain link hold up the whole connection."""
    most = 64 * len(PIECE)
    async with forwarding(most=most) as (agent, channels):
        idle, link = await opened(agent, channels)
        idle.takes = False
        await fed(link, most)
        await wait_for(lambda: idle.got, "the first bytes")
        assert idle.reset is None
        quick, other = await opened(agent, channels)
        await fed(other, most // 2)
        await wait_for(lambda: sum(map(len, quick.got)) == most // 2, "the other's bytes")
        idle.takes = True
        channels.consumed(idle.channel, sum(map(len, idle.got)))
        await wait_for(lambda: sum(map(len, idle.got)) == most, "all, once it takes them")
        idle.takes = False
        with contextlib.suppress(LinkEndedError):
            await fed(link, 3 * most)
        await wait_for(lambda: idle.reset, "the reset")
        assert "takes too little" in (idle.reset or "")
        assert link.end is not None
        assert quick.reset is None


async def test_a_line_that_is_faster_than_this_process_resets_no_program_that_reads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("natpass_tui.links.forward.existing._PAUSE_SECONDS", PATIENCE)
    most = 64 * len(PIECE)
    async with forwarding(most=most) as (agent, channels):
        quick, link = await opened(agent, channels)
        await fed(link, 8 * most)
        await wait_for(lambda: sum(map(len, quick.got)) == 8 * most, "all bytes")
        assert quick.reset is None


async def test_all_that_wait_together_have_a_bound_and_the_largest_goes() -> None:
    bound = 48 * len(PIECE)
    async with forwarding(in_all=bound) as (agent, channels):
        small, small_link = await opened(agent, channels)
        large, large_link = await opened(agent, channels)
        small.takes = large.takes = False
        await fed(small_link, bound // 3)
        with contextlib.suppress(LinkEndedError):
            await fed(large_link, 2 * bound)
        await wait_for(lambda: large.reset, "the reset")
        assert small.reset is None
        small.takes = True
        channels.consumed(small.channel, sum(map(len, small.got)))
        await wait_for(lambda: sum(map(len, small.got)) == bound // 3, "all of the other")


@pytest.mark.parametrize("takes", [True, False])
async def test_what_the_target_has_said_before_its_end_arrives_or_is_given_up(takes: bool) -> None:
    async with forwarding() as (agent, channels):
        user, link = await opened(agent, channels)
        user.takes = False
        await fed(link, 16 * len(PIECE))
        link.close()
        if takes:
            user.takes = True
            channels.consumed(user.channel, sum(map(len, user.got)))
            await wait_for(lambda: user.is_ended, "the end")
            assert sum(map(len, user.got)) == 16 * len(PIECE)
        else:
            await wait_for(lambda: user.reset, "the reset")
