"""`ChannelLink` on a link in memory: what comes early has a bound, and its end is never waited for in vain."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from natpass_wire.aio.channels import ChannelLink
from natpass_wire.aio.tasks import Tasks
from natpass_wire.channels.channel import FIRST_WINDOW, SEND_DATAGRAMS
from natpass_wire.channels.events import ChannelAsked, Endpoint, ListenAsked
from natpass_wire.channels.mux import MAX_FRAMES
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.forward_pb2 import ChannelFrame, ChannelOpen, ChannelRefused, Channels, ForwardAddress
from tests.support.memory_link import MemoryLink, linked
from tests.support.waiting import wait_for

ASK = ChannelOpen(address=ForwardAddress(host="x", port=1))
ASK_UDP = ChannelOpen(address=ForwardAddress(host="x", port=1, datagrams=True))


@pytest.fixture
async def tasks() -> AsyncIterator[Tasks]:
    found = Tasks()
    yield found
    await found.close()


@dataclass
class User:
    """Hears of a channel."""

    data: list[bytes] = field(default_factory=list)
    has_ended: bool = False
    why: str = ""

    def opened(self, host: str, port: int) -> None:
        """Take note."""

    def not_opened(self, reason: ChannelRefused.Reason, text: str) -> None:
        self.why = text

    def received(self, data: bytes) -> None:
        self.data.append(data)

    def ended(self) -> None:
        self.has_ended = True

    def was_reset(self, text: str) -> None:
        self.why = text

    def writable(self) -> None:
        """Take note."""


async def say(link: MemoryLink, *frames: ChannelFrame) -> None:
    for start in range(0, len(frames), MAX_FRAMES):
        part = frames[start : start + MAX_FRAMES]
        await link.send(Msg(type=MsgType.channels, channels=Channels(frames=part)))


def agent_end() -> tuple[MemoryLink, ChannelLink, list[ChannelAsked | ListenAsked]]:
    console, agent = linked()
    asked: list[ChannelAsked | ListenAsked] = []
    return console, ChannelLink(agent, is_console=False, asked=asked.append), asked


async def test_the_end_of_a_link_whose_answers_nobody_reads_is_the_end(tasks: Tasks) -> None:
    console, agent = linked()
    channels = ChannelLink(
        agent,
        is_console=False,
        asked=lambda asked: channels.refuse(asked.id, ChannelRefused.NOT_ALLOWED, "no"),
    )
    agent.stop()
    running = tasks.start(channels.run(), "channels")
    for start in range(0, 24_000, MAX_FRAMES):
        await say(console, *(ChannelFrame(id=2 * (start + n), open=ASK) for n in range(1, MAX_FRAMES + 1)))
        if channels._mux.is_congested:
            break
    await wait_for(lambda: channels._mux.is_congested, "too many answers")
    console.close("enough")
    assert (await asyncio.wait_for(running, 10)).text == "enough"


async def test_early_bytes_cost_no_more_than_they_are(tasks: Tasks) -> None:
    console, channels, asked = agent_end()
    running = tasks.start(channels.run(), "channels")
    frames = [ChannelFrame(id=2, data=bytes([number % 251])) for number in range(FIRST_WINDOW)]
    await say(console, ChannelFrame(id=2, open=ASK), *frames)
    await wait_for(lambda: asked and not console.other.has_unread, "all")
    user = User()
    await wait_for(lambda: sum(map(len, channels._early[2].pieces())) == FIRST_WINDOW, "all bytes")
    assert len(channels._early[2].pieces()) <= 2
    assert channels.use(2, user)
    assert b"".join(user.data) == bytes(number % 251 for number in range(FIRST_WINDOW))
    console.close()
    await running


@pytest.mark.parametrize("size", [0, 9, 30_000])
async def test_early_datagrams_stay_whole_and_the_newest_few_are_kept(size: int, tasks: Tasks) -> None:
    console, channels, asked = agent_end()
    running = tasks.start(channels.run(), "channels")
    await say(console, ChannelFrame(id=2, open=ASK_UDP))
    for number in range(200):
        await say(console, ChannelFrame(id=2, datagram=bytes([number]) * size))
    await wait_for(lambda: asked and not console.other.has_unread, "all")
    user = User()
    assert channels.use(2, user)
    few = min(SEND_DATAGRAMS, FIRST_WINDOW // size if size else SEND_DATAGRAMS)
    assert user.data == [bytes([number]) * size for number in range(200 - few, 200)]
    console.close()
    await running


async def test_a_channel_that_was_refused_or_reset_keeps_nothing(tasks: Tasks) -> None:
    console, channels, _ = agent_end()
    running = tasks.start(channels.run(), "channels")
    for number in (2, 4, 6):
        await say(console, ChannelFrame(id=number, open=ASK), ChannelFrame(id=number, data=b"x"))
    await say(console, ChannelFrame(id=2, end=True), ChannelFrame(id=4, reset="enough"))
    await wait_for(lambda: len(channels) == 2, "the reset")
    channels.refuse(2, ChannelRefused.NOT_ALLOWED, "no")
    channels.reset(6)
    assert not channels._early
    assert not channels.use(4, User())
    console.close()
    await running


async def test_a_users_channel_hears_of_the_links_end(tasks: Tasks) -> None:
    console, channels, _ = agent_end()
    running = tasks.start(channels.run(), "channels")
    user = User()
    channels.begin(user, Endpoint(), 2)
    console.close()
    await running
    assert user.why == "the link has ended"
