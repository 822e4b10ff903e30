"""The figures of a bench, and what is told of them. Pure. Times are in seconds."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

#: What no console can measure.
UNKNOWN = (
    "The parts of an echo add up. The relay measures its way to the agent by one ping of its own: where that took "
    "longer than all beyond the relay in an echo, it is no part. CPU time and waiting inside the relay and the agent "
    "can't be told apart from here."
)

#: A shorter transfer tells nothing of a rate.
_SHORTEST = 1e-3


def percentile(samples: Sequence[float], percent: float) -> float | None:
    """Return the smallest sample that so many percent of the samples do not exceed, None without samples."""
    if not samples:
        return None
    rank = math.ceil(len(samples) * percent / 100)
    return sorted(samples)[max(rank, 1) - 1]


@dataclass(slots=True)
class Times:
    """Durations of one thing that was done many times."""

    samples: list[float] = field(default_factory=list)

    @property
    def p50(self) -> float | None:
        """The median."""
        return percentile(self.samples, 50)

    @property
    def p99(self) -> float | None:
        """What 99 of 100 do not exceed; with fewer than 100 samples, the longest."""
        return percentile(self.samples, 99)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of an echo.

    Attributes:
        key: its name in JSON.
        label: its name for people.
        seconds: how long it takes; None: unknown.
    """

    key: str
    label: str
    seconds: float | None


@dataclass(slots=True)
class Transfer:
    """A transfer as fast as it goes, with echoes beside it.

    Attributes:
        size: bytes that arrived.
        seconds: how long they took.
        cpu: the CPU seconds of this process meanwhile, with the echoes.
        echoes: the round trips of the echoes.
    """

    size: int = 0
    seconds: float = 0.0
    cpu: float = 0.0
    echoes: Times = field(default_factory=Times)

    @property
    def rate(self) -> float | None:
        """Bytes a second, None if nothing was measured."""
        return self.size / self.seconds if self.seconds >= _SHORTEST and self.size else None


@dataclass(slots=True)
class BenchReport:
    """What was measured; what was not is None or empty.

    Attributes:
        agent: the agent's id.
        relay: the relay's address.
        is_sealed: whether the links were sealed.
        start: from the start of the program to the first open link: connecting, login, and opening.
        opening: the opening of a link, with its handshake.
        to_relay: round trips to the relay.
        beyond: the round trip between relay and agent, as the relay told it.
        idle: the echoes while nothing else was on the way.
        idle_cpu: the CPU seconds of this process for them.
        down: the transfer from the agent.
        up: the transfer to the agent.
        resumes: how many times a link went on over another connection.
        stopped: why the bench ended early; empty if it did not.
    """

    agent: str
    relay: str
    is_sealed: bool = False
    start: float | None = None
    opening: float | None = None
    to_relay: Times = field(default_factory=Times)
    beyond: float | None = None
    idle: Times = field(default_factory=Times)
    idle_cpu: float = 0.0
    down: Transfer = field(default_factory=Transfer)
    up: Transfer = field(default_factory=Transfer)
    resumes: int = 0
    stopped: str = ""

    @property
    def parts(self) -> tuple[Part, ...]:
        """The parts of the median echo, which add up to it.

        The way to the relay, and all beyond it: the way to the agent and the rest, if the relay's ping fits in there.
        """
        echo, near = self.idle.p50, self.to_relay.p50
        to_relay, left = near, None
        if echo is not None and near is not None:
            to_relay = min(near, echo)  # measured before: the line may have been busier
            left = echo - to_relay
        first = Part("to_relay_ms", "to the relay and back", to_relay)
        if left is None or self.beyond is None or self.beyond > left:
            return first, Part("beyond_relay_ms", "beyond: the agent's line, the programs", left)
        return (
            first,
            Part("relay_to_agent_ms", "from there to the agent and back", self.beyond),
            Part("rest_ms", "the rest: sealing, the programs, queues", left - self.beyond),
        )

    def as_object(self) -> dict[str, object]:
        """Return the JSON object: times in milliseconds, rates in bytes a second, null for what is not known."""
        return {
            "agent": self.agent,
            "relay": self.relay,
            "sealed": self.is_sealed,
            "stopped": self.stopped or None,
            "start_ms": _ms(self.start),
            "open_ms": _ms(self.opening),
            "relay_round_trip": _object(self.to_relay),
            "relay_to_agent_ms": _ms(self.beyond),
            "echo_idle": _object(self.idle) | {"cpu_seconds": round(self.idle_cpu, 3)},
            "down": _transfer(self.down),
            "up": _transfer(self.up),
            "echo_parts": {part.key: _ms(part.seconds) for part in self.parts},
            "resumes": self.resumes,
            "unknown": UNKNOWN,
        }


def shown_time(seconds: float | None) -> str:
    """Return a duration for people, with two or three digits that count."""
    if seconds is None:
        return "-"
    if seconds < 0.01:
        return f"{seconds * 1000:.2f} ms"
    if seconds < 0.1:
        return f"{seconds * 1000:.1f} ms"
    return f"{seconds * 1000:.0f} ms" if seconds < 10 else f"{seconds:.1f} s"


def shown_rate(rate: float | None) -> str:
    """Return bytes a second for people."""
    if rate is None:
        return "-"
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if rate >= size:
            return f"{_digits(rate / size)} {unit}/s"
    return f"{rate:.0f} B/s"


def _digits(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 3)


def _object(times: Times) -> dict[str, object]:
    return {"p50_ms": _ms(times.p50), "p99_ms": _ms(times.p99), "samples": len(times.samples)}


def _transfer(transfer: Transfer) -> dict[str, object]:
    rate = transfer.rate
    return {
        "bytes": transfer.size,
        "seconds": round(transfer.seconds, 3),
        "bytes_per_second": None if rate is None else round(rate),
        "cpu_seconds": round(transfer.cpu, 3),
        "echo": _object(transfer.echoes),
    }
