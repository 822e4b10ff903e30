"""The networks that clients have logged in from lately; kept over a restart of the relay.

After a restart all clients come back at once, 200 of them perhaps from one address. Who has logged in before is known
to be no flood.
"""

from dataclasses import dataclass

from natpass_relay.sources import Source

#: How many networks are remembered; those that nobody has logged in from for longest are forgotten.
MOST_NETWORKS = 8192
#: How long a network is remembered, in days.
DAYS = 14
#: Bytes of the file that are read at most.
MOST_BYTES = 1024 * 1024

_DAY = 24 * 60 * 60
_MOST_CLIENTS = 100_000
_HEADER = "natpass-networks 1"


@dataclass(slots=True)
class _Network:
    most: int  # clients at a time
    seen: int  # the day, counted from 1970
    now: int = 0  # clients logged in


class RememberedNetworks:
    """Networks, with the most clients that were logged in from each at a time. `day` is counted from 1970."""

    def __init__(self, most: int = MOST_NETWORKS) -> None:
        self._most = most
        self._networks: dict[str, _Network] = {}
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
        for name in {source.narrow, source.wide} if not source.is_exempt else ():
            network = self._networks.pop(name, None)
            if network is None:
                if len(self._networks) >= self._most:
                    self._forget_one()
                network = _Network(0, 0)
            self._networks[name] = network
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
                self._networks[name] = _Network(min(most, _MOST_CLIENTS), seen)

    def _forget_one(self) -> None:
        """Forget the network of the oldest login, rather one that nobody is logged in from."""
        names = iter(self._networks)
        oldest = next(names)
        for name in (oldest, *(next(names, oldest) for _ in range(32))):
            if not self._networks[name].now:
                del self._networks[name]
                return
        del self._networks[oldest]


def day_of(unix_seconds: float) -> int:
    """Return the day, counted from 1970."""
    return int(unix_seconds) // _DAY
