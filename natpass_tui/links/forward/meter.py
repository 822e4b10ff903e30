"""Bytes a second of a rule, from its counters. Pure."""

from collections import deque
from dataclasses import dataclass

#: Seconds over which a rate is an average: short enough to follow, long enough to be read.
WINDOW_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Rate:
    """Bytes a second each way; `sent` is towards the agent."""

    sent: float = 0.0
    received: float = 0.0


#: The rate of what carries nothing.
NOTHING = Rate()


class RateMeter:
    """Measures one rule, or one connection."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int, int]] = deque()
        #: The present rate.
        self.rate = NOTHING

    def feed(self, now: float, sent: int, received: int) -> bool:
        """Take the counters at a time in seconds; return whether they grew since the last time, at first from 0."""
        samples = self._samples
        before = samples[-1] if samples else None
        if before is not None and (sent < before[1] or received < before[2]):  # the rule began anew
            samples.clear()
        samples.append((now, sent, received))
        while len(samples) > 2 and samples[1][0] <= now - WINDOW_SECONDS:
            samples.popleft()
        first, last = samples[0], samples[-1]
        seconds = last[0] - first[0]
        if seconds > 0:
            self.rate = Rate((last[1] - first[1]) / seconds, (last[2] - first[2]) / seconds)
        else:
            self.rate = NOTHING
        _, sent_before, received_before = before if before is not None else (now, 0, 0)
        return sent > sent_before or received > received_before
