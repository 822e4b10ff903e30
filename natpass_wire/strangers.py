"""Lines about strangers: a few of each kind and network, and then counts. Times are seconds of one monotonic clock."""

# Why: docs/decisions/079-strangers-have-their-own-log.md

from collections.abc import Iterable
from dataclasses import dataclass, field

#: The logger of these lines. With `--log-file` it has a file of its own.
LOGGER = "natpass.strangers"
#: Seconds between two summaries.
SUMMARY_SECONDS = 60.0
#: Lines in that time: of one kind from one network, and of all.
OF_NETWORK, OF_ALL = 3, 60
#: Kinds and networks that are counted apart; all others of a kind together.
_MOST_COUNTED = 1024
#: Networks of one kind in a summary: those with most lines.
_MOST_SUMMED = 8
_OTHERS = "others"


@dataclass(slots=True)
class _Count:
    written: int = 0
    left_out: int = 0


@dataclass(slots=True)
class StrangerLines:
    """Decides which lines about strangers, or about many clients, are written.

    Attributes:
        most_of_all: lines of all kinds and networks in a minute.
    """

    most_of_all: int = OF_ALL
    _counts: dict[tuple[str, str], _Count] = field(default_factory=dict)
    _written: int = 0
    _since: float | None = None

    def note(self, kind: str, network: str, now: float, most: int = OF_NETWORK) -> bool:
        """Record an event; return whether to write its line.

        Args:
            kind: what happened, in the same words for the same thing.
            network: who it was, as far as lines are counted together.
            now: the time.
            most: lines of this kind from one network in a minute.
        """
        if self._since is None:
            self._since = now
        if (kind, network) not in self._counts and len(self._counts) >= _MOST_COUNTED:
            network = _OTHERS
        count = self._counts.setdefault((kind, network), _Count())
        if count.written >= most or self._written >= self.most_of_all:
            count.left_out += 1
            return False
        count.written += 1
        self._written += 1
        return True

    def summaries(self, now: float) -> list[str]:
        """Return the lines that count what was left out, once a minute; call it now and then."""
        if self._since is None or now - self._since < SUMMARY_SECONDS:
            return []
        lines: list[str] = []
        for kind in dict.fromkeys(kind for kind, _ in self._counts):
            left_out = {network: c.left_out for (k, network), c in self._counts.items() if k == kind and c.left_out}
            lines += _sums(kind, left_out, now - self._since)
        self._counts.clear()
        self._written, self._since = 0, None
        return lines


def _sums(kind: str, left_out: dict[str, int], seconds: float) -> Iterable[str]:
    most = sorted((network for network in left_out if network != _OTHERS), key=lambda n: -left_out[n])[:_MOST_SUMMED]
    for network in most:
        yield f"{kind}: {left_out.pop(network)} times more from {network} in {seconds:.0f} s"
    if left_out:
        yield f"{kind}: {sum(left_out.values())} times more from {_OTHERS} in {seconds:.0f} s"
