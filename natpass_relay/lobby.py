"""The lobby: connections that are not logged in yet; how many, from where, and for how long.

A stranger can open connections faster than honest clients log in, but an honest login takes milliseconds. So if there
are too many, the oldest one has to go, not the newest.
"""

from dataclasses import dataclass
from typing import Generic, TypeVar

from natpass_wire.login import v2

#: Connections before login, of all addresses and of one. Each may hold some 10 KiB, with TLS some 100 KiB.
MAX_VISITORS = 1024
MAX_OF_ADDRESS = 256

Who = TypeVar("Who")


@dataclass(frozen=True, slots=True)
class _Stay:
    address: str
    until: float


class Lobby(Generic[Who]):
    """The connections that wait for their login, in order of arrival. `now` is in seconds of one monotonic clock."""

    def __init__(
        self, most: int = MAX_VISITORS, most_of_address: int = MAX_OF_ADDRESS, seconds: float = v2.LOGIN_SECONDS
    ) -> None:
        self._most = most
        self._most_of_address = most_of_address
        self._seconds = seconds
        self._stays: dict[Who, _Stay] = {}
        self._of_address: dict[str, dict[Who, None]] = {}

    def __len__(self) -> int:
        return len(self._stays)

    def enter(self, who: Who, address: str, now: float) -> Who | None:
        """Add a connection; return the one that has to go for it, None if there is room."""
        self._stays[who] = _Stay(address, now + self._seconds)
        neighbours = self._of_address.setdefault(address, {})
        neighbours[who] = None
        if len(neighbours) > self._most_of_address:
            return next(iter(neighbours))
        return next(iter(self._stays)) if len(self._stays) > self._most else None

    def leave(self, who: Who) -> None:
        """Remove a connection that has logged in or is gone. No-op if it was removed already."""
        stay = self._stays.pop(who, None)
        if stay is None:
            return
        neighbours = self._of_address[stay.address]
        del neighbours[who]
        if not neighbours:
            del self._of_address[stay.address]

    def overdue(self, now: float) -> list[Who]:
        """Return the connections that are here for too long."""
        late = []
        for who, stay in self._stays.items():
            if stay.until > now:
                break
            late.append(who)
        return late
