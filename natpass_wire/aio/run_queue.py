"""The work that clients leave over when their turn of the event loop ends.

One of them goes on in each iteration of the loop, in the order in which they came. So however many clients there are
that cost much, all others are served after at most one turn of one of them.
"""

# Why: docs/decisions/077-work-in-one-turn.md

import asyncio
from collections import OrderedDict
from typing import Protocol


class Unfinished(Protocol):
    """Whoever has work left over."""

    def next_turn(self) -> None:
        """Do a turn's work; call `RunQueue.later` again if some is left."""


class RunQueue:
    """The queue of one event loop."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[Unfinished, None] = OrderedDict()  # a worker is here once, so the sockets bound it
        self._is_due = False

    def __len__(self) -> int:
        return len(self._waiting)

    def later(self, worker: Unfinished) -> None:
        """Give a worker one turn, after all that wait already. No-op if it waits."""
        self._waiting.setdefault(worker)
        self._call()

    def forget(self, worker: Unfinished) -> None:
        """Give a worker no turn. No-op if it does not wait."""
        self._waiting.pop(worker, None)

    def _call(self) -> None:
        if not self._is_due and self._waiting:
            self._is_due = True
            asyncio.get_running_loop().call_soon(self._one)

    def _one(self) -> None:
        self._is_due = False
        if not self._waiting:
            return
        worker, _ = self._waiting.popitem(last=False)
        self._call()  # before its work, which may fail
        worker.next_turn()
