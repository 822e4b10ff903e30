"""Keycodes that type nothing, lent to characters that are on no key; without I/O.

Programs hear of each change of the keyboard, and look the keyboard up when they get to it: a slow one may see a key
press after the next change. So a keycode keeps its meaning for as long as others are free, and then the one that was
used longest ago is taken, at the earliest `REST_SECONDS` after its last use.
"""

# Why: docs/decisions/061-lent-keycodes.md

from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass

from natpass_agent.links.desktop.worker.input.keymap import Keymap
from natpass_agent.links.desktop.worker.input.keysyms import is_unicode

#: Seconds that a program has to see what a keycode meant, before it means something else.
REST_SECONDS = 0.2

#: What a key types without and with Shift.
Row = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Loan:
    """A keycode to lend.

    Attributes:
        keycode: the keycode.
        wait: seconds to wait before.
    """

    keycode: int
    wait: float


class Spares:
    """The keycodes that are free, and those that are lent."""

    def __init__(self) -> None:
        #: What is lent, those used longest ago first.
        self.lent: OrderedDict[int, Row] = OrderedDict()
        self._used: dict[int, float] = {}
        self._free: list[int] = []

    def load(self, keymap: Keymap) -> None:
        """Take note of a new map. What does not type any more what we lent it to has been taken back by others."""
        for keycode, row in list(self.lent.items()):
            if keymap.row(keycode) != row:
                del self.lent[keycode]
        lost = [code for code in keymap.keys if code not in self.lent and _looks_lent(keymap.row(code))]
        # Taken from the end: low ones last, before them those that may be somebody's.
        self._free = lost + [code for code in keymap.free if code not in self.lent]

    def lend(self, row: Row, now: float, down: Collection[int]) -> Loan | None:
        """Lend a keycode; None if all are in use.

        Args:
            row: what it is to type.
            now: seconds.
            down: keycodes that are pressed: they stay what they are.
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
        """Take note that a keycode was pressed."""
        if keycode in self.lent:
            self.lent.move_to_end(keycode)
            self._used[keycode] = now


def _looks_lent(row: tuple[int, ...]) -> bool:
    """Tell whether a row looks like one that was lent by somebody who did not give it back: no layout has it."""
    return len(row) == 2 and row[0] == row[1] and is_unicode(row[0])
