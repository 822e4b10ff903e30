"""A hold is a lease: what a viewer holds down is released unless it is heard from again. Pure; `now` is in seconds."""


class Lease:
    """Knows when to release what is pressed, and which input was meant for a hold that is gone.

    Args:
        seconds: how long a hold lasts without a word from the viewer; 0: until its link ends.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._heard = float("-inf")
        self._releases = 0
        self._confirmed = 0

    @property
    def is_void(self) -> bool:
        """Whether the lease ran out and the viewer does not know yet: its input was meant for keys that it held."""
        return self._releases != self._confirmed

    def heard(self, now: float) -> None:
        """The viewer sent something."""
        self._heard = now

    def confirmed(self, releases: int) -> None:
        """The viewer knows of so many releases."""
        self._confirmed = releases

    def rest(self, now: float) -> float | None:
        """Return the seconds until the lease runs out, None if it never does."""
        return max(self._heard + self._seconds - now, 0.0) if self._seconds else None

    def ran_out(self) -> int:
        """Everything is released; return how often that has happened."""
        self._releases += 1
        return self._releases
