"""A register of lent keycodes in the X server, so that others can take back those of a killed worker.

A property of the root window has an entry for each worker. A worker lives as long as its window: the server destroys
the window with the worker's connection. A process id would mean nothing on another machine or in a container.
"""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from Xlib import X, Xatom
from Xlib.display import Display
from Xlib.error import BadWindow

from natpass_agent.links.desktop.worker.input.spares import Row

#: The root window's property: window, token, number of keycodes, and for each of them the keycode and its two keysyms.
PROPERTY = "_NATPASS_LENT"
#: The property of a worker's window: the token again, because another window may get its number later.
_TOKEN = "_NATPASS_LENDER"  # noqa: S105 - not a secret
#: The most numbers in the property: those of a hundred workers that have lent all keycodes.
_MOST = 100 * (3 + 3 * 256)


class Lenders:
    """The keycodes that all workers at a display have lent.

    Args:
        display: the connection; this worker's entry is valid while it is open.
    """

    def __init__(self, display: Display) -> None:
        self._display: Any = display
        self._root = self._display.screen().root
        self._property = self._display.intern_atom(PROPERTY)
        self._token_name = self._display.intern_atom(_TOKEN)
        self._token = secrets.randbits(31)
        self._window = self._root.create_window(-1, -1, 1, 1, 0, 0, X.InputOnly, override_redirect=True)
        self._window.change_property(self._token_name, Xatom.CARDINAL, 32, [self._token])

    def note(self, lent: Mapping[int, Row]) -> None:
        """Record what this worker has lent: before it lends, and after it has taken back."""
        with self._alone() as records:
            self._write([(record, codes) for record, codes in records if record != self._ours], lent)

    def take_over(self) -> dict[int, Row]:
        """Return the keycodes lent by workers that are gone, and remove their entries: the caller takes them back."""
        found: dict[int, Row] = {}
        with self._alone() as records:
            living = [(record, codes) for record, codes in records if self._lives(*record)]
            for record, codes in records:
                if (record, codes) not in living:
                    found |= codes
            if len(living) != len(records):
                self._write(living, found)  # ours until they are taken back: we may be killed too
        return found

    @property
    def _ours(self) -> tuple[int, int]:
        return self._window.id, self._token

    @contextmanager
    def _alone(self) -> Iterator[list[tuple[tuple[int, int], dict[int, Row]]]]:
        """Yield the entries while no other worker changes them."""
        self._display.grab_server()
        try:
            value = self._root.get_full_property(self._property, Xatom.CARDINAL, _MOST)
            yield list(_records(value.value if value is not None and value.format == 32 else ()))
        finally:
            self._display.ungrab_server()
            self._display.flush()

    def _write(self, others: Sequence[tuple[tuple[int, int], Mapping[int, Row]]], ours: Mapping[int, Row]) -> None:
        numbers: list[int] = []
        for record, codes in [*others, *([(self._ours, ours)] if ours else [])]:
            numbers += [*record, len(codes)]
            for keycode, row in codes.items():
                numbers += [keycode, *row]
        if numbers:
            self._root.change_property(self._property, Xatom.CARDINAL, 32, numbers)
        else:
            self._root.delete_property(self._property)

    def _lives(self, window: int, token: int) -> bool:
        try:
            value = self._display.create_resource_object("window", window).get_full_property(
                self._token_name, Xatom.CARDINAL, 1
            )
        except BadWindow:
            return False
        return value is not None and list(value.value) == [token]


def _records(numbers: Sequence[int]) -> Iterator[tuple[tuple[int, int], dict[int, Row]]]:
    """Yield the entries of a property up to the first invalid one: any program may have written it."""
    at = 0
    while at + 3 <= len(numbers):
        window, token, count = numbers[at : at + 3]
        rows = numbers[at + 3 : at + 3 + 3 * count]
        if not 0 < count < 256 or len(rows) != 3 * count or not all(8 <= keycode < 256 for keycode in rows[::3]):
            return
        yield (
            (window, token),
            {code: (first, second) for code, first, second in zip(rows[::3], rows[1::3], rows[2::3], strict=True)},
        )
        at += 3 + 3 * count
