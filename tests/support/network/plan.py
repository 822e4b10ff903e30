"""Which connection is cut when and how: a function of a seed, so that what failed can be run again."""

import random
from collections import deque
from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """How a connection is cut."""

    RESET = "reset"  # RST to both ends
    FIN_BOTH = "fin both"
    FIN_ONE = "fin one"  # one end sees the end of the file, the other nothing until that one closes
    HALF_OPEN = "half open"  # silence for ever in both directions, nothing is closed
    STALL = "stall"  # silence for some time, then everything goes on, late


#: The kinds that close nothing: they are noticed by silence alone.
SILENT = frozenset({Kind.HALF_OPEN, Kind.STALL})
_CLOSING = (Kind.RESET, Kind.FIN_BOTH, Kind.FIN_ONE)
#: Up to so many forwarded bytes a connection is still logging in: TLS, challenge and proof.
LOGIN_BYTES = 8 * 1024
#: One cut of so many is placed within the login; one of so many waits for time instead of bytes.
_IN_LOGIN, _BY_TIME = 25, 10
_LONGEST_STALL = 3.0


@dataclass(frozen=True, slots=True)
class Cut:
    """One cut.

    Attributes:
        number: 0 for the first of the plan.
        kind: how.
        after_bytes: so many bytes were forwarded on the connection, both directions together; the last one is the
            last that gets through, whatever it was in the middle of.
        after_seconds: instead of bytes: so long after the connection's first byte; None for a cut by bytes.
        towards_server: which end of a FIN_ONE sees it.
        seconds: how long a STALL lasts.
    """

    number: int
    kind: Kind
    after_bytes: int
    after_seconds: float | None
    towards_server: bool
    seconds: float


class CutPlan:
    """The cuts of one proxy, one a connection, in the order of the connections.

    Args:
        seed: decides everything.
        cuts: how many there are; then connections are left alone.
        mean_bytes: what a connection forwards on average before it is cut.
        mean_seconds: how long one lives on average that is cut by time.
        silent: the part of SILENT kinds, 0 to 1.
    """

    def __init__(
        self, seed: int, cuts: int, mean_bytes: int, *, mean_seconds: float = 0.5, silent: float = 0.05
    ) -> None:
        self.seed = seed
        rng = random.Random(seed)
        self._taken = 0
        self._left = deque(_cut(rng, number, mean_bytes, mean_seconds, silent) for number in range(cuts))

    @property
    def left(self) -> int:
        """How many cuts are still to come, those included that a connection has before it."""
        return len(self._left) + self._taken

    def take(self) -> Cut | None:
        """Return the next connection's cut, None if there are no more."""
        if not self._left:
            return None
        self._taken += 1
        return self._left.popleft()

    def done(self) -> None:
        """Take note that a cut has happened."""
        self._taken -= 1

    def give_back(self, cut: Cut) -> None:
        """Have a cut again whose connection ended before it was reached: the next connection's."""
        self._taken -= 1
        self._left.appendleft(cut)

    def stop(self) -> None:
        """Leave the connections to come alone."""
        self._left.clear()


def _cut(rng: random.Random, number: int, mean_bytes: int, mean_seconds: float, silent: float) -> Cut:
    # Each value is drawn always, so that one parameter does not shift all that follows.
    is_silent, closing = rng.random() < silent, rng.choice(_CLOSING)
    in_login, by_time = rng.randrange(_IN_LOGIN) == 0, rng.randrange(_BY_TIME) == 0
    early, late = rng.randrange(1, LOGIN_BYTES), LOGIN_BYTES + rng.randrange(1, max(2 * mean_bytes, 2))
    alive = rng.expovariate(1 / mean_seconds)
    kind = rng.choice((Kind.HALF_OPEN, Kind.STALL)) if is_silent else closing
    return Cut(
        number,
        kind,
        after_bytes=early if in_login else late,
        after_seconds=alive if by_time and not in_login else None,
        towards_server=rng.random() < 0.5,
        seconds=rng.uniform(0.2, _LONGEST_STALL),
    )
