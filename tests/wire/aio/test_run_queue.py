"""Who costs much has its turn, and the others theirs."""

import asyncio

import pytest

from natpass_wire.aio.run_queue import RunQueue

pytestmark = pytest.mark.both_loops


class Busy:
    def __init__(self, name: str, run_queue: RunQueue, work: int, order: list[str]) -> None:
        self._name, self._run_queue, self._work, self._order = name, run_queue, work, order

    def next_turn(self) -> None:
        self._order.append(self._name)
        self._work -= 1
        if self._work:
            self._run_queue.later(self)


async def iterations(count: int, order: list[str]) -> None:
    for _ in range(count):
        await asyncio.sleep(0)
        order.append("-")


async def test_one_turn_in_each_iteration_in_the_order_of_arrival() -> None:
    run_queue, order = RunQueue(), list[str]()
    for name, work in (("a", 3), ("b", 1), ("c", 2)):
        run_queue.later(Busy(name, run_queue, work, order))
    await iterations(7, order)
    done = "".join(order).replace("-", "")
    assert done == "abcaca"
    assert "--" in "".join(order)  # it was all done
    assert all(len(between) <= 1 for between in "".join(order).split("-"))


async def test_who_is_forgotten_has_no_turn_and_who_waits_waits_once() -> None:
    run_queue, order = RunQueue(), list[str]()
    first, second = Busy("a", run_queue, 1, order), Busy("b", run_queue, 1, order)
    for worker in (first, second, second, first):
        run_queue.later(worker)
    assert len(run_queue) == 2
    run_queue.forget(first)
    run_queue.forget(first)
    await iterations(4, order)
    assert "".join(order).replace("-", "") == "b"


async def test_who_fails_takes_no_turn_from_the_others() -> None:
    class Broken:
        def next_turn(self) -> None:
            raise ValueError("broken")

    run_queue, order, said = RunQueue(), list[str](), list[str]()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: said.append(str(context["exception"])))
    run_queue.later(Broken())
    run_queue.later(Busy("a", run_queue, 2, order))
    await iterations(5, order)
    assert said == ["broken"]
    assert order.count("a") == 2
