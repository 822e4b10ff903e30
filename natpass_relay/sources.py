"""Where strangers come from, and how each of these networks has behaved.

A connection counts for two networks. For IPv4 both are its address (/32). For IPv6 they are its /64, which is one
subscriber's, and its /48, which may be: whoever has a /48 has 65 536 of the former.

Penalties grow and decay as those of sshd (PerSourcePenalties): each offence adds seconds, and a penalty counts from
`MIN_PENALTY` on. But a penalty refuses nobody by itself, since there may be 200 honest machines behind the address: it
decides who has to go first where there is no room for all.
"""

# Why: docs/decisions/068-who-has-to-go-before-the-login.md

from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network

from natpass_relay.addresses import plain

#: Seconds of penalty of a network: at most, and from which on it counts as penalised (sshd's `max` and `min`).
MAX_PENALTY, MIN_PENALTY = 600.0, 15.0
#: Networks that the table holds: some 3 MiB. Where there are more, those with the least penalty are forgotten.
MOST_NETWORKS = 16 * 1024
#: Addresses whose networks are kept: to find them takes 10 µs.
_MOST_KEPT = 4096
#: What an offence of one of its many /64 counts for a /48.
_SHARE_OF_WIDE = 0.25


class Offence(Enum):
    """What a stranger did wrong; the value is its penalty in seconds. sshd's are 1, 5 and 20."""

    SILENT = 1.0  # went before its first valid hello
    BROKE_OFF = 2.0  # went between its hello and the proof
    REFUSED = 5.0  # a wrong secret, or not a login at all
    TOO_LATE = 10.0  # was not logged in in time


#: Seconds that a login takes off the penalty of its network.
FORGIVEN = 5.0


@dataclass(frozen=True, slots=True)
class Source:
    """Where a connection comes from.

    Attributes:
        narrow: its network, as the user of an address has it: an IPv4 /32, an IPv6 /64.
        wide: the network that may be one user's as well: an IPv4 /32, an IPv6 /48.
        is_exempt: whether it is of this machine, so that all of its users look the same.
    """

    narrow: str
    wide: str
    is_exempt: bool = False

    @property
    def networks(self) -> tuple[str, ...]:
        """Its networks, the largest first; none if it is exempt."""
        if self.is_exempt:
            return ()
        return (self.narrow,) if self.narrow == self.wide else (self.wide, self.narrow)


@lru_cache(_MOST_KEPT)
def source_of(host: str, *, is_proxied: bool = False) -> Source:
    """Return the source of an address.

    Args:
        host: the address; anything else is a source of its own.
        is_proxied: whether a proxy said so, or is that address: then loopback is not exempt.
    """
    try:
        ip = plain(ip_address(host.partition("%")[0]))
    except ValueError:
        return Source(host, host)
    is_exempt = ip.is_loopback and not is_proxied
    if isinstance(ip, IPv6Address):
        narrow, wide = (str(ip_network((int(ip), bits), strict=False)) for bits in (64, 48))
        return Source(narrow, wide, is_exempt)
    return Source(str(ip), str(ip), is_exempt)


def site_of(network: str) -> str:
    """Return the site of a source's network: an IPv4 /16, an IPv6 /48; anything else is a site of its own.

    One party may have a whole site, and log in from every address of it.
    """
    address, _, _ = network.partition("/")
    try:
        ip = ip_address(address)
    except ValueError:
        return network
    return str(ip_network((int(ip), 48) if ip.version == 6 else (int(ip), 16), strict=False))


class Penalties:
    """The penalties of networks. Times are seconds of one monotonic clock.

    Args:
        most: how many networks it holds.
        longest: the seconds of a penalty at most.
    """

    def __init__(self, most: int = MOST_NETWORKS, longest: float = MAX_PENALTY) -> None:
        self._most = most
        self._longest = longest
        self._until: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._until)

    def add(self, source: Source, seconds: float, now: float) -> None:
        """Add to the penalty of a source's networks; negative seconds take from it. Exempt sources have none."""
        if source.is_exempt:
            return
        self._change(source.narrow, seconds, now)
        if source.wide != source.narrow:
            self._change(source.wide, seconds * _SHARE_OF_WIDE, now)

    def seconds(self, network: str, now: float) -> float:
        """Return what is left of a network's penalty."""
        return max(0.0, self._until.get(network, now) - now)

    def counts(self, network: str, now: float) -> bool:
        """Tell whether a network is penalised."""
        return self.seconds(network, now) >= MIN_PENALTY

    def _change(self, network: str, seconds: float, now: float) -> None:
        left = min(self.seconds(network, now) + seconds, self._longest)
        if left <= 0:
            self._until.pop(network, None)
            return
        if network not in self._until and len(self._until) >= self._most:
            self._make_room(now)
        self._until[network] = now + left

    def _make_room(self, now: float) -> None:
        kept = sorted(((until, network) for network, until in self._until.items() if until > now), reverse=True)
        self._until = {network: until for until, network in kept[: self._most - max(1, self._most // 8)]}
