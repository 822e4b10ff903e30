"""When each of a name's addresses is tried: Happy Eyeballs, RFC 8305. The clock is passed in.

A name often has an address that leads nowhere: an IPv6 address in a network that drops IPv6, or the old address of a
relay that has moved. Each further address is tried after a short delay, while earlier attempts go on; the first
success wins.
"""

# Why: docs/decisions/011-racing-addresses.md

from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, zip_longest
from typing import Any

#: Seconds between the starts of two attempts (RFC 8305 §5 and §8: "Connection Attempt Delay").
ATTEMPT_DELAY = 0.25
#: At most so many addresses of a name are tried: a hostile name server could return any number.
MOST_ATTEMPTS = 16
#: An error names at most so many addresses.
_MOST_NAMED = 4


@dataclass(frozen=True, slots=True)
class Address:
    """One address that a name has.

    Attributes:
        family: as the name service gives it; tells IPv4 from IPv6.
        host: the numeric address, with its zone if it needs one.
        port: the port.
    """

    family: int
    host: str
    port: int

    def __str__(self) -> str:
        return self.host


@dataclass(slots=True)
class Experience:
    """What a client has learnt about addresses while it runs.

    Attributes:
        good: the address of the last connection that got through a login.
        doubtful: addresses that accepted a connection but did not lead to a relay.
    """

    good: Address | None = None
    doubtful: set[Address] = field(default_factory=set)

    def worked(self, address: Address) -> None:
        """Record an address that led to a login."""
        self.good = address
        self.doubtful.clear()

    def failed(self, address: Address) -> None:
        """Record an address that did not lead to a relay: next time others are tried before it."""
        if self.good == address:
            self.good = None
        self.doubtful.add(address)
        if len(self.doubtful) > MOST_ATTEMPTS:
            self.doubtful = {address}


def in_order(found: Sequence[Address], experience: Experience) -> list[Address]:
    """Return the addresses in the order in which they are tried, each once.

    The last good one comes first. The others alternate between families, beginning with the family of the first address
    found (RFC 8305 §4: the system has sorted them already); doubtful ones come last.
    """
    unique = list(dict.fromkeys(found))
    alternating = _alternating(unique)
    first = [address for address in alternating if address == experience.good]
    rest = [address for address in alternating if address != experience.good]
    return first + sorted(rest, key=lambda address: address in experience.doubtful)


def _alternating(addresses: Sequence[Address]) -> list[Address]:
    by_family: dict[int, list[Address]] = {}
    for address in addresses:
        by_family.setdefault(address.family, []).append(address)
    rounds: Any = zip_longest(*by_family.values())
    return [address for address in chain.from_iterable(rounds) if address is not None]


class Race:
    """One race. Call `start` whenever something has happened, and after `pause` seconds.

    Args:
        addresses: in the order in which they are tried.
    """

    def __init__(self, addresses: Sequence[Address]) -> None:
        self._waiting = deque(addresses[:MOST_ATTEMPTS])
        self._running: set[Address] = set()
        self._next_at = 0.0
        self._at_once = True

    def start(self, now: float) -> Address | None:
        """Return the address to try now, None if no attempt is due."""
        if not self._waiting or not (self._at_once or now >= self._next_at):
            return None
        address = self._waiting.popleft()
        self._running.add(address)
        self._at_once = False
        self._next_at = now + ATTEMPT_DELAY
        return address

    def pause(self, now: float) -> float | None:
        """Return the seconds until the next attempt is due, None if no address is left."""
        if not self._waiting:
            return None
        return 0.0 if self._at_once else max(0.0, self._next_at - now)

    def failed(self, address: Address) -> None:
        """Record an attempt that failed: the next one is due at once."""
        self._running.discard(address)
        self._at_once = True

    @property
    def is_lost(self) -> bool:
        """Whether all have failed."""
        return not self._waiting and not self._running


def explain(reasons: Mapping[Address, str], untried: Collection[Address] = ()) -> str:
    """Return why each address failed, for people: a few of them, and how many more there are."""
    named = [f"{address}: {reason}" for address, reason in list(reasons.items())[:_MOST_NAMED]]
    return "; ".join(named) + _more(len(reasons) + len(untried) - len(named))


def names(addresses: Collection[Address]) -> str:
    """Return the addresses, for people: a few of them, and how many more there are."""
    named = [str(address) for address in list(addresses)[:_MOST_NAMED]]
    return ", ".join(named) + _more(len(addresses) - len(named))


def _more(count: int) -> str:
    return f" and {count} more" if count > 0 else ""
