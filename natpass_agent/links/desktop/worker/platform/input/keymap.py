"""Which key of an X server's keyboard types what, without I/O.

A keyboard has keycodes (8 to 255), and for each a row of keysyms: columns 0 and 1 are the first layout without and with
Shift, 2 and 3 the second layout. Characters that are on no key borrow a keycode that has none.
"""

from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from natpass_agent.links.desktop.worker.platform.input.keysyms import PAD, is_unicode

#: What a row is filled with where it has no keysym.
NO_SYMBOL = 0


@dataclass(frozen=True, slots=True)
class Stroke:
    """How to type a keysym.

    Attributes:
        keycode: the key.
        shift: whether Shift has to be held: True, False, or None where it makes no difference.
    """

    keycode: int
    shift: bool | None


class Keymap:
    """The keyboard as the server has it, and the keycodes that we borrowed."""

    def __init__(self, first: int, rows: Sequence[Sequence[int]]) -> None:
        #: Borrowed keycodes and what they type now, those used longest ago first.
        self.borrowed: OrderedDict[int, int] = OrderedDict()
        self.load(first, rows)

    def load(self, first: int, rows: Sequence[Sequence[int]]) -> None:
        """Take the keyboard's rows; `first` is the keycode of the first.

        Borrowed keycodes that do not type any more what we gave them have been taken back.
        """
        self._groups: tuple[dict[int, Stroke], dict[int, Stroke]] = ({}, {})
        self._free: list[int] = []
        leftovers: list[int] = []
        kept: OrderedDict[int, int] = OrderedDict()
        by_code = {first + index: row for index, row in enumerate(rows)}
        for keycode, keysym in self.borrowed.items():
            if list(by_code.get(keycode, ()))[:1] == [keysym]:
                kept[keycode] = keysym
        self.borrowed = kept
        for keycode, row in by_code.items():
            if keycode in kept:
                continue
            symbols = set(row)
            if symbols <= {NO_SYMBOL}:
                self._free.append(keycode)
                continue
            if len(symbols) == 1 and is_unicode(row[0]):  # borrowed by somebody who did not give it back
                leftovers.append(keycode)
            for group in (0, 1):
                for shift in (False, True):
                    column = 2 * group + shift
                    keysym = row[column] if column < len(row) else NO_SYMBOL
                    if keysym not in (NO_SYMBOL, *PAD) or (keysym in PAD and not shift):
                        self._groups[group].setdefault(keysym, Stroke(keycode, shift))
        self._free = leftovers + self._free  # taken from the end: low ones and leftovers last

    def stroke(self, keysym: int, group: int) -> Stroke | None:
        """Return how to type a keysym in a layout (0 or 1), None if a keycode has to be borrowed for it."""
        for keycode, borrowed in self.borrowed.items():
            if borrowed == keysym:
                self.borrowed.move_to_end(keycode)
                return Stroke(keycode, None)
        return self._groups[group].get(keysym) if group in (0, 1) else None

    def borrow(self, keysym: int, down: Collection[int]) -> int | None:
        """Return a keycode that is to type `keysym` from now on, in every column; None if there is none to borrow.

        Args:
            keysym: what to type.
            down: keycodes that are pressed: they stay what they are.
        """
        keycode = self._free.pop() if self._free else next((code for code in self.borrowed if code not in down), None)
        if keycode is not None:
            self.borrowed.pop(keycode, None)
            self.borrowed[keycode] = keysym
        return keycode
