"""A bench, on links in this process."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from natpass_tui.links.bench.measure import REQUEST, Bench, message
from natpass_tui.links.bench.report import BenchReport
from natpass_tui.links.in_process import InProcessLink
from natpass_wire.aio.link import Link, LinkEndedError
from natpass_wire.aio.tasks import Tasks
from natpass_wire.links import End
from natpass_wire.pb.bench_pb2 import BenchMessage
from natpass_wire.pb.link_pb2 import ConnectRequest, LinkEnd
from tests.support.waiting import PATIENCE, wait_for


class Agent:
    """An agent that answers; it may stop to. It is the relay, too."""

    def __init__(self) -> None:
        self.tasks = Tasks()
        self.links: list[InProcessLink] = []
        self.round_trip: float | None = None
        self.measured = 0
        self.answers_pings = True
        self.is_mute = False
        self.taken = 0
        self.refusal = ""
        #: Seconds of each message that is still on its way when it is asked to give no more, and how many there are.
        self.slowness, self.on_the_way = 0.0, 0

    def measure(self) -> None:
        self.measured += 1
        self.round_trip = 0.001 * self.measured if self.answers_pings else None

    async def open_link(self, peer: str, request: ConnectRequest) -> Link:
        assert request == REQUEST
        if self.refusal:
            raise LinkEndedError(End(LinkEnd.FAILED, self.refusal))
        ours, theirs = InProcessLink.pair(peer)
        self.links.append(theirs)
        self.tasks.start(self._answer(theirs), "agent")
        return ours

    async def _answer(self, link: InProcessLink) -> None:
        taken = 0
        gives = False
        try:
            while True:
                if gives and not link.has_unread:
                    await link.send(message(BenchMessage(take=bytes(1000))))
                    await asyncio.sleep(0)
                    continue
                said = BenchMessage.FromString((await link.receive()).data.data)
                match said.WhichOneof("what"):
                    case "echo" if not self.is_mute:
                        await link.send(message(said))
                    case "take":
                        taken += len(said.take)
                    case "give":
                        gives = said.give > 0
                        for _ in range(0 if gives else self.on_the_way):
                            await asyncio.sleep(self.slowness)
                            await link.send(message(BenchMessage(take=bytes(1000))))
                    case "ask" if not self.is_mute:
                        self.taken = taken
                        await link.send(message(BenchMessage(taken=taken)))
        except LinkEndedError:
            return


@pytest.fixture
async def agent() -> AsyncIterator[Agent]:
    agent = Agent()
    yield agent
    async with asyncio.timeout(PATIENCE):
        await agent.tasks.close()


async def bench(agent: Agent) -> tuple[Bench, BenchReport, Link]:
    report = BenchReport("web1", "relay")
    link = await agent.open_link("web1", REQUEST)
    return Bench(agent, link, report, lambda: 0.002), report, link


async def test_everything_is_measured(agent: Agent) -> None:
    found, report, link = await bench(agent)
    await found.run(0.3)
    link.close()
    assert report.to_relay.samples == [0.001 * number for number in range(1, 21)]
    assert report.beyond == 0.002
    assert report.opening is not None
    for times in (report.idle, report.down.echoes, report.up.echoes):
        assert times.samples
        assert min(times.samples) >= 0
    assert report.down.rate
    assert report.down.size % 1000 == 0
    assert report.up.rate
    assert report.up.size == agent.taken
    assert all(link.end is not None for link in agent.links)


async def test_a_relay_that_answers_no_pings_leaves_its_figure_out(
    agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("natpass_tui.links.bench.measure._PING_SECONDS", 0.01)
    agent.answers_pings = False
    found, report, link = await bench(agent)
    await found.run(0.1)
    link.close()
    assert report.to_relay.samples == []
    assert report.up.rate


async def test_what_is_known_stays_when_it_is_cancelled(agent: Agent) -> None:
    found, report, link = await bench(agent)
    tasks = Tasks()
    tasks.start(found.run(60), "bench")
    await wait_for(lambda: len(report.idle.samples) > 10)
    await tasks.close()
    link.close()
    assert report.idle.p50 is not None
    assert report.idle_cpu > 0
    assert report.beyond == 0.002
    assert report.down.rate is None
    assert all(link.end is not None for link in agent.links)


async def test_a_refused_second_link_is_told(agent: Agent) -> None:
    found, _, link = await bench(agent)
    agent.refusal = "this agent has 2 bench links already"
    with pytest.raises(LinkEndedError, match="2 bench links"):
        await found.run(0.1)
    link.close()


async def test_an_agent_that_falls_silent_is_given_up(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("natpass_tui.links.bench.measure._STALL_SECONDS", 0.05)
    found, report, link = await bench(agent)
    tasks = Tasks()
    running = tasks.start(found.run(0.2), "bench")
    await wait_for(lambda: found.phase == "a transfer from the agent")
    agent.is_mute = True
    with pytest.raises(TimeoutError):
        await running
    link.close()
    assert report.idle.samples


async def test_a_slow_line_takes_as_long_as_it_needs(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    """No figure of seconds fits all lines: what is on the way arrives, as long as anything does."""
    monkeypatch.setattr("natpass_tui.links.bench.measure._STALL_SECONDS", 1.5)
    agent.slowness, agent.on_the_way = 0.1, 25
    found, report, link = await bench(agent)
    await found.run(0.1)
    link.close()
    assert report.up.rate
