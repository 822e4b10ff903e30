"""Waits for a condition with a timeout: the only sleeps of the tests."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

#: The default timeout in seconds; generous, since machines may be slow.
PATIENCE = 10.0
_STEP = 0.005


async def wait_for(condition: Callable[[], T], what: str = "", timeout: float = PATIENCE) -> T:
    """Return the value of `condition` once it is true; the event loop goes on meanwhile.

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
    """Return the value of `condition` once it is true; for tests without an event loop.

    Raises:
        AssertionError: it was not true within `timeout` seconds.
    """
    until = time.monotonic() + timeout
    while not (value := condition()):
        if time.monotonic() > until:
            raise AssertionError(f"waited {timeout:g} s in vain for {what or condition}")
        time.sleep(step)
    return value
