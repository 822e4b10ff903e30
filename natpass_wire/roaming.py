"""When to doubt a connection: this machine slept, stood still, or is in another network. Clocks are passed in.

TCP notices none of that by itself. It goes on sending from an address that is gone, or over a NAT that has forgotten
us, until the silence counts as the peer's.
"""

# Why: docs/decisions/013-roaming.md

from dataclasses import dataclass
from enum import Enum

#: Seconds between two looks.
LOOK_SECONDS = 1.0
#: A look that is this much late (seconds) shows that this process stood still.
_LATE = 2.0
#: The clock that also counts sleep is this much ahead (seconds) if the machine slept.
_SLEPT = 2.0
#: How long the peer may take for a sign of life: at least (seconds), in round trips, at most (seconds).
_LEAST_ANSWER, _ANSWER_TRIPS, _MOST_ANSWER = 1.0, 4.0, 2.0


#: In place of our own address, while the relay's is not known.
UNKNOWN = ""


class Sign(Enum):
    """Why a connection is in doubt; the value is text for people."""

    STOOD_STILL = "this program stood still"
    SLEPT = "this machine slept"
    MOVED = "the network changed"
    BACK = "the network is back"


@dataclass(slots=True)
class Roaming:
    """The state of the checks: two clocks, and the address that the system would use towards the relay."""

    _awake: float | None = None
    _asleep: float = 0.0
    _here: str | None = UNKNOWN

    def look(self, awake: float, asleep: float, here: str | None, ours: str | None) -> Sign | None:
        """Check once a second; return what has happened since the last call. Each thing is reported once.

        Args:
            awake: seconds of a monotonic clock that may stand still while the machine sleeps.
            asleep: seconds of a clock that counts sleep, too.
            here: the address that the system would use now, None without a route to the relay; or UNKNOWN.
            ours: our connection's own address, None without a connection.
        """
        passed = awake - self._awake if self._awake is not None else None
        slept = asleep - self._asleep - (passed or 0.0)
        before, self._awake, self._asleep, self._here = self._here, awake, asleep, here
        if passed is None:
            return None
        if slept > _SLEPT:
            return Sign.SLEPT
        if here and here != before:
            if before is None:
                return Sign.BACK
            before = ours if before == UNKNOWN else before
            if before is not None and here != ours:  # else the connection was made from the new address already
                return Sign.MOVED
        return Sign.STOOD_STILL if passed > LOOK_SECONDS + _LATE else None


def answer_seconds(round_trip: float | None, *, is_behind: bool = False) -> float:
    """Return how long a peer in doubt may take to answer.

    Args:
        round_trip: in seconds, None if not measured yet.
        is_behind: the question waits behind other data. (2 KB/s acknowledge two packets in 1.5 s.)
    """
    if is_behind:
        return _MOST_ANSWER
    return min(max(_LEAST_ANSWER, _ANSWER_TRIPS * (round_trip or 0.0)), _MOST_ANSWER)
