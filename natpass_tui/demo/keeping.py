"""The console's side of the keeper."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

from natpass_wire.errors import UserError
from natpass_wire.text import printable

#: Seconds for two Python programs to start on a slow machine.
_START_SECONDS = 30.0
_END_SECONDS = 15.0


@contextlib.asynccontextmanager
async def kept(secret: str) -> AsyncIterator[tuple[str, Callable[[], Awaitable[str]]]]:
    """Run a relay and an agent on loopback; give the relay's `HOST:PORT`, and what waits for the page's URL.

    Raises:
        UserError: they did not start.
    """
    others = {name: value for name, value in os.environ.items() if not name.startswith("NATPASS_")}
    keeper = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "natpass_tui.demo.keeper",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=others | {"NATPASS_SECRET": secret},
        start_new_session=True,  # the terminal's signals are for the console only
    )
    assert keeper.stdin is not None
    assert keeper.stdout is not None
    try:
        try:
            async with asyncio.timeout(_START_SECONDS):
                line = (await keeper.stdout.readline()).decode().strip()
        except TimeoutError as error:
            raise UserError(f"the demo's relay did not start within {_START_SECONDS:.0f} s") from error
        if not line or line.startswith("error: "):
            raise UserError(printable(line.removeprefix("error: ")) or "the demo's relay did not start")
        yield line, partial(_page, keeper.stdout)
    finally:
        keeper.stdin.close()
        try:
            async with asyncio.timeout(_END_SECONDS):
                await keeper.wait()
        except TimeoutError:
            keeper.kill()
            await keeper.wait()


async def _page(output: asyncio.StreamReader) -> str:
    """Return a line about the page beyond the demo's agent; empty if there is none."""
    url = (await output.readline()).decode().strip()
    return f"{printable(url)} is a page beyond the agent: natpass-tui forward brings it here" if url else ""
