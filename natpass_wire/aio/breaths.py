"""Reading at an existing relay, which drops what a client does not take within a second (docs/wire.md §5).

While a plain link has too much unread, the connection stops reading, and TCP slows the sender down. An existing relay
waits a second for that, then it drops the frame, or a part of it, and says nothing. So the connection reads a little
now and then, and the link that keeps the most unread is ended before memory is: an end is told, a gap is not.
"""

# Why: docs/decisions/096-a-slow-link-ends-at-existing-relays.md

import asyncio
from collections.abc import Callable, Collection
from typing import Protocol

#: Seconds without reading: well within the relay's second.
_PAUSE_SECONDS = 0.5
#: Bytes read in one breath. A kernel wakes a writer when about a third of its buffer is free, of up to 4 MiB.
_BREATH_BYTES = 2 * 1024 * 1024
#: Unread bytes of all links at which the one with the most ends: at least eight seconds of breaths.
MOST_KEPT_BYTES = 32 * 1024 * 1024
#: What a message costs beside its bytes.
MESSAGE_BYTES = 512


class KeepingLink(Protocol):
    """A link with too much unread."""

    @property
    def kept_bytes(self) -> int:
        """Bytes of memory of what is unread."""

    def abandon(self, text: str) -> None:
        """End the link and forget what is unread."""


class Breaths:
    """Pauses and resumes reading while links have too much unread.

    Args:
        pause: stops reading.
        resume: reads again.
        breathes: whether the relay drops what it can't send; else reading pauses for as long as it takes.
    """

    def __init__(self, pause: Callable[[], None], resume: Callable[[], None], *, breathes: bool) -> None:
        self._pause, self._resume = pause, resume
        self._breathes = breathes
        self._timer: asyncio.TimerHandle | None = None
        self._left = 0
        self._is_reading = True

    def hold(self, holders: Collection[KeepingLink]) -> None:
        """Pause while there are holders; called when there is a first one, or none any more."""
        if holders:
            self._stop(holders)
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._is_reading:
            self._is_reading = True
            self._resume()

    def took(self, size: int, holders: Collection[KeepingLink]) -> None:
        """Count a message that was read; ends the breath if it was enough."""
        if holders and self._is_reading:
            self._left -= size + MESSAGE_BYTES
            if self._left <= 0:
                self._stop(holders)

    def stop(self) -> None:
        """Do nothing any more: the connection is gone."""
        self._breathes = False
        if self._timer is not None:
            self._timer.cancel()

    def _stop(self, holders: Collection[KeepingLink]) -> None:
        self._is_reading = False
        self._pause()
        if not self._breathes:
            return
        if sum(holder.kept_bytes for holder in holders) > MOST_KEPT_BYTES:
            fullest = max(holders, key=lambda holder: holder.kept_bytes)
            fullest.abandon("not read for too long: this relay, an existing one, would have lost data of it")
            if not holders:
                return  # `hold` has resumed reading
        self._timer = asyncio.get_running_loop().call_later(_PAUSE_SECONDS, self._breathe)

    def _breathe(self) -> None:
        self._timer = None
        self._is_reading = True
        self._left = _BREATH_BYTES
        self._resume()
