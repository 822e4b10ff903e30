"""One connection through a proxy: its two ends, the data between them, and its cut."""

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from natpass_wire.aio.tasks import Tasks
from tests.support.network.end import End
from tests.support.network.journal import Event, Journal
from tests.support.network.line import Line, Shape
from tests.support.network.plan import Cut, CutPlan, Kind

HOST = "127.0.0.1"
#: The kernel's buffer before a shaped line: the line's own queue has to be the bottleneck.
_SHAPED_RECEIVE_BYTES = 32 * 1024


class Network(Protocol):
    """The proxy's interface for its connections."""

    target: int
    shape: Shape | None
    plan: CutPlan
    journal: Journal
    tasks: Tasks
    passed: int
    is_down: bool
    is_silent: bool

    def remove(self, connection: "Connection") -> None: ...


class Connection:
    """A connection to the proxy, and its counterpart to the target.

    Attributes:
        number: counted from 0.
        forwarded: bytes, both directions together.
    """

    def __init__(self, network: Network, number: int) -> None:
        self.number = number
        self.forwarded = 0
        self._network = network
        shaped = 0 if network.shape is None else _SHAPED_RECEIVE_BYTES
        self.client, self.server = End(self, shaped), End(self, shaped)
        self._plan = network.plan
        self._cut = self._plan.take()
        self._counted_from = 0  # earlier bytes belong to a cut that the connection survived
        self._silent: set[str] = set()
        self._held: list[Callable[[], None]] = []  # events of a silence, handled after it
        self._lines = {} if network.shape is None else {end: Line(network.shape) for end in (self.client, self.server)}
        self._timers: set[asyncio.TimerHandle] = set()
        self._finished: set[End] = set()  # ends that have sent a FIN
        self._is_over = False

    # called by the ends

    def made(self, end: End) -> None:
        if end is self.server:
            self.go_on("dial")
            return
        if self._network.is_down:
            self.abort()
            return
        if self._network.is_silent:
            self.hush("outage")
        self.hush("dial")  # the target is not connected yet
        self._network.tasks.start(self._dial(), f"dial {self.number}")

    async def _dial(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.create_connection(lambda: self.server, HOST, self._network.target)
        except OSError:
            self._note("refused")
            self.abort()
        if self._is_over or self.client.is_closed:
            self.server.reset()

    def received(self, end: End, data: bytes) -> None:
        if self._is_over:
            return
        if self._silent:
            self._held.append(lambda: self.received(end, data))
            return
        cut = self._cut
        if cut is None or cut.after_seconds is not None:
            if cut is not None and cut.after_seconds is not None and self.forwarded == self._counted_from:
                self._later(cut.after_seconds, self._strike_as_planned)
            self._pass(end, data)
            return
        room = cut.after_bytes - (self.forwarded - self._counted_from)
        self._pass(end, data[:room])
        if len(data) >= room:
            self._strike_as_planned()
            if self._silent:
                self._held.append(lambda: self.received(end, data[room:]))

    def finished(self, end: End) -> None:
        if self._silent:
            self._held.append(lambda: self.finished(end))
        elif not self._is_in_line(end, lambda: self.finished(end)):
            self._other(end).finish()
            self._finished.add(end)
            if len(self._finished) == 2:
                self.client.close()
                self.server.close()

    def lost(self, end: End) -> None:
        if self.client.is_closed and not self.server.is_open:
            self._end()
        elif self._silent:  # a silence hides it, or delays it
            self._held.append(lambda: self.lost(end))
        elif not self._is_in_line(end, lambda: self.lost(end)):
            self._other(end).close()

    def full(self, end: End, is_full: bool) -> None:
        other = self._other(end)
        if is_full:
            other.hold("full")
        else:
            other.release("full")

    # forwarding

    def _other(self, end: End) -> End:
        return self.server if end is self.client else self.client

    def _pass(self, end: End, data: bytes) -> None:
        if not data:
            return
        self.forwarded += len(data)
        self._network.passed += len(data)
        line = self._lines.get(end)
        if line is None:
            self._deliver(end, data)
            return
        was_empty = line.next_at is None
        line.put(data, time.monotonic())
        if line.is_full:
            end.hold("line")
        if was_empty:
            self._await(end, line)

    def _await(self, end: End, line: Line) -> None:
        if line.next_at is not None:
            self._later(line.next_at - time.monotonic(), lambda: self._arrive(end, line))

    def _arrive(self, end: End, line: Line) -> None:
        if self._silent:
            self._held.append(lambda: self._arrive(end, line))
            return
        if data := line.take(time.monotonic()):
            self._deliver(end, data)
        if not line.is_full:
            end.release("line")
        self._await(end, line)

    def _is_in_line(self, end: End, then: Callable[[], None]) -> bool:
        """Tell whether data of this end is still in the line; if so, call `then` after it."""
        line = self._lines.get(end)
        if line is None or line.next_at is None:
            return False
        self._later(line.next_at - time.monotonic() + 0.001, then)
        return True

    def _deliver(self, end: End, data: bytes) -> None:
        to = self._other(end)
        to.write(data)
        journal = self._network.journal
        recovery = journal.to_server if to is self.server else journal.to_client
        recovery.flowed(time.monotonic(), to.arrived)

    # cuts

    def _strike_as_planned(self) -> None:
        cut, self._cut = self._cut, None
        if cut is not None and not self._is_over:
            self._plan.done()
            self.strike(cut)

    def strike(self, cut: Cut) -> None:
        """Cut this connection now."""
        self._note(cut.kind.value)
        returned = time.monotonic()
        match cut.kind:
            case Kind.RESET:
                self.abort()
            case Kind.FIN_BOTH:
                self._is_over = True  # read and drop what still comes: unread bytes would make the kernel send a RST
                self.client.finish()
                self.server.finish()
            case Kind.FIN_ONE:
                (self.server if cut.towards_server else self.client).finish()
            case Kind.HALF_OPEN:
                self.hush("for ever")
            case Kind.STALL:
                self.hush("stall")
                self._later(cut.seconds, self._end_stall)
                returned += cut.seconds
        self._network.journal.returned(returned, cut.kind.value)

    def _end_stall(self) -> None:
        if not self._is_over:  # a connection that survives a stall counts as new
            self._cut, self._counted_from = self._plan.take(), self.forwarded
        self.go_on("stall")

    def abort(self) -> None:
        """Reset both ends."""
        self._is_over = True
        self.client.reset()
        self.server.reset()

    def hush(self, why: str) -> None:
        """Fall silent: hold what comes, and close nothing."""
        self._silent.add(why)
        self.client.hold("silence")
        self.server.hold("silence")

    def go_on(self, why: str) -> None:
        """End a silence: forward what came meanwhile."""
        self._silent.discard(why)
        if self._silent:
            return
        held, self._held = self._held, []
        for work in held:
            work()
        if not self._silent:
            self.client.release("silence")
            self.server.release("silence")

    # the end

    def _note(self, kind: str) -> None:
        self._network.journal.note(Event(time.monotonic(), self.number, kind, self.forwarded))

    def _later(self, seconds: float, work: Callable[[], None]) -> None:
        def due() -> None:
            self._timers.discard(timer)
            work()

        timer = asyncio.get_running_loop().call_later(max(seconds, 0), due)
        self._timers.add(timer)

    def _end(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        self._held.clear()
        if self._cut is not None:  # left for the next connection
            self._note("end")
            self._plan.give_back(self._cut)
            self._cut = None
        self._network.remove(self)
