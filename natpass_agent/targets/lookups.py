"""The threads in which the agent looks up for consoles: few for all of them, and each console has its share."""

# Why: docs/decisions/097-lookups-are-shared-by-owner.md

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Callable, Hashable
from typing import TypeVar

from natpass_wire.stream.receiver import Room

#: Lookups at once, each in a thread. An owner has at most half of what others leave: 16 at first.
LOOKUPS = 32
#: Seconds for a lookup, with the time until its turn.
LOOKUP_SECONDS = 10.0

T = TypeVar("T")


class Lookups:
    """The lookups of one agent.

    The loop's own threads are few, and the agent needs them to find its relay: so these are others. They end by
    themselves, and the program's end does not wait for them. How many wait is bounded by what asks: each has a place.

    Args:
        threads: how many there are at most.
    """

    def __init__(self, threads: int = LOOKUPS) -> None:
        self._room = Room(threads)
        self._held: dict[Hashable, int] = {}
        self._waiting: dict[Hashable, deque[asyncio.Future[None]]] = {}

    async def run(self, work: Callable[[], T], owner: Hashable, seconds: float | None = None) -> T:
        """Return what `work`, which may block, returns.

        Args:
            work: runs in a thread; it goes on there when nobody waits for it any more.
            owner: to whom the thread is counted.
            seconds: time limit; None: `LOOKUP_SECONDS`.

        Raises:
            TimeoutError: it took too long, or its turn did not come.
            OSError: there is no thread.
            Exception: what `work` raises.
        """
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()

        def finish(result: T | None, error: Exception | None) -> None:
            self._release(owner)
            if done.done():
                return
            if error is None:
                done.set_result(result)  # type: ignore[arg-type]  # None only if T has it
            else:
                done.set_exception(error)

        def thread() -> None:
            result, fault = None, None
            try:
                result = work()
            except Exception as error:  # noqa: BLE001 - it is raised where it is waited for
                fault = error
            with contextlib.suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(finish, result, fault)

        async with asyncio.timeout(LOOKUP_SECONDS if seconds is None else seconds):
            await self._turn(owner)
            try:
                threading.Thread(target=thread, name="lookup", daemon=True).start()
            except RuntimeError as error:
                self._release(owner)
                raise OSError("no thread for a lookup") from error
            return await done

    async def _turn(self, owner: Hashable) -> None:
        """Wait for a thread; an owner's requests are served in their order."""
        if owner not in self._waiting and self._take(owner):
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(owner, deque()).append(turn)
        try:
            await turn
        except BaseException:
            waiting = self._waiting.get(owner, ())
            if turn in waiting:
                self._waiting[owner].remove(turn)
                self._forget(owner)
            elif not turn.cancelled():  # it came just now
                self._release(owner)
            raise

    def _take(self, owner: Hashable) -> bool:
        if not self._room.take(1, owner):
            return False
        self._held[owner] = self._held.get(owner, 0) + 1
        return True

    def _release(self, owner: Hashable) -> None:
        """Take a thread back, and let those run who wait and may: whoever has fewest goes first."""
        self._give_back(owner)
        while (following := self._following()) is not None:
            turn = self._waiting[following].popleft()
            self._forget(following)
            if turn.cancelled():  # its task has not run since
                self._give_back(following)
            else:
                turn.set_result(None)

    def _give_back(self, owner: Hashable) -> None:
        self._room.give_back(1, owner)
        self._held[owner] -= 1
        if not self._held[owner]:
            del self._held[owner]

    def _following(self) -> Hashable | None:
        """Take a thread for the owner whose turn it is; None if nobody who waits may have one."""
        for owner in sorted(self._waiting, key=lambda each: self._held.get(each, 0)):
            if self._take(owner):
                return owner
        return None

    def _forget(self, owner: Hashable) -> None:
        if not self._waiting[owner]:
            del self._waiting[owner]
