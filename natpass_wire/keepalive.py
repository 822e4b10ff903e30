"""When to send a sign of life, and when to give the peer up. Seconds of any monotonic clock, passed in.

Any received byte is life. Silence is not counted while we did not listen: while reading was paused because another
party was slow, or while this process itself stood still (stopped, suspended, swapped out).
"""

# Why: docs/decisions/010-keepalive.md

from dataclasses import dataclass

#: Handshake v2: the relay tells its clients this interval, and both give up after three of them.
INTERVAL_V2 = 5.0
SILENCE_V2 = 15.0
#: docs/wire.md §3: the existing peers' figures.
INTERVAL_LEGACY = 10.0
CLIENT_SILENCE_LEGACY = 60.0
RELAY_SILENCE_LEGACY = 600.0

#: A tick that comes later than this (seconds) shows that we stalled, not the peer.
STALL = 2.0


@dataclass(slots=True)
class Keepalive:
    """The keepalive of one side of one connection.

    Ask `tick` about once a second. All arguments named `now` are seconds of one monotonic clock.

    Attributes:
        interval: send something at least this often, in seconds.
        silence: give the peer up after so many seconds in which we listened and nothing came.
    """

    interval: float
    silence: float
    _last_sent: float
    _last_tick: float
    _silent: float = 0.0
    _listening: bool = True

    @classmethod
    def start(cls, now: float, interval: float, silence: float) -> "Keepalive":
        """Return the keepalive of a connection that was just made."""
        return cls(interval=interval, silence=silence, _last_sent=now, _last_tick=now)

    def received(self) -> None:
        """Record that bytes came."""
        self._silent = 0.0

    def sent(self, now: float) -> None:
        """Record that something was sent."""
        self._last_sent = now

    def listening(self, listens: bool) -> None:
        """Record that we paused reading (False) or resumed it (True)."""
        self._listening = listens

    def tick(self, now: float) -> None:
        """Let time pass: count the silence since the last tick, if we listened."""
        passed = now - self._last_tick
        self._last_tick = now
        if self._listening and 0 <= passed <= STALL:
            self._silent += passed

    def is_due(self, now: float) -> bool:
        """Tell whether a sign of life has to be sent now."""
        return not 0 <= now - self._last_sent < self.interval  # a clock that was set back does not silence us

    @property
    def is_dead(self) -> bool:
        """Whether the peer was silent for too long."""
        return self._silent >= self.silence
