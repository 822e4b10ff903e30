"""The events of a network, and how long bytes took to flow again."""

import threading
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from tests.support.network.plan import LOGIN_BYTES, Kind

#: After these events data can flow again at once if both ends do their part.
CUTS = {"up", *(kind.value for kind in Kind)}


@dataclass(frozen=True, slots=True)
class Event:
    """An event of the network.

    Attributes:
        at: seconds of the monotonic clock.
        connection: the connection's number, counted from 0; None for all connections.
        kind: a `Kind`'s value, or `down`, `up`, `end` (by one of its ends), `refused` (by the target).
        size: bytes that the connection had forwarded.
    """

    at: float
    connection: int | None
    kind: str
    size: int


@dataclass(frozen=True, slots=True, order=True)
class Wait:
    """The time until data flowed again.

    Attributes:
        seconds: from the network's return.
        after: the kind of the event before it.
        at: when it flowed, by the monotonic clock.
    """

    seconds: float
    after: str
    at: float


@dataclass(slots=True)
class Recovery:
    """Measures how long data takes to flow towards one end again, from the last return of the network.

    A cut that leaves the network usable returns at once. A new connection's login is not data: the first LOGIN_BYTES
    towards an end do not count.
    """

    waits: list[Wait] = field(default_factory=list)
    _since: float | None = None
    _after: str = ""

    def returned(self, at: float, after: str) -> None:
        """Record that data could flow again from `at` on: a new connection is possible."""
        self._since, self._after = at, after

    def flowed(self, at: float, size: int) -> None:
        """Record that a connection has delivered `size` bytes so far."""
        if self._since is not None and at >= self._since and size > LOGIN_BYTES:
            self.waits.append(Wait(at - self._since, self._after, at))
            self._since = None


class Journal:
    """The events of one proxy. Written by its thread, read by others."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._events: list[Event] = []
        self.to_client, self.to_server = Recovery(), Recovery()

    def note(self, event: Event) -> None:
        """Add an event."""
        with self._lock:
            self._events.append(event)

    def returned(self, at: float, after: str) -> None:
        """Record that the network is usable again for both ends."""
        self.to_client.returned(at, after)
        self.to_server.returned(at, after)

    @property
    def events(self) -> list[Event]:
        """The events so far."""
        with self._lock:
            return list(self._events)

    def counts(self) -> Counter[str]:
        """Return how often each kind of event happened."""
        return Counter(event.kind for event in self.events)

    def waits(self) -> list[Wait]:
        """Return how long data took to flow again towards either end: one wait for each cut and end."""
        return [*self.to_client.waits, *self.to_server.waits]

    def report(self) -> str:
        """Return the events and the waits of data between them, as lines."""
        events = self.events
        begin = events[0].at if events else 0.0
        lines = [(e.at, f"#{e.connection}  {e.kind}, {e.size} bytes") for e in events]
        for name, recovery in (("client", self.to_client), ("server", self.to_server)):
            lines += [(w.at, f"flows to the {name} again, after {w.seconds:.3f} s ({w.after})") for w in recovery.waits]
        return "".join(f"{at - begin:9.3f} s  {text}\n" for at, text in sorted(lines))


def on_the_way(waits: Iterable[Wait], beyond: Iterable[Event]) -> list[Wait]:
    """Return the waits on one of two networks that data crosses, from when both had returned.

    Args:
        waits: the waits on one network.
        beyond: the events of the other one.
    """
    cuts = sorted(event.at for event in beyond if event.kind in CUTS)
    found = []
    for wait in waits:
        before = bisect_right(cuts, wait.at)
        since = max(wait.at - wait.seconds, cuts[before - 1] if before else 0.0)
        found.append(replace(wait, seconds=wait.at - since))
    return found


def percentile(values: Sequence[float], part: float) -> float:
    """Return the value that `part` (0 to 1) of the values do not exceed; 0 without values."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else 0.0
