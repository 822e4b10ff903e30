"""How many pixels of a peer's pictures are decoded in a second. Times are arguments, in seconds.

A picture of 4 KB can have two million pixels, so the network's speed does not limit the work.
"""

# Why: docs/decisions/078-decoding-has-a-price.md

from dataclasses import dataclass

#: Pixels decoded in a second at most: a screen of 1920x1080 at 120 frames.
PIXELS_A_SECOND = 250_000_000
#: Seconds of decoding that may come at once after a pause.
_BURST = 0.25


@dataclass(slots=True)
class PixelBudget:
    """The budget of one desktop."""

    _free_at: float = 0.0

    def take(self, pixels: int, now: float) -> float:
        """Spend pixels; return how many seconds to wait before they are decoded, 0 within the budget."""
        self._free_at = max(self._free_at, now - _BURST) + pixels / PIXELS_A_SECOND
        return max(0.0, self._free_at - now)
