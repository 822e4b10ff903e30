"""Measures jitter: how much round trips vary for outside reasons, such as radio or a busy machine. Pure; in seconds.

A round trip that is shorter than the one before shows that jitter has passed, or that a queue of ours drains. A queue
drains as fast as the line carries its content, and we know only of our own records in it. So a difference up to the
time that an acknowledged record takes on the line is due to the queue, the rest to jitter. The estimate is a running
mean of such differences (as in RFC 3550, section 6.4.1), doubled since each rise has its fall.

Acknowledgements that were late and come at once make the line's rate look higher than it is, so that more counts as
jitter for one period or two. Users of the estimate should bound it.
"""

# Why: docs/decisions/023-credit-and-pace.md

from dataclasses import dataclass

#: The weight of one round trip: RFC 3550, section 6.4.1.
_GAIN = 1 / 16
#: Seconds over which `LineRate` is measured: long beside a batch of acknowledgements on a fast line.
_SPAN_SECONDS = 0.020


@dataclass(slots=True)
class Jitter:
    """The jitter of one line.

    Attributes:
        seconds: the mean difference between one round trip and the next.
        rate: units a second of the best round of this period and the last; 0 until there was one. A round that is
            limited by something else says little about the line.
    """

    seconds: float = 0.0
    rate: float = 0.0
    _round_trip: float | None = None
    _rate_of_period: float = 0.0

    def measure(self, round_trip: float, size: int, *, is_last: bool = False) -> None:
        """Record a round trip.

        Args:
            round_trip: how long it took.
            size: how many units were acknowledged with it.
            is_last: nothing else is on its way: the next round trip will be shorter, whatever the line does.
        """
        if self._round_trip is not None and self.rate:
            shorter = self._round_trip - round_trip - size / self.rate
            self.seconds += (2 * max(shorter, 0.0) - self.seconds) * _GAIN
        self._round_trip = None if is_last else round_trip

    def round_ended(self, size: int, seconds: float) -> None:
        """Record how many units were acknowledged in a round, and how long it took."""
        if seconds:
            self._rate_of_period = max(self._rate_of_period, size / seconds)
            self.rate = max(self.rate, self._rate_of_period)

    def period_ended(self) -> None:
        """Forget rates from before the last period: the line may be another one by now."""
        self.rate, self._rate_of_period = self._rate_of_period, 0.0


@dataclass(slots=True)
class LineRate:
    """What a line carries for longer than one round: acknowledgements that come at once do not make it look faster.

    Attributes:
        rate: units a second of the best span of this period and the last; 0 until there was one.
    """

    rate: float = 0.0
    _rate_of_period: float = 0.0
    _size: int = 0
    _seconds: float = 0.0

    def round_ended(self, size: int, seconds: float, *, was_limit: bool) -> None:
        """Record how many units were acknowledged in a round, and how long it took.

        Args:
            size: units.
            seconds: their time.
            was_limit: whether the line held the sender back; a round without that says little about it.
        """
        if not was_limit:
            self._size, self._seconds = 0, 0.0
            return
        self._size += size
        self._seconds += seconds
        if self._seconds >= _SPAN_SECONDS:
            self._rate_of_period = max(self._rate_of_period, self._size / self._seconds)
            self.rate = max(self.rate, self._rate_of_period)
            self._size, self._seconds = 0, 0.0

    def period_ended(self) -> None:
        """Forget rates from before the last period: the line may be another one by now."""
        self.rate, self._rate_of_period = self._rate_of_period, 0.0
