"""How much one sender has on its way: enough to fill the way, with the shortest possible queue.

Once a round trip the window is adjusted by the rule of FAST TCP (Wei, Jin, Low, Hegde, 2006), which depends on delay
alone: `window * (base + target) / round trip`. TCP below handles loss and the network's health. This rule bounds the
wait between a key press and its echo: the queue that a bulk transfer builds before the bottleneck, wherever that is (a
modem, the relay, a slow terminal: a record is on its way until it is consumed).

- The **base** is the shortest round trip of the last 10 to 20 s. A sender that is always busy would never see it again,
  so once in 10 s it lets the way run dry.
- Round trips that vary without a queue of ours (`jitter`) make the target larger; otherwise the window would shrink to
  nothing.
- While the standing queue is under half its target the window grows by what was acknowledged, so that a full window
  doubles (slow start, RFC 5681): the quick answer to one key press says nothing about the flood that follows it. It
  grows only if it was the window that held the sender back. The last round trip of the round counts as well: the first
  one may be that of an echo, with only the flood behind it.
- It is not less than the line has lately carried in 5 ms, which is no queue to speak of. On a busy machine every
  round trip takes longer, whatever the window is. A smaller window only cuts the data into more records, which keep the
  machine busier still. Beyond the largest target this does not hold: a queue is certain then.
- After a pause it starts again from 8 KiB: the way may be another one by now, and a burst would wait in it for long.

All times are seconds of one monotonic clock, passed in; sizes are units.
"""

# Why: docs/decisions/023-credit-and-pace.md
# Why: docs/decisions/087-a-least-window-by-rate.md

from dataclasses import dataclass, field
from math import inf

from natpass_wire.stream.jitter import Jitter, LineRate
from natpass_wire.stream.records import RECORD_UNITS

#: Initial window: half of TCP's in RFC 6928, since a flood that starts on a line of 20 KB/s waits there for 0.4 s
#: before its first answer, and Ctrl+C behind it. Least: a line of text still goes at once.
INITIAL, LEAST = 8 * 1024, 4 * 1024
#: The target for the standing queue, in seconds: a quarter of the base round trip, within these limits. Measured: an
#: echo beside a saturated link takes 2 to 3 times the shortest one.
LEAST_TARGET, MOST_TARGET = 0.0025, 0.100
_TARGET_PART = 4
#: Jitter makes it larger: by so many times the jitter, up to so many base round trips (on loopback jitter is the
#: machine's load, and a queue makes it worse), up to so many seconds. Measured: without it, a line of 20 Mbit/s with
#: 20 ms and 10 ms of jitter moves a 20th of what it can.
_JITTERS, _BASES, _MOST_ALLOWANCE = 6.0, 4.0, 0.060
#: The window is not less than what the line carries in so many seconds.
_CARRIED_SECONDS = 0.005
#: How old the base may be before it is measured anew.
BASE_SECONDS = 10.0
#: A sender that has had nothing on its way for so many seconds starts anew.
PAUSE_SECONDS = 1.0
#: A record is at most this part of the window, so that little waits behind it. The overhead around the content counts
#: as well; otherwise one record fewer would fit, and a line of 20 KB/s would be idle for a fifth of the time ...
_PART = 4
_AROUND = RECORD_UNITS + 64  # the record, and the envelope of the message in it
#: ... but its content has at least so many bytes, or the overhead would be most of it.
LEAST_CONTENT = 1024


@dataclass(slots=True)
class _Round:
    """A round trip's time, at the end of which the window is adjusted.

    Attributes:
        ends_at: the position that was sent when it began: it ends when that is acknowledged.
        began_at: the position that was acknowledged then.
        began: the time.
        shortest: the shortest round trip in it.
    """

    ends_at: int
    began_at: int
    began: float
    shortest: float = inf


@dataclass(slots=True)
class SendPace:
    """The window of one sender on one link.

    Attributes:
        most: the largest window; it follows the receiver's credit, so that it can't grow without limit.
        window: units that may be on their way.
        content: the most bytes that one record should carry.
    """

    most: int
    window: int = INITIAL
    content: int = field(init=False)
    _base: float | None = None
    _next_base: float | None = None
    _base_until: float = 0.0
    _round: _Round | None = None
    _was_limit: bool = False
    _draining: bool = False
    _jitter: Jitter = field(default_factory=Jitter)
    _line: LineRate = field(default_factory=LineRate)
    _acked: int = 0  # a position; the first difference says nothing, and the jitter has nothing to compare it with
    _idle_since: float | None = field(default=None)

    def __post_init__(self) -> None:
        self._set_window(self.window)

    @property
    def base(self) -> float | None:
        """The round trip without a queue, None until measured."""
        return self._base

    def allows(self, on_way: int, size: int, now: float) -> bool:
        """Tell whether a record of `size` may be sent while `on_way` units are on their way; remember a no.

        If nothing is on its way, any record may be sent, however large.
        """
        if not on_way:
            self._draining = False
            if self._idle_since is not None and now - self._idle_since > PAUSE_SECONDS:
                self._set_window(min(self.window, INITIAL))
            self._idle_since = None
            return True
        if self._draining:
            return False
        if on_way + size <= self.window:
            return True
        self._was_limit = True
        return False

    def held_back(self) -> None:
        """Record that the receiver's credit holds the sender back: a larger window would help."""
        self._was_limit = True

    def acknowledged(self, round_trip: float, acked: int, sent: int, now: float) -> None:
        """Record an acknowledgement.

        Args:
            round_trip: seconds since the newest acknowledged record was sent.
            acked: the position up to which everything is acknowledged.
            sent: the position up to which everything is sent.
            now: the time.
        """
        is_idle = sent == acked
        self._measure(round_trip, now, busy=not is_idle)
        self._jitter.measure(round_trip, acked - self._acked, is_last=is_idle)
        self._acked = acked
        if is_idle:
            self._idle_since = now
        this = self._round = self._round or _Round(sent, acked, now)
        this.shortest = min(this.shortest, round_trip)
        if acked >= this.ends_at:
            size, seconds = acked - this.began_at, now - this.began
            self._line.round_ended(size, seconds, was_limit=self._was_limit)
            if self._was_limit:
                self._jitter.round_ended(size, seconds)
            self._move(this.shortest, round_trip, size)
            self._round = _Round(sent, acked, now)
            self._was_limit = False

    def _measure(self, round_trip: float, now: float, *, busy: bool) -> None:
        if self._base is None:
            self._base, self._base_until = round_trip, now + BASE_SECONDS
            return
        if now >= self._base_until:
            # The minimum of the last period, if any; a period that begins with an empty way measures the real base.
            self._base = self._next_base if self._next_base is not None else self._base
            self._next_base = None
            self._base_until = now + BASE_SECONDS
            self._draining = busy
            self._jitter.period_ended()
            self._line.period_ended()
        self._next_base = round_trip if self._next_base is None else min(self._next_base, round_trip)
        self._base = min(self._base, round_trip)

    def _move(self, round_trip: float, newest: float, acked: int) -> None:
        """Move the window by the shortest round trip of a round; `newest` is its last one."""
        base = self._base or round_trip
        allowance = min(_JITTERS * self._jitter.seconds, _BASES * base, _MOST_ALLOWANCE)
        target = min(max(base / _TARGET_PART, allowance, LEAST_TARGET), MOST_TARGET)
        queue = round_trip - base
        wanted = self.window * (base + target) / max(round_trip, 1e-6)
        if queue < target / 2 and newest - base < target:
            wanted = 2.0 * self.window
        if wanted > self.window and not self._was_limit:
            return
        most = min(2 * self.window, self.window + acked, max(self.most, INITIAL))
        least = max(LEAST, self._line.rate * _CARRIED_SECONDS if queue < MOST_TARGET else 0)
        self._set_window(int(min(max(wanted, self.window / 2, least), most)))

    def _set_window(self, window: int) -> None:
        self.window = window
        self.content = max(window // _PART - _AROUND, LEAST_CONTENT)
