"""The lease on pressed keys and buttons: they are released if the viewer is silent. Pure; times in seconds."""


class Lease:
    """Decides when to release all keys and buttons, and which input is void because it assumed they were held.

    Args:
        seconds: how long the lease lasts without a message from the viewer; 0: until the link ends.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._heard = float("-inf")
        self._releases = 0
        self._confirmed = 0

    @property
    def is_void(self) -> bool:
        """Whether the lease ran out and the viewer does not know yet: its input assumes keys that it held."""
        return self._releases != self._confirmed

    def heard(self, now: float) -> None:
        """Renew: the viewer sent something."""
        self._heard = now

    def confirmed(self, releases: int) -> None:
        """Record the number of releases that the viewer knows of."""
        self._confirmed = releases

    def rest(self, now: float) -> float | None:
        """Return the seconds until the lease runs out, None if it never does."""
        return max(self._heard + self._seconds - now, 0.0) if self._seconds else None

    def ran_out(self) -> int:
        """Count a release of everything; return the number of releases so far."""
        self._releases += 1
        return self._releases
