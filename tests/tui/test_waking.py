"""A thread wakes the event loop, until nobody wants to be woken."""

import asyncio
import contextvars
import threading

from natpass_tui.waking import LoopWaker

NAME = contextvars.ContextVar("NAME", default="nobody")


def from_a_thread(waker: LoopWaker) -> None:
    thread = threading.Thread(target=waker)
    thread.start()
    thread.join()


async def turn() -> None:
    await asyncio.sleep(0)
    await asyncio.sleep(0)


async def test_it_calls_in_the_loop_with_the_context_of_who_began() -> None:
    woken: list[tuple[str, bool]] = []
    waker = LoopWaker(lambda: woken.append((NAME.get(), threading.current_thread() is threading.main_thread())))
    token = NAME.set("application")
    waker.begin()
    NAME.reset(token)
    from_a_thread(waker)
    await turn()
    assert woken == [("application", True)]


async def test_nobody_is_woken_before_the_beginning_or_after_the_end() -> None:
    woken: list[int] = []
    waker = LoopWaker(lambda: woken.append(1))
    from_a_thread(waker)
    waker.begin()
    from_a_thread(waker)
    waker.end()  # also what was on its way
    from_a_thread(waker)
    await turn()
    assert not woken


def test_a_loop_that_is_closed_is_nobody() -> None:
    woken: list[int] = []
    waker = LoopWaker(lambda: woken.append(1))

    async def begin() -> None:
        waker.begin()

    asyncio.run(begin())
    from_a_thread(waker)
    waker()
    assert not woken
