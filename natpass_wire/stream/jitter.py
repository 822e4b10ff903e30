"""How much round trips vary without our doing: by radio, by a busy machine. Pure; times are seconds.

A round trip that is shorter than the one before tells of a jitter that is over, or of a queue of ours that drains. A
queue drains as fast as the line carries what is in it, and our records are all that we know to be in it: what is
shorter by no more than an acknowledged record takes on the line is a queue's doing, the rest is jitter's. The estimate
is a running mean of such differences (as RFC 3550, section 6.4.1, has it), doubled since each rise has its fall.

Acknowledgements that were late and come at once make the line's rate look higher than it is, so that more counts as
jitter for one period or two. Whoever allows for jitter bounds that allowance.
"""

# Why: docs/decisions/023-credit-and-pace.md

from dataclasses import dataclass

#: The weight of one round trip: RFC 3550, section 6.4.1.
_GAIN = 1 / 16


@dataclass(slots=True)
class Jitter:
    """The jitter of one line.

    Attributes:
        seconds: how much one round trip differs from the next in the mean.
    """

    seconds: float = 0.0
    _round_trip: float | None = None
    # Units a second of the best round, in this period and in the last: a round that was held back says little.
    _rate: float = 0.0
    _last_rate: float = 0.0

    def measure(self, round_trip: float, size: int) -> None:
        """Take note of a round trip, and of how many units were acknowledged with it."""
        rate = max(self._rate, self._last_rate)
        if self._round_trip is not None and rate:
            shorter = self._round_trip - round_trip - size / rate
            self.seconds += (2 * max(shorter, 0.0) - self.seconds) * _GAIN
        self._round_trip = round_trip

    def round_ended(self, size: int, seconds: float) -> None:
        """Take note that so many units were acknowledged in a round, and how long it took."""
        if seconds:
            self._rate = max(self._rate, size / seconds)

    def period_ended(self) -> None:
        """Take note that the line may be another one by now: what was seen before the last period is forgotten."""
        self._last_rate, self._rate = self._rate, 0.0

    def pause(self) -> None:
        """Take note that nothing is on its way: the next round trip is shorter whatever the line does."""
        self._round_trip = None
