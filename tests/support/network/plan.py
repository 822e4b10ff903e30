"""Decides which connection is cut, when and how, from a seed, so that a failed run can be repeated."""

import random
from collections import deque
from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """The ways to cut a connection."""

    RESET = "reset"  # RST to both ends
    FIN_BOTH = "fin both"
    FIN_ONE = "fin one"  # one end sees EOF; the other sees nothing until that one closes
    HALF_OPEN = "half open"  # silence for ever in both directions, without a close
    STALL = "stall"  # silence for some time, then all goes on, late


#: The kinds that close nothing: ends notice only the silence.
SILENT = frozenset({Kind.HALF_OPEN, Kind.STALL})
_CLOSING = (Kind.RESET, Kind.FIN_BOTH, Kind.FIN_ONE)
#: The first forwarded bytes of a connection are its login: TLS, challenge and proof.
LOGIN_BYTES = 8 * 1024
#: One in so many cuts is within the login; one in so many is by time instead of bytes.
_IN_LOGIN, _BY_TIME = 25, 10
_LONGEST_STALL = 3.0


@dataclass(frozen=True, slots=True)
class Cut:
    """One cut.

    Attributes:
        number: 0 for the first of the plan.
        kind: the kind of cut.
        after_bytes: cut after so many forwarded bytes, both directions together, even in the middle of a message.
        after_seconds: cut so long after the connection's first byte instead; None for a cut by bytes.
        towards_server: which end sees a FIN_ONE.
        seconds: the duration of a STALL.
    """

    number: int
    kind: Kind
    after_bytes: int
    after_seconds: float | None
    towards_server: bool
    seconds: float


class CutPlan:
    """The cuts of one proxy, one for each connection in turn.

    Args:
        seed: decides everything.
        cuts: the number of cuts; later connections are not cut.
        mean_bytes: mean of the bytes that a connection forwards before its cut.
        mean_seconds: mean lifetime of a connection that is cut by time.
        silent: the share of SILENT kinds, 0 to 1.
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
        """The number of cuts still to come, including those that connections have taken."""
        return len(self._left) + self._taken

    def take(self) -> Cut | None:
        """Return the next connection's cut, None if there are no more."""
        if not self._left:
            return None
        self._taken += 1
        return self._left.popleft()

    def done(self) -> None:
        """Record that a cut has happened."""
        self._taken -= 1

    def give_back(self, cut: Cut) -> None:
        """Return a cut whose connection ended first: the next connection gets it."""
        self._taken -= 1
        self._left.appendleft(cut)

    def stop(self) -> None:
        """Do not cut future connections."""
        self._left.clear()


def _cut(rng: random.Random, number: int, mean_bytes: int, mean_seconds: float, silent: float) -> Cut:
    # Each value is always drawn, so that one parameter does not shift all later values.
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
