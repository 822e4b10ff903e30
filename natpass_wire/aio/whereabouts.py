"""What the system tells of the time and of our place in the network: the I/O of `natpass_wire.roaming`."""

import socket
import time
from typing import Any

#: The clock that runs on while the machine sleeps. Only Linux has one (Windows' monotonic clock runs on by itself); the
#: time of day is set now and then, which costs one question to the relay.
_SLEEPING_CLOCK: int | None = getattr(time, "CLOCK_BOOTTIME", None)


def clocks() -> tuple[float, float]:
    """Return the seconds of a monotonic clock, and of one that runs on while the machine sleeps."""
    if _SLEEPING_CLOCK is None:
        return time.monotonic(), time.time()
    now: float = getattr(time, "clock_gettime")(_SLEEPING_CLOCK)  # noqa: B009 - not on Windows
    return time.monotonic(), now


def own_address(peer: tuple[Any, ...]) -> str | None:
    """Return the address that the system would use towards `peer`, a socket's address; None if there is no way.

    No packet is sent.
    """
    try:
        with socket.socket(_family(peer[0]), socket.SOCK_DGRAM) as probe:
            probe.connect(peer)
            found: str = probe.getsockname()[0]
    except OSError:
        return None
    return found


def is_own(address: str) -> bool:
    """Tell whether this machine has an address at this moment."""
    try:
        with socket.socket(_family(address), socket.SOCK_DGRAM) as probe:
            probe.bind((address, 0))
    except OSError:
        return False
    return True


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET
