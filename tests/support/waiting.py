"""Waits for a condition with a timeout: the only sleeps of the tests."""

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self, TypeVar

T = TypeVar("T")

#: The default timeout in seconds; generous, since machines may be slow.
PATIENCE = 10.0
#: How many times as long to wait at most where others keep the processors busy.
MOST_SLOWNESS = 6.0
_STEP = 0.005


def patience(seconds: float = PATIENCE) -> float:
    """Return how long to wait now for what takes at most so many seconds if it has a processor to itself.

    Several tests run at a time, and each starts several programs. Where many of them want to run, each gets a small
    part of a processor, and takes so much longer.
    """
    return seconds * min(max(1.0, _wanting() / _processors()), MOST_SLOWNESS)


def _wanting() -> float:
    """Return how many threads of this machine want to run: now, or in the last minute if they were more."""
    try:
        load, _, _, running, _ = Path("/proc/loadavg").read_text().split()
    except (OSError, ValueError):
        return os.getloadavg()[0] if hasattr(os, "getloadavg") else 1.0
    return max(float(load), float(running.partition("/")[0]))


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Progress:
    """Limits the time without progress, within `async with`: what is long may take as long as it goes on.

    Args:
        seconds: how long nothing may come, see `patience`.
    """

    def __init__(self, seconds: float = PATIENCE) -> None:
        self._seconds = seconds
        self._limit = asyncio.timeout(patience(seconds))

    def made(self) -> None:
        """Begin the time again: something has come."""
        self._limit.reschedule(asyncio.get_running_loop().time() + patience(self._seconds))

    async def __aenter__(self) -> Self:
        await self._limit.__aenter__()
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self._limit.__aexit__(*error)


class _Patience:
    """Runs out after `timeout` seconds; later on a busy machine."""

    def __init__(self, timeout: float) -> None:
        self._begun = time.monotonic()
        self._timeout = timeout

    def is_over(self) -> bool:
        """Tell whether it has run out."""
        waited = time.monotonic() - self._begun
        return waited > self._timeout and waited > patience(self._timeout)

    def error(self, what: object) -> AssertionError:
        """Return the error to raise."""
        return AssertionError(f"waited {time.monotonic() - self._begun:.3g} s in vain for {what}")


async def wait_for(condition: Callable[[], T], what: str = "", timeout: float = PATIENCE) -> T:
    """Return the value of `condition` once it is true; the event loop goes on meanwhile.

    Raises:
        AssertionError: it was not true within `timeout` seconds, see `patience`.
    """
    limit = _Patience(timeout)
    while not (value := condition()):
        if limit.is_over():
            raise limit.error(what or condition)
        await asyncio.sleep(_STEP)
    return value


def wait_until(condition: Callable[[], T], what: str = "", timeout: float = PATIENCE, step: float = 0.02) -> T:
    """Return the value of `condition` once it is true; for tests without an event loop.

    Raises:
        AssertionError: it was not true within `timeout` seconds, see `patience`.
    """
    limit = _Patience(timeout)
    while not (value := condition()):
        if limit.is_over():
            raise limit.error(what or condition)
        time.sleep(step)
    return value
