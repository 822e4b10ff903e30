"""Keys in their order, each where the one before it leads to.

A key may open a dialog, an input or a tab: what is typed behind it is meant for that, and has to wait until it is
there. Over a slow line several keys come in one read, so this is no rare case. Keys for a remote open nothing and wait
for nothing.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from textual import events
from textual.app import App
from textual.message_pump import MessagePump
from textual.worker import WorkerState

#: Keys and pastes that may wait at most. What is over is refused with the bell: nobody types that far ahead.
MOST_HELD = 4096
#: Keys wait no longer than this for the screen to come to rest, in seconds.
PATIENCE_SECONDS = 3.0
#: How soon to look again, in seconds, at what comes without a message: a palette's search, a tab that is laid out.
_LOOK_SECONDS = 0.005
#: Rounds through all message queues in which nothing was waiting, until the screen is taken to be at rest: in the one
#: round a message may be worked on, in the next its consequences would be seen.
_QUIET_ROUNDS = 2


#: Hands an event to whom it is for now; tells whether the next one may be for somebody else.
Deliver = Callable[[events.Event], Awaitable[bool]]


class KeyGate:
    """Delivers keys and pastes; while one of them takes effect, the others wait.

    Args:
        app: whose keys they are.
        deliver: hands one on.
        is_ready: whether the screen in front has the keyboard where it belongs.
    """

    def __init__(self, app: App[Any], deliver: Deliver, is_ready: Callable[[], bool]) -> None:
        self._app = app
        self._deliver = deliver
        self._is_ready = is_ready
        self._held: deque[events.Event] = deque()
        self._busy = False

    @property
    def is_busy(self) -> bool:
        """Whether a key takes effect, and others would wait."""
        return self._busy

    async def take(self, event: events.Event) -> None:
        """Deliver an event now, or once it is its turn."""
        if not self._busy:
            self._busy = True
            if await self._deliver(event) or self._held:
                self._start()
            else:
                self._busy = False
        elif len(self._held) < MOST_HELD:
            self._held.append(event)
        else:
            self._app.bell()

    def hold(self) -> None:
        """Let keys wait for what was just begun otherwise than by a key."""
        if not self._busy:
            self._busy = True
            self._start()

    async def dealt_with(self, pump: MessagePump) -> None:
        """Wait until a part of the screen has dealt with the keys that it was handed: what comes next may change it."""
        done = asyncio.get_running_loop().create_future()
        if pump.call_later(_resolve, done):
            await asyncio.wait([done], timeout=PATIENCE_SECONDS)

    def _start(self) -> None:
        # The coroutine is made by the worker: one that is cancelled before it ran leaves none behind.
        work: Any = self._drain
        self._app.run_worker(work, name="keys", group="keys")

    async def _drain(self) -> None:
        """Let the screen come to rest, deliver the next, and so on."""
        try:
            await self._rest()
            while self._held:
                if await self._deliver(self._held.popleft()):
                    await self._rest()
        finally:
            self._busy = False

    async def _rest(self) -> None:
        """Wait until every message is dealt with, and what it led to is there."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + PATIENCE_SECONDS
        quiet = 0
        while quiet < _QUIET_ROUNDS and (left := deadline - loop.time()) > 0:
            await self._round(left)
            if any(pump.message_queue_size for pump in self._pumps()):
                quiet = 0
            elif self._is_ready() and not self._works():
                quiet += 1
            else:
                quiet = 0
                await asyncio.sleep(_LOOK_SECONDS)

    async def _round(self, seconds: float) -> None:
        """Wait until every part of the screen has dealt with what was in its queue."""
        loop = asyncio.get_running_loop()
        passed: list[asyncio.Future[None]] = []
        for pump in self._pumps():
            done = loop.create_future()
            if pump.call_later(_resolve, done):
                passed.append(done)
        if passed:
            await asyncio.wait(passed, timeout=seconds)

    def _pumps(self) -> list[MessagePump]:
        screen = self._app.screen
        return [self._app, screen, *screen.walk_children()]

    def _works(self) -> bool:
        """Whether something runs in the background whose result the screen in front shows."""
        screen = self._app.screen
        return any(
            worker.node is screen and worker.state in {WorkerState.PENDING, WorkerState.RUNNING}
            for worker in self._app.workers
        )


def _resolve(done: asyncio.Future[None]) -> None:
    if not done.done():
        done.set_result(None)
