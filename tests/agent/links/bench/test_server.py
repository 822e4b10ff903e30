"""Measurements, over a link without a network."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from natpass_agent.links.bench.server import BenchServer
from natpass_wire.aio.tasks import Tasks
from natpass_wire.identity.authorized import Rights
from natpass_wire.pb.bench_pb2 import BenchMessage
from natpass_wire.pb.link_pb2 import ConnectRequest, LinkEnd
from tests.agent.forward_opener import ForwardOpener
from tests.support.waiting import PATIENCE, wait_for


class BenchOpener(ForwardOpener):
    """Our console, or an existing program."""

    def ask(self, **what: object) -> None:
        self.say(BenchMessage(**what).SerializeToString())  # type: ignore[arg-type]  # one of its fields

    @property
    def said(self) -> list[BenchMessage]:
        return [BenchMessage.FromString(piece) for piece in self.pieces]

    @property
    def given(self) -> int:
        return sum(len(said.take) for said in self.said)


@pytest.fixture
async def run(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator["Run"]:
    tasks = Tasks()

    async def run(server: BenchServer | None = None, *, is_plain: bool = False) -> BenchOpener:
        opener = BenchOpener(ConnectRequest(kind=ConnectRequest.bench))
        monkeypatch.setattr(type(opener.link), "is_plain", is_plain)
        tasks.start((server or BenchServer()).serve(opener.link, opener.request), "bench")
        await wait_for(lambda: opener.answer)
        return opener

    yield run
    async with asyncio.timeout(PATIENCE):
        await tasks.close()


Run = Callable[..., Awaitable[BenchOpener]]


async def test_an_existing_program_gets_its_answer_and_the_link_ends(run: Run) -> None:
    opener = await run(is_plain=True)
    await wait_for(lambda: opener.end)
    assert opener.refusal == ""
    assert not opener.pieces


async def test_echoes_come_back_in_order(run: Run) -> None:
    opener = await run()
    for number in range(100):
        opener.ask(echo=b"%d" % number)
    await wait_for(lambda: len(opener.said) == 100)
    assert [said.echo for said in opener.said] == [b"%d" % number for number in range(100)]


async def test_filler_is_taken_and_counted(run: Run) -> None:
    opener = await run()
    opener.ask(take=bytes(1000))
    opener.ask(take=bytes(234))
    opener.ask(ask=True)
    await wait_for(lambda: opener.said)
    assert opener.said == [BenchMessage(taken=1234)]


async def test_filler_is_given_to_the_byte_and_no_more(run: Run) -> None:
    opener = await run()
    opener.ask(give=1_000_003)
    await wait_for(lambda: opener.given >= 1_000_003)
    opener.ask(ask=True)
    await wait_for(lambda: opener.said[-1].WhichOneof("what") == "taken")
    assert opener.given == 1_000_003
    assert max(len(said.take) for said in opener.said) <= 32 * 1024


async def test_filler_stops_when_it_is_told_and_waits_for_room(run: Run) -> None:
    opener = await run()
    opener.take_nothing()
    opener.ask(give=1 << 60)
    for _ in range(100):
        await asyncio.sleep(0)
    assert opener.given == 0
    opener.take_again()
    await wait_for(lambda: opener.given)
    opener.ask(give=0)
    opener.ask(ask=True)
    await wait_for(lambda: opener.said[-1].WhichOneof("what") == "taken")
    stopped_at = opener.given
    for _ in range(100):
        await asyncio.sleep(0)
    assert opener.given == stopped_at


async def test_a_link_ends_after_its_time(run: Run) -> None:
    opener = await run(BenchServer(most_seconds=0.05))
    opener.ask(give=1 << 60)
    end = await wait_for(lambda: opener.end)
    assert end is not None
    assert end.cause == LinkEnd.TIMED_OUT


async def test_an_invalid_message_ends_the_link(run: Run) -> None:
    opener = await run()
    opener.say(b"\xff\xff")
    end = await wait_for(lambda: opener.end)
    assert end is not None
    assert end.cause == LinkEnd.FAILED


async def test_read_only_consoles_are_refused() -> None:
    opener = BenchOpener(ConnectRequest(kind=ConnectRequest.bench))
    await BenchServer().serve(opener.link, opener.request, Rights(read_only=True))
    assert opener.refusal


@given(st.lists(st.binary(max_size=20), max_size=5))
async def test_no_message_breaks_the_agent(pieces: list[bytes]) -> None:
    opener = BenchOpener(ConnectRequest(kind=ConnectRequest.bench))
    tasks = Tasks()
    tasks.start(BenchServer(most_seconds=0.5).serve(opener.link, opener.request), "bench")
    await wait_for(lambda: opener.answer)
    for piece in pieces:
        opener.say(piece)
    opener.hang_up()
    async with asyncio.timeout(PATIENCE):
        await tasks.close()
