"""Who costs much has its turn, and the others theirs."""

import asyncio

import pytest

from natpass_wire.aio.leftovers import Leftovers

pytestmark = pytest.mark.both_loops


class Busy:
    def __init__(self, name: str, leftovers: Leftovers, work: int, order: list[str]) -> None:
        self._name, self._leftovers, self._work, self._order = name, leftovers, work, order

    def next_turn(self) -> None:
        self._order.append(self._name)
        self._work -= 1
        if self._work:
            self._leftovers.later(self)


async def iterations(count: int, order: list[str]) -> None:
    for _ in range(count):
        await asyncio.sleep(0)
        order.append("-")


async def test_one_turn_in_each_iteration_in_the_order_of_arrival() -> None:
    leftovers, order = Leftovers(), list[str]()
    for name, work in (("a", 3), ("b", 1), ("c", 2)):
        leftovers.later(Busy(name, leftovers, work, order))
    await iterations(7, order)
    done = "".join(order).replace("-", "")
    assert done == "abcaca"
    assert "--" in "".join(order)  # it was all done
    assert all(len(between) <= 1 for between in "".join(order).split("-"))


async def test_who_is_forgotten_has_no_turn_and_who_waits_waits_once() -> None:
    leftovers, order = Leftovers(), list[str]()
    first, second = Busy("a", leftovers, 1, order), Busy("b", leftovers, 1, order)
    for worker in (first, second, second, first):
        leftovers.later(worker)
    assert len(leftovers) == 2
    leftovers.forget(first)
    leftovers.forget(first)
    await iterations(4, order)
    assert "".join(order).replace("-", "") == "b"


async def test_who_fails_takes_no_turn_from_the_others() -> None:
    class Broken:
        def next_turn(self) -> None:
            raise ValueError("broken")

    leftovers, order, said = Leftovers(), list[str](), list[str]()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: said.append(str(context["exception"])))
    leftovers.later(Broken())
    leftovers.later(Busy("a", leftovers, 2, order))
    await iterations(5, order)
    assert said == ["broken"]
    assert order.count("a") == 2
