"""The proxy: a port of loopback in front of another one, in a thread with its own event loop."""

import asyncio
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self, TypeVar

from natpass_wire.aio.runtime import loop_factory
from natpass_wire.aio.tasks import Tasks
from tests.support.network.connection import HOST, Connection
from tests.support.network.end import End
from tests.support.network.journal import Event, Journal
from tests.support.network.line import Shape
from tests.support.network.plan import CutPlan

_T = TypeVar("_T")


class NetworkProxy:
    """A network between the clients of `port` and the program that listens on `target`.

    Args:
        target: the port of loopback that connections go to; its program may stop and restart.
        plan: the cuts; None: no cuts.
        shape: the properties of each connection's line; None: as fast as possible.
    """

    def __init__(self, target: int, *, plan: CutPlan | None = None, shape: Shape | None = None) -> None:
        self.target = target
        self.journal = Journal()
        self.plan = plan if plan is not None else CutPlan(0, 0, 1)
        self.shape = shape
        self.port = 0
        self.passed = 0
        """Bytes that all connections so far have forwarded."""
        self.is_down = self.is_silent = False
        self.tasks = Tasks()
        self._connections: set[Connection] = set()
        self._numbers = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="network", daemon=True)

    # called from other threads

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def down(self, *, silent: bool = False) -> None:
        """Begin an outage.

        Args:
            silent: nothing gets through, nothing is closed, and all goes on afterwards. Otherwise connections are
                reset, new ones as well.
        """
        self._call(lambda: self._down(silent=silent))

    def up(self) -> float:
        """End the outage; return the monotonic time in seconds."""
        return self._call(self._up)

    def forget(self) -> None:
        """Silently block the current connections, as a NAT that forgot them."""
        self._call(self._forget)

    def use(self, plan: CutPlan) -> None:
        """Switch to another plan; the current connections, which have no cut in it, are reset first."""
        self._call(lambda: self._use(plan))

    def forwarded(self) -> int:
        """Return the bytes that the current connections have forwarded."""
        return self._call(lambda: sum(connection.forwarded for connection in self._connections))

    def connections(self) -> int:
        """Return the number of connections."""
        return self._call(lambda: len(self._connections))

    def _call(self, work: Callable[[], _T]) -> _T:
        """Run `work` in the loop's thread; return its result."""

        async def call() -> _T:
            return work()

        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(call(), self._loop).result(10)

    # called in the loop's thread

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        server = await self._loop.create_server(self._accept, HOST, 0)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        await self.tasks.close()
        for connection in list(self._connections):
            connection.abort()
        await server.wait_closed()

    def _accept(self) -> End:
        connection = Connection(self, self._numbers)
        self._numbers += 1
        self._connections.add(connection)
        return connection.client

    def remove(self, connection: Connection) -> None:
        """Remove a connection whose ends are both closed."""
        self._connections.discard(connection)

    def _down(self, *, silent: bool) -> None:
        self.is_down, self.is_silent = not silent, silent
        self.journal.note(Event(time.monotonic(), None, "down", 0))
        for connection in list(self._connections):
            if silent:
                connection.hush("outage")
            else:
                connection.abort()

    def _up(self) -> float:
        self.is_down = self.is_silent = False
        now = time.monotonic()
        self.journal.note(Event(now, None, "up", 0))
        self.journal.returned(now, "outage")
        for connection in list(self._connections):
            connection.go_on("outage")
        return now

    def _forget(self) -> None:
        for connection in self._connections:
            connection.hush("forgotten")

    def _use(self, plan: CutPlan) -> None:
        self.plan = plan
        for connection in list(self._connections):
            connection.abort()
