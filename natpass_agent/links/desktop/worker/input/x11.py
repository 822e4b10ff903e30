"""Pointer and keyboard of an X server, through its extensions XTEST and XKEYBOARD.

While a character's key is down, exactly the modifiers and the layout that it needs are in effect. Afterwards the former
ones are restored.

XTEST events come from a separate device, and the server's keyboard is the one used last: a person's, with its own map,
or XTEST's. The server sends an event when it changes; we read these events before each key, and never wait for them.
"""

# Why: docs/decisions/059-x11-input.md

import time
from collections.abc import Callable
from functools import partial, wraps
from typing import Concatenate, ParamSpec, TypeVar, cast

from Xlib import X
from Xlib.display import Display
from Xlib.ext import xtest

from natpass_agent.links.desktop.worker import x11
from natpass_agent.links.desktop.worker.errors import DesktopError, NoKeyError
from natpass_agent.links.desktop.worker.input import Button, keysyms
from natpass_agent.links.desktop.worker.input.keymap import NO_SYMBOL
from natpass_agent.links.desktop.worker.input.lenders import Lenders
from natpass_agent.links.desktop.worker.input.spares import Row, Spares
from natpass_agent.links.desktop.worker.input.state import KeyboardState
from natpass_agent.links.desktop.worker.input.strokes import Held, Stroke, stroke
from natpass_agent.links.desktop.worker.keys import MODIFIERS, SHIFTS, Character, Key, Named, shifted
from natpass_agent.links.desktop.worker.xkb import Xkb

P = ParamSpec("P")
R = TypeVar("R")

#: The core protocol's button numbers; the wheel has four more.
_BUTTONS = {Button.LEFT: 1, Button.MIDDLE: 2, Button.RIGHT: 3}
_UP, _DOWN, _LEFT, _RIGHT = 4, 5, 6, 7


def _on_server(call: Callable[Concatenate["X11Devices", P], R]) -> Callable[Concatenate["X11Devices", P], R]:
    """Turn a lost connection into a DesktopError."""

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
        try:
            self._xkb = Xkb(self._display)
        except DesktopError:
            self._display.close()
            raise
        self._spares = Spares()
        self._down: dict[Key, int] = {}
        #: The character whose modifiers and layout are in effect, and what restores the former ones.
        self._typing: Key | None = None
        self._undo: list[Callable[[], None]] = []
        self._lenders = Lenders(self._display)
        self._take_keyboard()
        self._take_back()

    @_on_server
    def move(self, x: int, y: int) -> None:
        """Move the pointer; the server stops it at the edges."""
        most = 0x7FFF  # the protocol's coordinates have 16 bits, with a sign
        xtest.fake_input(self._display, X.MotionNotify, x=min(max(x, 0), most), y=min(max(y, 0), most))
        self._display.flush()

    @_on_server
    def press_button(self, button: Button) -> None:
        """Press a button."""
        self._settle()
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
        """Press a key; with a character, exactly the modifiers and the layout that it needs."""
        self._settle()
        state = self._look()
        try:
            if isinstance(key, Character) or key is Named.SPACE:
                self._typing = key
                self._press_character(key, state)
            else:
                self._press(key, self._key_of(key, state))
        finally:
            self._display.flush()

    @_on_server
    def release_key(self, key: Key) -> None:
        """Release a key, and put back what it needed."""
        keycode = self._down.pop(key, None)
        if keycode is not None and keycode not in self._down.values():
            self._key(X.KeyRelease, keycode)
        if self._typing == key:
            self._settle()
        self._display.flush()

    def secure_attention(self) -> None:
        """Press Ctrl+Alt+Del, which a window manager may handle. Keys that are already down stay down."""
        pressed = [key for key in (Named.CONTROL, Named.ALT, Named.DELETE) if key not in self._down]
        for key in pressed:
            self.press_key(key)
        for key in reversed(pressed):
            self.release_key(key)

    def close(self) -> None:
        """Take lent keycodes back, and close the connection."""
        try:
            self._settle()
            self._look()  # others may have taken some back
            for keycode in self._spares.lent:
                self._display.change_keyboard_mapping(keycode, [(NO_SYMBOL, NO_SYMBOL)])
            self._lenders.note({})
            self._display.sync()
            self._display.close()
        except x11.GONE:
            pass

    # events

    def _button(self, event: int, number: int) -> None:
        xtest.fake_input(self._display, event, number)
        self._display.flush()

    def _key(self, event: int, keycode: int) -> None:
        xtest.fake_input(self._display, event, keycode)

    def _press(self, key: Key, keycode: int) -> None:
        self._down[key] = keycode
        self._spares.used(keycode, time.monotonic())
        self._key_down(keycode)

    def _key_down(self, keycode: int) -> None:
        """Press a key that XTEST's keyboard may believe down: we pressed it again, and a person released it."""
        self._key(X.KeyRelease, keycode)
        self._key(X.KeyPress, keycode)

    # the keyboard's state

    def _look(self) -> KeyboardState:
        """Return the keyboard's state, after handling its change events."""
        state = self._xkb.state()
        if self._has_changed():
            state = self._take_keyboard()
        return state

    def _take_keyboard(self) -> KeyboardState:
        """Make XTEST's keyboard the server's, and load its map; return the keyboard's state."""
        is_up = next(code for code in range(255, 7, -1) if code not in self._down.values())
        self._key(X.KeyRelease, is_up)  # no program sees it, since the key is not down
        state = self._xkb.state()
        self._has_changed()  # our own change
        self._load()
        return state

    def _has_changed(self) -> bool:
        events = [self._display.next_event() for _ in range(self._display.pending_events())]
        return any(event.type == self._xkb.event_type for event in events)

    def _load(self) -> None:
        self._keymap = self._xkb.map()
        self._spares.load(self._keymap)

    def _take_back(self) -> None:
        """Take back the keycodes that a killed worker lent, unless they type something else by now."""
        lost = [code for code, row in self._lenders.take_over().items() if self._keymap.row(code) == row]
        for keycode in lost:
            self._display.change_keyboard_mapping(keycode, [(NO_SYMBOL, NO_SYMBOL)])
        if lost:
            self._display.sync()
            self._has_changed()  # our own change
            self._load()
        self._lenders.note({})

    def _key_of(self, key: Named, state: KeyboardState) -> int:
        """Return the keycode of a named key. A key that types it only with Shift does not count.

        Raises:
            NoKeyError: no key types it, and no keycode can be lent.
        """
        wanted = [keysyms.NAMED[key]] + ([keysyms.INSTEAD[key]] if key in keysyms.INSTEAD else [])
        for keysym in wanted:
            keycode = self._keymap.key(keysym, state.group)
            if keycode is not None:
                return keycode
        return self._lend((wanted[0], wanted[0]))

    # characters

    def _press_character(self, key: Key, state: KeyboardState) -> None:
        text = key.text if isinstance(key, Character) else " "
        combination = self._combination()
        has_shift = any(shift in self._down for shift in SHIFTS)
        is_combined = combination != 0 or text == " "
        if has_shift and not is_combined:
            text = shifted(text)
        held = Held(combination, has_shift and is_combined)
        how = self._stroke(text, state, held)
        foreign = self._lift(state, state.mods & how.clear)
        if how.group != state.group:
            self._lock_group(how.group, state)
        for bit in (1 << number for number in range(8)):
            if how.set & ~state.mods & bit:
                self._hold(bit)
        self._press(key, how.keycode)
        for keycode in foreign:  # at once: the person who holds them may let go at any time
            self._key_down(keycode)

    def _combination(self) -> int:
        """Return the modifiers that the viewer holds for a combination."""
        found = 0
        for key, keycode in self._down.items():
            if key in MODIFIERS:
                found |= self._keymap.modifiers.get(keycode, 0)
        return found & ~self._keymap.level_mods

    def _stroke(self, text: str, state: KeyboardState, held: Held) -> Stroke:
        """Return how to type a character; lend it a keycode if no key types it.

        Raises:
            NoKeyError: no keycode can be lent.
        """
        symbols = keysyms.all_of(text)
        cased = text.lower() != text.upper()
        found = stroke(self._keymap, symbols, state, held, cased=cased)
        for row in (keysyms.row(text), (symbols[0], symbols[0])):
            if found is not None:
                return found
            self._lend(row)
            found = stroke(self._keymap, symbols, state, held, cased=cased)
        if found is None:
            raise NoKeyError("this keyboard takes no other characters")
        return found

    def _lift(self, state: KeyboardState, mods: int) -> list[int]:
        """Lift modifiers; return the keycodes of those that others hold."""
        if locked := (state.locked | state.latched) & mods:
            self._xkb.lock(affect=locked)
            if again := state.locked & mods:
                self._undo.append(partial(self._xkb.lock, affect=again, locks=again))
        if not state.base & mods:
            return []
        down = self._display.query_keymap()
        ours = {code: key for key, code in self._down.items()}
        foreign: list[int] = []
        for code, bits in self._keymap.modifiers.items():
            if bits & mods and down[code // 8] >> code % 8 & 1:
                self._key(X.KeyRelease, code)
                if code in ours:
                    self._undo.append(partial(self._press_again, ours[code], code))
                else:
                    foreign.append(code)
        return foreign

    def _press_again(self, key: Key, keycode: int) -> None:
        if self._down.get(key) == keycode:  # the viewer still holds it
            self._key_down(keycode)

    def _lock_group(self, group: int, state: KeyboardState) -> None:
        self._xkb.lock(group=(group - state.group + state.locked_group) % self._keymap.group_count)
        self._undo.append(partial(self._xkb.lock, group=state.locked_group))

    def _hold(self, modifier: int) -> None:
        """Set a modifier: by its key, as a person would; by a lock if it has none."""
        keycode = self._keymap.holder(modifier)
        if keycode is None:
            self._xkb.lock(affect=modifier, locks=modifier)
            self._undo.append(partial(self._xkb.lock, affect=modifier))
        else:
            self._key_down(keycode)
            self._undo.append(partial(self._key, X.KeyRelease, keycode))

    def _settle(self) -> None:
        """Restore the modifiers and the layout from before the last character."""
        self._typing = None
        while self._undo:
            self._undo.pop()()

    def _lend(self, row: Row) -> int:
        """Lend a spare keycode to a row; return the keycode.

        Raises:
            NoKeyError: all keycodes type something.
        """
        loan = self._spares.lend(row, time.monotonic(), self._down.values())
        if loan is None:
            raise NoKeyError("every key of this keyboard has a meaning already")
        time.sleep(loan.wait)
        self._lenders.note(self._spares.lent)  # before lending: we may be killed at any time
        self._display.change_keyboard_mapping(loan.keycode, [row])
        self._display.sync()
        self._has_changed()  # our own change
        self._load()
        return loan.keycode
