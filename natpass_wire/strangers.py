"""Lines about strangers: a few of each kind and network, and then counts. Times are seconds of one monotonic clock.

One party may have many networks, so the lines of all are shared by owner: none has more than half of what the others
have left, and a part is for the first lines of each.
"""

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
#: Of these, how many of one owner; and owners that are told apart.
_MOST_OF_OWNER, _MOST_OWNERS = 64, 1024
#: The part of all lines that is for first lines, and how many of an owner's lines these are.
_FIRST_PART, _FIRST = 4, 4
#: Networks of one kind in a summary: those with most lines.
_MOST_SUMMED = 8
_OTHERS = "others"


@dataclass(slots=True)
class _Count:
    written: int = 0
    left_out: int = 0


@dataclass(slots=True)
class _Owner:
    written: int = 0
    networks: int = 0


@dataclass(slots=True)
class StrangerLines:
    """Decides which lines about strangers, or about many clients, are written.

    Attributes:
        most_of_all: lines of all kinds and networks in a minute.
    """

    most_of_all: int = OF_ALL
    _counts: dict[tuple[str, str], _Count] = field(default_factory=dict)
    _owners: dict[str, _Owner] = field(default_factory=dict)
    _written: int = 0
    _firsts: int = 0
    _since: float | None = None

    def note(self, kind: str, network: str, now: float, most: int = OF_NETWORK, owner: str | None = None) -> bool:
        """Record an event; return whether to write its line.

        Args:
            kind: what happened, in the same words for the same thing.
            network: who it was, as far as lines are counted together.
            now: the time.
            most: lines of this kind from one network in a minute.
            owner: who may have several networks; by default, each is its own.
        """
        if self._since is None:
            self._since = now
        owner = network if owner is None else owner
        if owner not in self._owners and len(self._owners) >= _MOST_OWNERS:
            owner = _OTHERS
        share = self._owners.setdefault(owner, _Owner())
        count = self._count(kind, network, owner, share)
        is_first = share.written < _FIRST and self._firsts < self.most_of_all // _FIRST_PART
        if count.written >= most or not (is_first or share.written < self._left):
            count.left_out += 1
            return False
        count.written += 1
        share.written += 1
        if is_first:
            self._firsts += 1
        else:
            self._written += 1
        return True

    @property
    def _left(self) -> int:
        """Lines that are left of those that are not for first ones."""
        return self.most_of_all - self.most_of_all // _FIRST_PART - self._written

    def _count(self, kind: str, network: str, owner: str, share: _Owner) -> _Count:
        """Return the count of a network, or the one that it shares with others."""
        if (found := self._counts.get((kind, network))) is not None:
            return found
        if len(self._counts) >= _MOST_COUNTED:
            network = _OTHERS
        elif share.networks >= _MOST_OF_OWNER:
            network = _OTHERS if owner == _OTHERS else f"{_OTHERS} of {owner}"
        if (found := self._counts.get((kind, network))) is None:
            share.networks += 1
            found = self._counts[kind, network] = _Count()
        return found

    def summaries(self, now: float) -> list[str]:
        """Return the lines that count what was left out, once a minute; call it now and then."""
        if self._since is None or now - self._since < SUMMARY_SECONDS:
            return []
        lines: list[str] = []
        for kind in dict.fromkeys(kind for kind, _ in self._counts):
            left_out = {network: c.left_out for (k, network), c in self._counts.items() if k == kind and c.left_out}
            lines += _sums(kind, left_out, now - self._since)
        self._counts.clear()
        self._owners.clear()
        self._written, self._firsts, self._since = 0, 0, None
        return lines


def _sums(kind: str, left_out: dict[str, int], seconds: float) -> Iterable[str]:
    most = sorted((network for network in left_out if network != _OTHERS), key=lambda n: -left_out[n])[:_MOST_SUMMED]
    for network in most:
        yield f"{kind}: {left_out.pop(network)} times more from {network} in {seconds:.0f} s"
    if left_out:
        yield f"{kind}: {sum(left_out.values())} times more from {_OTHERS} in {seconds:.0f} s"
