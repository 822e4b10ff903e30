"""The system's clocks and our own address: the I/O of `natpass_wire.roaming`."""

# Why: docs/decisions/013-roaming.md

import contextlib
import importlib
import socket
import sys
import time
from typing import Any

#: The clock that goes on while the machine sleeps. Only Linux has one (on Windows the monotonic clock does so).
#: Elsewhere we use the time of day; each time it is set, that costs one question to the relay.
_SLEEPING_CLOCK: int | None = getattr(time, "CLOCK_BOOTTIME", None)
#: Linux's ioctl for a socket's unacknowledged bytes (tcp(7)); a system with the clock above has it, too.
_SIOCOUTQ = 0x5411 if _SLEEPING_CLOCK is not None else None
_fcntl: Any = importlib.import_module("fcntl") if _SIOCOUTQ is not None else None  # not on Windows


def clocks() -> tuple[float, float]:
    """Return the seconds of a monotonic clock, and of one that goes on while the machine sleeps."""
    if _SLEEPING_CLOCK is None:
        return time.monotonic(), time.time()
    now: float = getattr(time, "clock_gettime")(_SLEEPING_CLOCK)  # noqa: B009 - not on Windows
    return time.monotonic(), now


def own_address(peer: tuple[Any, ...]) -> str | None:
    """Return the address that the system would use towards `peer`, a socket address; None without a route.

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
    """Tell whether this machine has an address now."""
    try:
        with socket.socket(_family(address), socket.SOCK_DGRAM) as probe:
            probe.bind((address, 0))
    except OSError:
        return False
    return True


def untaken_bytes(connection: int) -> int:
    """Return how many bytes of a TCP connection the other end's system has not acknowledged; 0 if ours doesn't tell.

    Args:
        connection: the socket's file descriptor.
    """
    if _SIOCOUTQ is None:
        return 0
    with contextlib.suppress(OSError):
        told: bytes = _fcntl.ioctl(connection, _SIOCOUTQ, bytes(4))
        return int.from_bytes(told, sys.byteorder)
    return 0


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET
