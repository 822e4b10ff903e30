"""Who costs much has its turn, and the others theirs."""

import asyncio

import pytest

from natpass_wire.aio.turns import TurnQueue

pytestmark = pytest.mark.both_loops


class Busy:
    def __init__(self, name: str, turns: TurnQueue, work: int, order: list[str]) -> None:
        self._name, self._turns, self._work, self._order = name, turns, work, order

    def next_turn(self) -> None:
        self._order.append(self._name)
        self._work -= 1
        if self._work:
            self._turns.later(self)


async def iterations(count: int, order: list[str]) -> None:
    for _ in range(count):
        await asyncio.sleep(0)
        order.append("-")


async def test_one_turn_in_each_iteration_in_the_order_of_arrival() -> None:
    turns, order = TurnQueue(), list[str]()
    for name, work in (("a", 3), ("b", 1), ("c", 2)):
        turns.later(Busy(name, turns, work, order))
    await iterations(7, order)
    done = "".join(order).replace("-", "")
    assert done == "abcaca"
    assert "--" in "".join(order)  # it was all done
    assert all(len(between) <= 1 for between in "".join(order).split("-"))


async def test_who_is_forgotten_has_no_turn_and_who_waits_waits_once() -> None:
    turns, order = TurnQueue(), list[str]()
    first, second = Busy("a", turns, 1, order), Busy("b", turns, 1, order)
    for worker in (first, second, second, first):
        turns.later(worker)
    assert len(turns) == 2
    turns.forget(first)
    turns.forget(first)
    await iterations(4, order)
    assert "".join(order).replace("-", "") == "b"


async def test_who_fails_takes_no_turn_from_the_others() -> None:
    class Broken:
        def next_turn(self) -> None:
            raise ValueError("broken")

    turns, order, said = TurnQueue(), list[str](), list[str]()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: said.append(str(context["exception"])))
    turns.later(Broken())
    turns.later(Busy("a", turns, 2, order))
    await iterations(5, order)
    assert said == ["broken"]
    assert order.count("a") == 2
