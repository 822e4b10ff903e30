"""Presses keys on an X server, as a keyboard does."""

from Xlib import XK, X
from Xlib.display import Display
from Xlib.ext import xtest

_NAMES = {" ": "space", "\r": "Return", "/": "slash", ">": "greater", "-": "minus", ".": "period", "_": "underscore"}


def press(display: Display, text: str) -> None:
    """Press the keys of a US keyboard for a text; the focused window, or the pointer's, gets them."""
    shift = display.keysym_to_keycode(XK.string_to_keysym("Shift_L"))
    for character in text:
        keysym = XK.string_to_keysym(_NAMES.get(character, character))
        code = display.keysym_to_keycode(keysym)
        assert code, f"no key for {character!r}"
        is_shifted = display.keycode_to_keysym(code, 0) != keysym
        if is_shifted:
            xtest.fake_input(display, X.KeyPress, shift)
        xtest.fake_input(display, X.KeyPress, code)
        xtest.fake_input(display, X.KeyRelease, code)
        if is_shifted:
            xtest.fake_input(display, X.KeyRelease, shift)
    display.sync()
