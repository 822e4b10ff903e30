"""When to look at the screen again, without I/O. Times are seconds of one monotonic clock."""

from dataclasses import dataclass

#: We poll a screen that can't report changes less often while nothing changes: up to this many times slower, one step
#: after so many looks in vain.
_SLOWEST, _LOOKS_A_STEP = 4, 10


@dataclass(slots=True)
class CapturePace:
    """Decides when the next look at a screen is due.

    Attributes:
        tells_changes: whether the screen reports changes: then a look at an unchanged one costs nothing.
        looked_at: the time of the last look.
        in_vain: looks since the last one that found a change.
    """

    tells_changes: bool
    looked_at: float = float("-inf")
    in_vain: int = 0

    def looked(self, now: float, *, found: bool) -> None:
        """Record a look at the screen."""
        self.looked_at = now
        self.in_vain = 0 if found else self.in_vain + 1

    def delay(self, now: float, fps: int) -> float:
        """Return the seconds to wait before the next look."""
        slower = 1 if self.tells_changes else min(1 + self.in_vain // _LOOKS_A_STEP, _SLOWEST)
        return max(self.looked_at + slower / fps - now, 0.0)
