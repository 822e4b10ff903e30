"""Feeds a program input from a link, for the kinds that run programs."""

# Why: docs/decisions/005-patience-with-plain-links.md

import asyncio
from collections.abc import Awaitable, Callable

from natpass_wire.aio.link import Link
from natpass_wire.errors import NatpassError

#: Seconds after which a program that reads nothing is ended, if its queued input keeps the whole connection from being
#: read (even the end of its link). So the other links can go on. Never happens with credit.
STALLED_SECONDS = 30.0


class StalledError(NatpassError):
    """The program reads no input and holds up all other links."""


async def feed(link: Link, write: Callable[[bytes], Awaitable[int]], data: bytes, stalled_seconds: float) -> None:
    """Give a program all of its input; wait while it takes nothing.

    Args:
        link: the link that the input came from.
        write: gives the program some of it, and returns how many bytes it took.
        data: the input.
        stalled_seconds: see `STALLED_SECONDS`.

    Raises:
        StalledError: the program takes nothing, and the link holds up others.
    """
    rest = data
    while rest:
        try:
            async with asyncio.timeout(stalled_seconds):
                taken = await write(rest)
        except TimeoutError:
            if link.is_holding:
                raise StalledError(
                    f"the program has read no input for {stalled_seconds:.0f} s, and more waits than can be kept"
                ) from None
        else:
            rest = rest[taken:]
