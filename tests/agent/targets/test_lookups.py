"""Lookups: few threads for a whole agent, and none of its consoles keeps the others waiting."""

import asyncio
import socket
import threading
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest

from natpass_agent.targets import lookups as module
from natpass_agent.targets.lookups import Lookups
from natpass_agent.targets.reasons import RefusedError
from natpass_agent.targets.resolve import Resolver
from natpass_agent.targets.targets import Targets
from natpass_wire.aio.tasks import Tasks
from tests.support.memory_link import linked
from tests.support.waiting import wait_for


class Stuck:
    """A name service that does not answer until the test says so; it notes who asks."""

    def __init__(self) -> None:
        self.answer = threading.Event()
        self.lock = threading.Lock()
        self.running: list[str] = []

    def __call__(self, host: str, port: int) -> list[tuple[Any, ...]]:
        with self.lock:
            self.running.append(host)
        self.answer.wait(60)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.7", port))]


@pytest.fixture
async def stuck() -> AsyncIterator[Stuck]:
    stuck = Stuck()
    yield stuck
    stuck.answer.set()
    await wait_for(lambda: not any(thread.name == "lookup" for thread in threading.enumerate()), "the threads' end")


@pytest.fixture
async def tasks() -> AsyncIterator[Tasks]:
    tasks = Tasks()
    yield tasks
    await tasks.close()


async def test_many_links_of_one_console_have_its_share_and_another_one_is_served(stuck: Stuck, tasks: Tasks) -> None:
    targets = Targets()
    for number in range(20):
        resolver = targets.resolver(linked(b"a" * 32)[1])
        resolver._lookup = stuck
        for name in range(8):
            tasks.start(resolver.addresses(f"a{number}-{name}", 1), "lookup")
    await wait_for(lambda: len(stuck.running) >= module.LOOKUPS // 2, "its share")
    other = targets.resolver(linked(b"b" * 32)[1])
    other._lookup = lambda host, port: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.8", port))]
    assert [each.host for each in await other.addresses("web", 80)] == ["10.0.0.8"]
    assert len(stuck.running) == module.LOOKUPS // 2
    stuck.answer.set()
    await wait_for(lambda: len(stuck.running) == 160, "all the others, in turn")


async def test_who_has_fewest_threads_is_next(stuck: Stuck, tasks: Tasks) -> None:
    lookups, order = Lookups(4), list[str]()
    go = {name: threading.Event() for name in ("a1", "a2", "b1")}

    def work(name: str) -> None:
        go[name].wait(60)

    async def run(name: str) -> None:
        await lookups.run(lambda: work(name) if name in go else None, name[0])
        order.append(name)

    for name in ("a1", "a2", "b1"):
        tasks.start(run(name), name)
    await wait_for(lambda: Counter(lookups._held) == Counter(a=2, b=1), "the first")
    for name in ("a3", "a4", "c1", "c2"):  # neither may have the last thread
        tasks.start(run(name), name)
    await wait_for(lambda: sum(map(len, lookups._waiting.values())) == 4, "those that wait")
    go["b1"].set()
    await wait_for(lambda: {"c1", "c2"} <= set(order), "the new owner's turn")
    assert not {"a3", "a4"} & set(order)  # its share is in use
    for event in go.values():
        event.set()
    await wait_for(lambda: len(order) == 7, "all")
    await wait_for(lambda: not lookups._held and lookups._room.units == 4, "all threads back")


async def test_who_waits_too_long_or_is_cancelled_keeps_no_turn(
    stuck: Stuck, tasks: Tasks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOKUP_SECONDS", 0.1)
    lookups = Lookups(2)
    resolver = Resolver(stuck, lookups, "a")
    faults = await asyncio.gather(*(resolver.addresses(f"x{n}", 1) for n in range(5)), return_exceptions=True)
    assert {type(fault) for fault in faults} == {RefusedError}
    assert "does not answer" in str(faults[0])
    assert (len(stuck.running), lookups._waiting) == (1, {})
    stuck.answer.set()
    await wait_for(lambda: lookups._room.units == 2, "the thread back")
    assert await resolver.addresses("web", 80)


async def test_a_turn_that_comes_when_it_is_given_up_goes_on_to_the_next(stuck: Stuck, tasks: Tasks) -> None:
    lookups = Lookups(2)
    first = tasks.start(lookups.run(lambda: stuck("a", 1), "a"), "first")
    await wait_for(lambda: stuck.running, "the first")
    given_up, last = (tasks.start(lookups.run(lambda: 7, "a"), "more") for _ in range(2))
    await wait_for(lambda: len(lookups._waiting.get("a", ())) == 2, "those that wait")
    turn = lookups._waiting["a"][0]
    turn.add_done_callback(lambda _: given_up.cancel())  # its turn has come, and its task has not run since
    stuck.answer.set()
    assert await last == 7
    assert given_up.cancelled()
    await first
    await wait_for(lambda: lookups._room.units == 2, "all threads back")
