"""Spare keycodes, lent to characters that are on no key; without I/O.

The server tells programs of each change of the keyboard, and they read the keyboard when they get to it: a slow one may
handle a key press after the next change. So a keycode keeps its meaning while others are free. Then the least recently
used one is taken, at the earliest `REST_SECONDS` after its last use.
"""

# Why: docs/decisions/061-lent-keycodes.md

from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass

from natpass_agent.links.desktop.worker.input.keymap import Keymap
from natpass_agent.links.desktop.worker.input.keysyms import is_unicode

#: Seconds that a program has to look a keycode up before its meaning changes.
REST_SECONDS = 0.2

#: What a key types without and with Shift.
Row = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Loan:
    """A keycode to lend.

    Attributes:
        keycode: the keycode.
        wait: seconds to wait before it is lent.
    """

    keycode: int
    wait: float


class Spares:
    """The free and the lent keycodes."""

    def __init__(self) -> None:
        #: The lent keycodes, least recently used first.
        self.lent: OrderedDict[int, Row] = OrderedDict()
        self._used: dict[int, float] = {}
        self._free: list[int] = []

    def load(self, keymap: Keymap) -> None:
        """Load a new map. A lent keycode that types something else now was taken back by others."""
        for keycode, row in list(self.lent.items()):
            if keymap.row(keycode) != row:
                del self.lent[keycode]
        lost = [code for code in keymap.keys if code not in self.lent and _looks_lent(keymap.row(code))]
        # Taken from the end: low ones last, after them those that another worker may have lent.
        self._free = lost + [code for code in keymap.free if code not in self.lent]

    def lend(self, row: Row, now: float, down: Collection[int]) -> Loan | None:
        """Lend a keycode; None if all are in use.

        Args:
            row: what it should type.
            now: the time in seconds.
            down: the pressed keycodes; they keep their meaning.
        """
        if self._free:
            keycode, wait = self._free.pop(), 0.0
        else:
            oldest = next((code for code in self.lent if code not in down), None)
            if oldest is None:
                return None
            keycode, wait = oldest, max(0.0, self._used.get(oldest, now) + REST_SECONDS - now)
        self.lent.pop(keycode, None)
        self.lent[keycode] = row
        self.used(keycode, now + wait)
        return Loan(keycode, wait)

    def used(self, keycode: int, now: float) -> None:
        """Note that a keycode was pressed."""
        if keycode in self.lent:
            self.lent.move_to_end(keycode)
            self._used[keycode] = now


def _looks_lent(row: tuple[int, ...]) -> bool:
    """Tell whether a row looks lent and never taken back: no layout has such a row."""
    return len(row) == 2 and row[0] == row[1] and is_unicode(row[0])
