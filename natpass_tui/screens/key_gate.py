"""Queues keys until the UI settles.

A key may open a dialog, an input or a tab. The keys typed after it are meant for that, and wait until it is shown.
This is common: over a slow line several keys come in one read. Keys for a remote open nothing and do not wait.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from textual import events
from textual.app import App
from textual.message_pump import MessagePump
from textual.worker import WorkerState

#: The most keys and pastes that may wait. More are refused with the bell: nobody types that far ahead.
MOST_HELD = 4096
#: Seconds that keys wait for the screen to settle, at most.
PATIENCE_SECONDS = 3.0
#: Seconds between polls for what comes without a message: the result of a palette's search, a tab's layout.
_LOOK_SECONDS = 0.005
#: Rounds through all message queues without a message, after which the screen counts as settled. In the first one a
#: message may still be handled; its consequences show in the second.
_QUIET_ROUNDS = 2


#: Hands an event to its current receiver; tells whether the next one may have another receiver.
Deliver = Callable[[events.Event], Awaitable[bool]]


class KeyGate:
    """Delivers keys and pastes one at a time: the others wait while one takes effect.

    Args:
        app: the application that gets the keys.
        deliver: hands one event on.
        is_ready: tells whether the focus of the active screen is where it belongs.
    """

    def __init__(self, app: App[Any], deliver: Deliver, is_ready: Callable[[], bool]) -> None:
        self._app = app
        self._deliver = deliver
        self._is_ready = is_ready
        self._held: deque[events.Event] = deque()
        self._busy = False

    @property
    def is_busy(self) -> bool:
        """Whether a key is still taking effect, so that others would wait."""
        return self._busy

    async def take(self, event: events.Event) -> None:
        """Deliver an event now, or when its turn comes."""
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
        """Let keys wait for something that just began without a key."""
        if not self._busy:
            self._busy = True
            self._start()

    async def dealt_with(self, pump: MessagePump) -> None:
        """Wait until a part of the screen has handled its keys: what comes next may change it."""
        done = asyncio.get_running_loop().create_future()
        if pump.call_later(_resolve, done):
            await asyncio.wait([done], timeout=PATIENCE_SECONDS)

    def _start(self) -> None:
        # The worker makes the coroutine: if it is cancelled before it ran, no coroutine is left unawaited.
        work: Any = self._drain
        self._app.run_worker(work, name="keys", group="keys")

    async def _drain(self) -> None:
        """Let the screen settle, deliver the next event, and repeat."""
        try:
            await self._rest()
            while self._held:
                if await self._deliver(self._held.popleft()):
                    await self._rest()
        finally:
            self._busy = False

    async def _rest(self) -> None:
        """Wait until every message is handled, and its effect is shown."""
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
        """Wait until every part of the screen has handled what was in its queue."""
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
        """Whether a worker runs in the background whose result the active screen shows."""
        screen = self._app.screen
        return any(
            worker.node is screen and worker.state in {WorkerState.PENDING, WorkerState.RUNNING}
            for worker in self._app.workers
        )


def _resolve(done: asyncio.Future[None]) -> None:
    if not done.done():
        done.set_result(None)
