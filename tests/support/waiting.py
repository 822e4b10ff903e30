"""Waiting for a condition with a time limit: the one place of the tests that sleeps."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

#: Seconds after which a condition that does not come counts as a failure; generous, since machines are slow at times.
PATIENCE = 10.0
_STEP = 0.005


async def wait_for(condition: Callable[[], T], what: str = "", timeout: float = PATIENCE) -> T:
    """Return what `condition` gives once it is true; the event loop goes on meanwhile.

    Raises:
        AssertionError: it was not true within `timeout` seconds.
    """
    until = time.monotonic() + timeout
    while not (value := condition()):
        if time.monotonic() > until:
            raise AssertionError(f"waited {timeout:g} s in vain for {what or condition}")
        await asyncio.sleep(_STEP)
    return value


def wait_until(condition: Callable[[], T], what: str = "", timeout: float = PATIENCE, step: float = 0.02) -> T:
    """Return what `condition` gives once it is true; for tests without an event loop.

    Raises:
        AssertionError: it was not true within `timeout` seconds.
    """
    until = time.monotonic() + timeout
    while not (value := condition()):
        if time.monotonic() > until:
            raise AssertionError(f"waited {timeout:g} s in vain for {what or condition}")
        time.sleep(step)
    return value
