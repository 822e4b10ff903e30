"""The networks that clients have logged in from lately; kept over a restart of the relay.

After a restart all clients come back at once, 200 of them perhaps from one address. Who has logged in before is known
to be no flood.

The networks are of sites (`site_of`). Where there is no more room, one of the site with most goes: whoever logs in from
all addresses of a /48 or a /16 makes the relay forget those, and no others.
"""

# Why: docs/decisions/084-budgets-are-shared-by-network.md

from dataclasses import dataclass
from itertools import islice

from natpass_relay.sources import Source, site_of

#: How many networks are remembered; of the site with most, those that nobody has logged in from for longest go.
MOST_NETWORKS = 8192
#: How long a network is remembered, in days.
DAYS = 14
#: Bytes of the file that are read at most.
MOST_BYTES = 1024 * 1024

_DAY = 24 * 60 * 60
_MOST_CLIENTS = 100_000
#: Networks that are looked at to find one to forget.
_LOOKED_AT = 33
_HEADER = "natpass-networks 1"


@dataclass(slots=True)
class _Network:
    most: int  # clients at a time
    seen: int  # the day, counted from 1970
    site: str
    now: int = 0  # clients logged in


class RememberedNetworks:
    """Networks, with the most clients that were logged in from each at a time. `day` is counted from 1970."""

    def __init__(self, most: int = MOST_NETWORKS) -> None:
        self._most = most
        self._networks: dict[str, _Network] = {}  # the oldest login first, as everywhere here
        self._sites: dict[str, dict[str, None]] = {}  # the networks of each
        self._sizes: dict[int, dict[str, None]] = {}  # the sites with so many
        self._largest = 0
        #: How often it has changed in a way that is worth keeping.
        self.changes = 0

    def __len__(self) -> int:
        return len(self._networks)

    def clients(self, network: str) -> int:
        """Return how many clients were logged in from a network at a time; 0 if it is not known."""
        known = self._networks.get(network)
        return known.most if known is not None else 0

    def logged_in(self, source: Source, day: int) -> None:
        """Record that a client has logged in."""
        for name in dict.fromkeys((source.wide, source.narrow)) if not source.is_exempt else ():
            network = self._take_out(name)
            if network is None:
                if len(self._networks) >= self._most:
                    self._forget_one()
                network = _Network(0, 0, site_of(name))
            self._put(name, network)
            network.now += 1
            if network.now > network.most or network.seen != day:
                network.most, network.seen = max(network.most, network.now), day
                self.changes += 1

    def logged_out(self, source: Source) -> None:
        """Record that a client that had logged in is gone."""
        for name in {source.narrow, source.wide} if not source.is_exempt else ():
            if (network := self._networks.get(name)) is not None:
                network.now = max(0, network.now - 1)

    def to_text(self) -> str:
        """Return what to keep in a file: a line for each network, the one of the latest login last."""
        lines = [f"{name} {network.most} {network.seen}" for name, network in self._networks.items()]
        return "\n".join([_HEADER, *lines, ""])

    def read(self, text: str, day: int) -> None:
        """Take what a file holds; lines that are invalid or too old are left out."""
        header, *lines = text.split("\n")
        if header != _HEADER:
            return
        for line in lines[-self._most - 1 :]:
            name, *numbers = line.split(" ")
            if len(numbers) != 2 or not all(number.isascii() and number.isdigit() for number in numbers):
                continue
            most, seen = (int(number[:9]) for number in numbers)
            if name and len(name) < 64 and day - DAYS <= seen <= day + 1:
                self._take_out(name)
                self._put(name, _Network(min(most, _MOST_CLIENTS), seen, site_of(name)))

    def _forget_one(self) -> None:
        """Forget the network of the oldest login of a site with most, rather one that nobody is logged in from."""
        names = (name for site in self._sizes[self._largest] for name in self._sites[site])
        some = list(islice(names, _LOOKED_AT))
        self._take_out(next((name for name in some if not self._networks[name].now), some[0]))

    def _put(self, name: str, network: _Network) -> None:
        """Add a network that is not there, as the one of the latest login."""
        self._networks[name] = network
        self._sites.setdefault(network.site, {})[name] = None
        self._sort(network.site, 1)

    def _take_out(self, name: str) -> _Network | None:
        network = self._networks.pop(name, None)
        if network is not None:
            del self._sites[network.site][name]
            self._sort(network.site, -1)
        return network

    def _sort(self, site: str, by: int) -> None:
        """Move a site that has so many networks more."""
        size = len(self._sites[site])
        if (before := self._sizes.get(size - by)) is not None and site in before:
            del before[site]
            if not before:
                del self._sizes[size - by]
        if size:
            self._sizes.setdefault(size, {})[site] = None
        else:
            del self._sites[site]
        self._largest = max(self._largest, size)
        while self._largest and self._largest not in self._sizes:
            self._largest -= 1


def day_of(unix_seconds: float) -> int:
    """Return the day, counted from 1970."""
    return int(unix_seconds) // _DAY
