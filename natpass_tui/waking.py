"""Calls a function in the event loop from other threads."""

import asyncio
import contextvars
from collections.abc import Callable


class LoopWaker:
    """Calls `woken` in the event loop in which `begin` was called. Call it from any thread.

    Args:
        woken: called in the loop, once for each call of this object between `begin` and `end`.
    """

    def __init__(self, woken: Callable[[], None]) -> None:
        self._woken = woken
        self._loop: asyncio.AbstractEventLoop | None = None
        self._context = contextvars.Context()

    def begin(self) -> None:
        """Start waking the running loop, with the caller's context: Textual finds its application there."""
        self._context = contextvars.copy_context()
        self._loop = asyncio.get_running_loop()

    def end(self) -> None:
        """Stop waking."""
        self._loop = None

    def __call__(self) -> None:
        """Schedule a call of `woken`."""
        loop = self._loop
        if loop is not None:
            try:
                loop.call_soon_threadsafe(self._wake, context=self._context)
            except RuntimeError:
                self._loop = None  # the program ended between the two lines above

    def _wake(self) -> None:
        if self._loop is not None:
            self._woken()
