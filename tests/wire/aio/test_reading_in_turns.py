"""However much waits on a link, its reader leaves the loop to others again and again, and gets everything in order."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any
from unittest.mock import Mock

import pytest

from natpass_wire.aio.channels import ChannelLink
from natpass_wire.aio.link import MESSAGES_A_TURN
from natpass_wire.aio.plain_link import PlainLink
from natpass_wire.aio.stream import Stream
from natpass_wire.aio.tasks import Tasks
from natpass_wire.channels.events import ChannelAsked, ListenAsked
from natpass_wire.channels.mux import FRAMES_A_TURN, MAX_FRAMES
from natpass_wire.links import LinkState
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.forward_pb2 import ChannelFrame, ChannelOpen, Channels, ForwardAddress
from natpass_wire.stream.core import StreamCore, StreamReceived
from tests.support.memory_link import linked
from tests.support.waiting import wait_for

pytestmark = pytest.mark.both_loops

_MANY = 10 * MESSAGES_A_TURN


def messages() -> list[Msg]:
    return [Msg(type=MsgType.shell_data, link_id=str(number)) for number in range(_MANY)]


def stream() -> Stream:
    """Return a stream whose messages wait, since its reader was slow."""
    found = Stream(StreamCore(bytes(16)), "peer", lambda _: None)
    found._take([StreamReceived(message, 70, message.SerializeToString()) for message in messages()])
    found._settle = lambda: None  # type: ignore[method-assign]  # there is no peer that gets credit
    return found


def plain() -> PlainLink:
    """Return a plain link likewise."""
    found = PlainLink(Mock(), Mock(spec=LinkState, end=None))
    for message in messages():
        found.deliver(message)
    return found


async def longest(work: Coroutine[Any, Any, object], done: Callable[[], int]) -> int:
    """Return how much `work` has done at most in one iteration of the loop."""
    most, tasks = 0, Tasks()

    async def watch() -> None:
        nonlocal most
        while True:
            before = done()
            await asyncio.sleep(0)
            most = max(most, done() - before)

    tasks.start(watch(), "watch")
    await asyncio.sleep(0)
    await tasks.start(work, "work")
    await tasks.close()
    return most


@pytest.mark.parametrize("make", [stream, plain])
async def test_a_reader_of_single_messages(make: Callable[[], Stream | PlainLink]) -> None:
    link, got = make(), list[Msg]()

    async def read() -> None:
        while len(got) < _MANY:
            got.append(await link.receive())

    assert await longest(read(), lambda: len(got)) <= MESSAGES_A_TURN
    assert got == messages()


@pytest.mark.parametrize("make", [stream, plain])
async def test_a_reader_of_batches(make: Callable[[], Stream | PlainLink]) -> None:
    link, got = make(), list[Msg]()

    async def read() -> None:
        while len(got) < _MANY:
            got.extend(await link.receive_batch())

    assert await longest(read(), lambda: len(got)) <= MESSAGES_A_TURN
    assert got == messages()


async def test_the_frames_of_channels() -> None:
    """One message may ask for hundreds of channels, each of which is a connection to a target."""
    console, agent = linked()
    asked: list[ChannelAsked | ListenAsked] = []
    channels, tasks = ChannelLink(agent, is_console=False, asked=asked.append), Tasks()
    ask = ChannelOpen(address=ForwardAddress(host="x", port=1))
    for start in (0, MAX_FRAMES):
        frames = [ChannelFrame(id=2 * (start + number + 1), open=ask) for number in range(MAX_FRAMES)]
        await console.send(Msg(type=MsgType.channels, channels=Channels(frames=frames)))
    tasks.start(channels.run(), "channels")

    all_asked = wait_for(lambda: len(asked) == 2 * MAX_FRAMES, "all channels")
    assert await longest(all_asked, lambda: len(asked)) <= FRAMES_A_TURN
    assert [each.id for each in asked] == [2 * (number + 1) for number in range(2 * MAX_FRAMES)]
    console.close()
    await tasks.close()
