"""How long to wait before dialling the relay again. Randomness is passed in."""

# Why: docs/decisions/014-reconnecting.md
# Why: docs/decisions/021-same-agent-twice.md

from dataclasses import dataclass

#: In seconds: the first delay, and the longest with and without links that wait.
FIRST, MOST_WAITED_FOR, MOST = 0.25, 1.0, 8.0
#: After a refusal, in seconds: the relay is there, and asking more often changes nothing.
REFUSED = 30.0


@dataclass(slots=True)
class Backoff:
    """The delays between attempts: none, then growing from 0.25 s, jittered, without end.

    The longest is 1 s while links wait, otherwise 8 s; 30 s only after a refusal.
    """

    _failures: int = 0

    def succeeded(self) -> None:
        """Record a login: the next attempt after it is at once."""
        self._failures = 0

    def failed(self) -> None:
        """Record an attempt that failed, or a connection that was lost."""
        self._failures += 1

    def delay(self, *, links_wait: bool, refused: bool, random: float) -> float:
        """Return the seconds to wait before the next attempt.

        Args:
            links_wait: links wait for this connection.
            refused: the last attempt was answered with a refusal.
            random: uniform in [0, 1); spreads clients that lost the same relay at the same moment.
        """
        if refused:
            return REFUSED * (0.9 + 0.2 * random)
        if self._failures <= 1:
            return 0.0
        most = MOST_WAITED_FOR if links_wait else MOST
        longest = min(most, FIRST * 2.0 ** min(self._failures - 1, 10))
        return FIRST + (longest - FIRST) * random
