"""Pointer and keyboard of an X server, through its extension XTEST.

XTEST events come from a device of their own. The first one makes the server switch to that device's keyboard, and tell
every client that the keyboard has changed (MappingNotify) - us too: it is read before the next key, never waited for.
"""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar, cast

from Xlib import X
from Xlib.display import Display
from Xlib.ext import xtest

from natpass_agent.links.desktop.worker.errors import DesktopError, NoKeyError
from natpass_agent.links.desktop.worker.keys import Character, Key, Named
from natpass_agent.links.desktop.worker.platform import x11
from natpass_agent.links.desktop.worker.platform.input import Button, keysyms
from natpass_agent.links.desktop.worker.platform.input.keymap import NO_SYMBOL, Keymap

P = ParamSpec("P")
R = TypeVar("R")

#: The core protocol's numbers of buttons; the wheel is four more.
_BUTTONS = {Button.LEFT: 1, Button.MIDDLE: 2, Button.RIGHT: 3}
_UP, _DOWN, _LEFT, _RIGHT = 4, 5, 6, 7
#: Where the layout's number stands in a modifier mask (XKB).
_GROUP_SHIFT, _GROUP_MASK = 13, 3
_SHIFTS = (Named.SHIFT, Named.RIGHT_SHIFT)


def _on_server(call: Callable[Concatenate["X11Devices", P], R]) -> Callable[Concatenate["X11Devices", P], R]:
    """Say in our words that the server has ended."""

    @wraps(call)
    def wrapped(self: "X11Devices", *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return call(self, *args, **kwargs)
        except x11.GONE as error:
            raise DesktopError("the X server has ended") from error

    return cast("Callable[Concatenate[X11Devices, P], R]", wrapped)


class X11Devices:
    """The pointer and the keyboard of the display that the environment names."""

    def __init__(self, display: Display | None = None) -> None:
        self._display = display or x11.connect()
        self._root = self._display.screen().root
        info = self._display.display.info
        self._first_code = info.min_keycode
        self._codes = info.max_keycode - info.min_keycode + 1
        self._keymap = Keymap(self._first_code, self._rows())
        self._down: dict[Key, int] = {}
        #: The key that Shift is held for, though the viewer does not hold it.
        self._shifted: Key | None = None

    @_on_server
    def move(self, x: int, y: int) -> None:
        """Move the pointer; the server stops it at the edges."""
        most = 0x7FFF  # the protocol's coordinates have 16 bits, with a sign
        xtest.fake_input(self._display, X.MotionNotify, x=min(max(x, 0), most), y=min(max(y, 0), most))
        self._display.flush()

    @_on_server
    def press_button(self, button: Button) -> None:
        """Press a button."""
        self._button(X.ButtonPress, _BUTTONS[button])

    @_on_server
    def release_button(self, button: Button) -> None:
        """Release a button."""
        self._button(X.ButtonRelease, _BUTTONS[button])

    @_on_server
    def scroll(self, x: int, y: int) -> None:
        """Click the wheel's buttons."""
        for clicks, forth, back in ((x, _LEFT, _RIGHT), (y, _UP, _DOWN)):
            for _ in range(abs(clicks)):
                self._button(X.ButtonPress, forth if clicks > 0 else back)
                self._button(X.ButtonRelease, forth if clicks > 0 else back)

    @_on_server
    def press_key(self, key: Key) -> None:
        """Press a key, with Shift if the character needs it and the viewer does not hold it."""
        self._unshift()
        self._read_events()
        keysym = keysyms.of(key)
        mask = self._root.query_pointer().mask
        group = mask >> _GROUP_SHIFT & _GROUP_MASK if isinstance(key, Character) else 0
        stroke = self._keymap.stroke(keysym, group)
        if stroke is None or (stroke.shift and not isinstance(key, Character)):
            # On no key, or on one that does something else without Shift: a name is a key, never two.
            keycode, shift = self._borrow(keysym), None
        else:
            keycode, shift = stroke.keycode, stroke.shift
        if isinstance(key, Character) and shift is not None:
            if mask & X.LockMask and key.text.lower() != key.text.upper():
                shift = not shift
            if shift and not any(held in self._down for held in _SHIFTS):
                self._shifted = key
                self._key(X.KeyPress, self._shift_code())
        self._down[key] = keycode
        self._key(X.KeyPress, keycode)
        self._display.flush()

    @_on_server
    def release_key(self, key: Key) -> None:
        """Release a key, and the Shift that it needed."""
        keycode = self._down.pop(key, None)
        if keycode is not None:
            self._key(X.KeyRelease, keycode)
        if self._shifted == key:
            self._unshift()
        self._display.flush()

    def secure_attention(self) -> None:
        """Press Ctrl+Alt+Del: a window manager may have a use for it. Keys that are down already stay so."""
        pressed = [key for key in (Named.CONTROL, Named.ALT, Named.DELETE) if key not in self._down]
        for key in pressed:
            self.press_key(key)
        for key in reversed(pressed):
            self.release_key(key)

    def close(self) -> None:
        """Give borrowed keycodes back, and close the connection."""
        try:
            for keycode in self._keymap.borrowed:
                self._display.change_keyboard_mapping(keycode, [(NO_SYMBOL,) * self._columns])
            self._display.sync()
            self._display.close()
        except x11.GONE:
            pass

    def _button(self, event: int, number: int) -> None:
        xtest.fake_input(self._display, event, number)
        self._display.flush()

    def _key(self, event: int, keycode: int) -> None:
        xtest.fake_input(self._display, event, keycode)

    def _shift_code(self) -> int:
        stroke = self._keymap.stroke(keysyms.NAMED[Named.SHIFT], 0)
        if stroke is None:
            raise NoKeyError("this keyboard has no Shift")
        return stroke.keycode

    def _unshift(self) -> None:
        if self._shifted is not None:
            self._shifted = None
            self._key(X.KeyRelease, self._shift_code())

    def _read_events(self) -> None:
        """Take what the server has told, and the new keyboard if it was that."""
        changed = False
        for _ in range(self._display.pending_events()):
            event = self._display.next_event()
            if event.type == X.MappingNotify:
                changed = True
                self._display.refresh_keyboard_mapping(event)
        if changed:
            self._keymap.load(self._first_code, self._rows())

    def _rows(self) -> list[list[int]]:
        rows = [list(row) for row in self._display.get_keyboard_mapping(self._first_code, self._codes)]
        self._columns = max((len(row) for row in rows), default=1)
        return rows

    def _borrow(self, keysym: int) -> int:
        """Let a keycode that types nothing type `keysym`; return it.

        Raises:
            NoKeyError: all keycodes type something.
        """
        keycode = self._keymap.borrow(keysym, self._down.values())
        if keycode is None:
            raise NoKeyError("every key of this keyboard has a meaning already")
        self._display.change_keyboard_mapping(keycode, [(keysym,) * self._columns])
        self._display.sync()
        return keycode
