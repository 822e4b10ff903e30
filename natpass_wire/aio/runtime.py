"""The platform's event loop: the only module that knows uvloop and the proactor."""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from typing import Any

from natpass_wire.aio.run_queue import RunQueue

#: The most bytes of one read.
READ_BYTES = 256 * 1024
# Why: docs/decisions/068-who-has-to-go-before-the-login.md
#: Copies of a listening socket that a busy server needs: uvloop accepts one connection of each in an iteration, where
#: asyncio's loop accepts as many as there are.
LISTENERS = 8 if sys.platform != "win32" else 1
#: Windows' proactor fills a connection's buffer while others run, so each needs its own; a smaller one.
_OWN_READ_BYTES = 64 * 1024


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return the factory of our event loop: uvloop where it exists, None for asyncio's default."""
    if sys.platform != "win32":
        import uvloop  # noqa: PLC0415 - it does not exist on Windows

        factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
        return factory
    else:  # noqa: RET505 - without it, a type checker takes one of the two for unreachable
        return None


def run(main: Coroutine[Any, Any, int]) -> int:
    """Run a program's main coroutine on our event loop; return its exit status."""
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(main)


class ReadBuffers:
    """The memory that sockets read into.

    All connections of a loop share two buffers, since none holds data between two callbacks. With their own, 10 000
    connections would hold gigabytes. (On Windows they can't share, see above.)

    Attributes:
        raw: bytes from the socket.
        plain: the same bytes after TLS.
        run_queue: the queue of connections with work left over.
    """

    def __init__(self, size: int = READ_BYTES, run_queue: RunQueue | None = None) -> None:
        self.raw = memoryview(bytearray(size))
        self.plain = memoryview(bytearray(size + 64 * 1024))
        self.run_queue = run_queue if run_queue is not None else RunQueue()

    def for_connection(self) -> "ReadBuffers":
        """Return the buffers that a new connection uses."""
        return ReadBuffers(_OWN_READ_BYTES, self.run_queue) if sys.platform == "win32" else self
