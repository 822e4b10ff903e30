"""The level of modifyOtherKeys that an application asked for: 1 or 2 (xterm: `CSI > 4 ; n m`).

libghostty knows only level 2.
"""

# Why: docs/decisions/048-keys-as-xterm-sends-them.md

import re

_CHANGE = re.compile(rb"\x1b(?:\[>4(?:;(?P<level>[0-9]{0,2}))?m|\[>4n|\[!p|c)")
_HINTS = (b"[>4", b"\x1bc", b"[!p")
_LONGEST = len(b"\x1b[>4;12m")


class ModifyOtherKeys:
    """Tracks the level in an application's output.

    Attributes:
        level: 0, 1 or 2.
    """

    def __init__(self) -> None:
        self.level = 0
        self._tail = b""

    def feed(self, data: bytes) -> None:
        """Take output of the application, in chunks of any size."""
        # A request found again in the tail has the same effect: all that followed it is found again as well.
        seen = self._tail + data
        if any(hint in seen for hint in _HINTS):
            for change in _CHANGE.finditer(seen):
                self.level = min(int(change["level"] or 0), 2)
        self._tail = seen[1 - _LONGEST :]
