"""A channel between stdin and stdout, against a small agent: exact bytes, half-closes, and how it ended."""

import asyncio
import contextlib
import secrets

import pytest

from natpass_tui.links.forward.stdio import StdioChannel
from natpass_tui.links.outcome import FAILED, Outcome
from natpass_wire.aio.channels import ChannelLink
from natpass_wire.aio.tasks import Tasks
from natpass_wire.channels.events import Endpoint
from natpass_wire.pb.link_pb2 import ConnectRequest
from tests.support.peers import HOST, Target
from tests.support.waiting import wait_for
from tests.tui.links.forward.agent_double import World, unused_port
from tests.tui.links.stdio import Stdin, Stdout

pytestmark = pytest.mark.both_loops


class Connecting:
    """One run of `connect`, without its command line."""

    def __init__(self) -> None:
        self.world = World()
        self.stdin, self.stdout = Stdin(), Stdout()
        self.closed = 0
        self.tasks = Tasks()

    async def begin(self, port: int) -> "asyncio.Task[Outcome]":
        link = await self.world.open_link("web1", ConnectRequest(kind=ConnectRequest.forward))
        self.link = ChannelLink(link, is_console=True, asked=lambda asked: None)
        self.running = self.tasks.start(self.link.run(), "channels")
        self.channel = StdioChannel(self.link, self.stdin, self.stdout, self._close)
        return self.tasks.start(self.channel.run(Endpoint(HOST, port)), "connect")

    def _close(self) -> None:
        self.closed += 1

    async def end(self) -> None:
        self.link.link.close()
        await self.running
        for agent in self.world.agents:
            await agent.running
            await agent.tasks.close()


async def test_bytes_and_both_ends_pass() -> None:
    with contextlib.closing(Target()) as target:
        run = Connecting()
        running = await run.begin(target.port)
        there = await target.accept()
        up = secrets.token_bytes(700_000)
        run.stdin.chunks.put_nowait(up)
        assert await there.read(len(up)) == up
        down = secrets.token_bytes(300_000)
        await there.send(down)
        there.end()
        await wait_for(lambda: run.closed, "the end of stdout")
        assert run.stdout.data == down
        run.stdin.chunks.put_nowait(b"more")
        run.stdin.chunks.put_nowait(b"")
        assert await there.read_all() == b"more"
        assert await running == Outcome(0)
        assert (run.channel.counts.bytes_in, run.channel.counts.bytes_out) == (len(up) + 4, len(down))
        await run.end()


async def test_stdout_that_takes_nothing_slows_the_target_down() -> None:
    with contextlib.closing(Target()) as target:
        run = Connecting()
        run.stdout.room.clear()
        running = await run.begin(target.port)
        there = await target.accept()
        data = secrets.token_bytes(3_000_000)
        sending = run.tasks.start(there.send(data), "send")
        run.stdin.chunks.put_nowait(b"x")
        assert await there.read(1) == b"x"
        assert sum(map(len, run.channel._queue)) <= 64 * 1024  # its first window
        run.stdout.room.set()
        await sending
        there.end()
        run.stdin.chunks.put_nowait(b"")
        assert await running == Outcome(0)
        assert run.stdout.data == data
        await run.end()


async def test_a_refused_target_a_reset_and_a_lost_link_say_why() -> None:
    with unused_port() as port:
        run = Connecting()
        assert await (await run.begin(port)) == Outcome(FAILED, "connection refused")
        await run.end()
    with contextlib.closing(Target()) as target:
        run = Connecting()
        running = await run.begin(target.port)
        (await target.accept()).reset()
        assert await running == Outcome(FAILED, "connection reset")
        await run.end()
        run = Connecting()
        running = await run.begin(target.port)
        await target.accept()
        run.world.agents[0].lost()
        assert await running == Outcome(FAILED, "the link has ended")
        await run.end()


async def test_a_failing_stdout_ends_it_at_both_ends() -> None:
    with contextlib.closing(Target()) as target:
        run = Connecting()
        run.stdout.error = BrokenPipeError()
        running = await run.begin(target.port)
        there = await target.accept()
        await there.send(b"x")
        with pytest.raises(BrokenPipeError):
            await running
        with pytest.raises(ConnectionResetError):
            await there.read_all()
        await run.end()


async def test_a_signal_gives_up() -> None:
    with contextlib.closing(Target()) as target:
        run = Connecting()
        running = await run.begin(target.port)
        there = await target.accept()
        run.channel.stop(130)
        assert await running == Outcome(130)
        with pytest.raises(ConnectionResetError):
            await there.read_all()
        await run.end()


async def test_the_last_bytes_arrive_though_the_target_has_ended_first() -> None:
    """Who closes a link gives up what is on its way: so the end waits until the target's end has all."""
    with contextlib.closing(Target()) as target:
        run = Connecting()
        running = await run.begin(target.port)
        there = await target.accept()
        there.end()
        await wait_for(lambda: run.closed, "the end of stdout")
        up = secrets.token_bytes(12_000_000)
        for at in range(0, len(up), 60_000):
            run.stdin.chunks.put_nowait(up[at : at + 60_000])
        run.stdin.chunks.put_nowait(b"")
        came = b"".join([await there.read(20_000) for _ in range(len(up) // 20_000)])  # slower than the sender
        assert came == up
        assert await running == Outcome(0)
        await run.end()
