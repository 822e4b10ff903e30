"""Who gives up how much so that a budget is kept: shared first by network, then by client. No I/O."""

# Why: docs/decisions/084-budgets-are-shared-by-network.md

from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence
from typing import NamedTuple, TypeVar

Who = TypeVar("Who")


class Holding(NamedTuple):
    """What one party has of a budget.

    Attributes:
        names: its networks, the largest first, and then its own name.
        weight: how much it has.
    """

    names: Sequence[Hashable]
    weight: int


def above(holdings: Iterable[tuple[Who, Holding]], excess: int) -> Iterator[tuple[Who, int]]:
    """Give the parties that have too much, and the level to which each is cut, so that they lose `excess` together.

    The largest networks are cut to one level, in each of them its largest parts to another one, and so on.
    """
    parts: dict[Hashable, list[tuple[Who, Holding]]] = {}
    for who, (names, weight) in holdings:
        parts.setdefault(names[0], []).append((who, Holding(names[1:], weight)))
    weights = {name: sum(holding.weight for _, holding in members) for name, members in parts.items()}
    level = level_of(weights.values(), excess)
    for name, members in parts.items():
        if weights[name] <= level:
            continue
        if members[0][1].names:
            yield from above(members, weights[name] - level)
        else:
            yield members[0][0], level


def level_of(weights: Collection[int], excess: int) -> int:
    """Return the level to which the largest weights have to be cut, so that they lose `excess` together."""
    total, level = 0, 0
    falling = sorted(weights, reverse=True)
    for count, weight in enumerate(falling, start=1):
        total += weight
        level = max((total - excess) // count, 0)
        if count < len(falling) and level >= falling[count]:
            break
    return level
