"""Giving a program its input from a link, for the kinds that run programs."""

# Why: docs/decisions/005-patience-with-plain-links.md

import asyncio
from collections.abc import Awaitable, Callable

from natpass_wire.aio.link import Link
from natpass_wire.errors import NatpassError

#: A program that reads nothing for so long, while so much waits for it that nothing else on the connection is read
#: (not even that its link has ended), is given up, for the sake of all other links. Never with credit.
STALLED_SECONDS = 30.0


class StalledError(NatpassError):
    """The program reads no input and holds up everybody else."""


async def feed(link: Link, write: Callable[[bytes], Awaitable[int]], data: bytes, stalled_seconds: float) -> None:
    """Give a program input, all of it; waits while it takes nothing.

    Args:
        link: where the input came from.
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
