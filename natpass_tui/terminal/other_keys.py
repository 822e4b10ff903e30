"""Whether an application asked for modifyOtherKeys, and how far: level 1 or 2 (xterm: `CSI > 4 ; n m`).

libghostty knows of level 2 alone.
"""

# Why: docs/decisions/048-keys-as-xterm-sends-them.md

import re

_CHANGE = re.compile(rb"\x1b(?:\[>4(?:;(?P<level>[0-9]{0,2}))?m|\[>4n|\[!p|c)")
_HINTS = (b"[>4", b"\x1bc", b"[!p")
_LONGEST = len(b"\x1b[>4;12m")


class ModifyOtherKeys:
    """Follows the output of an application.

    Attributes:
        level: 0, 1 or 2.
    """

    def __init__(self) -> None:
        self.level = 0
        self._tail = b""

    def feed(self, data: bytes) -> None:
        """Take what the application wrote, in any parts."""
        # What is found in the tail again has the same effect again: all that came behind it is found as well.
        seen = self._tail + data
        if any(hint in seen for hint in _HINTS):
            for change in _CHANGE.finditer(seen):
                self.level = min(int(change["level"] or 0), 2)
        self._tail = seen[1 - _LONGEST :]
