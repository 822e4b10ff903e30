"""The names of keys on the wire: robotgo's key names, and single characters; without I/O.

Sources: robotgo's docs/keys.md and its `keyNames`, whose names changed over time. We accept both, and the spellings of
its modifier flags.
"""

# Why: docs/decisions/062-us-keys-of-existing-viewers.md

import unicodedata
from dataclasses import dataclass
from enum import StrEnum

from natpass_wire import us_keyboard


class Named(StrEnum):
    """A key that is not a character. The values are the names that we send."""

    BACKSPACE = "backspace"
    DELETE = "delete"
    ENTER = "enter"
    TAB = "tab"
    ESCAPE = "escape"
    UP = "up"
    DOWN = "down"
    RIGHT = "right"
    LEFT = "left"
    HOME = "home"
    END = "end"
    PAGE_UP = "pageup"
    PAGE_DOWN = "pagedown"
    FN = "fn"
    F1 = "f1"
    F2 = "f2"
    F3 = "f3"
    F4 = "f4"
    F5 = "f5"
    F6 = "f6"
    F7 = "f7"
    F8 = "f8"
    F9 = "f9"
    F10 = "f10"
    F11 = "f11"
    F12 = "f12"
    F13 = "f13"
    F14 = "f14"
    F15 = "f15"
    F16 = "f16"
    F17 = "f17"
    F18 = "f18"
    F19 = "f19"
    F20 = "f20"
    F21 = "f21"
    F22 = "f22"
    F23 = "f23"
    F24 = "f24"
    META = "cmd"
    RIGHT_META = "cmdr"
    ALT = "alt"
    RIGHT_ALT = "altr"
    CONTROL = "ctrl"
    RIGHT_CONTROL = "ctrlr"
    SHIFT = "shift"
    RIGHT_SHIFT = "shiftr"
    CAPS_LOCK = "capslock"
    SPACE = "space"
    PRINT_SCREEN = "printscreen"
    INSERT = "insert"
    MENU = "menu"
    AUDIO_MUTE = "audio_mute"
    AUDIO_DOWN = "audio_vol_down"
    AUDIO_UP = "audio_vol_up"
    AUDIO_PLAY = "audio_play"
    AUDIO_STOP = "audio_stop"
    AUDIO_PAUSE = "audio_pause"
    AUDIO_PREVIOUS = "audio_prev"
    AUDIO_NEXT = "audio_next"
    AUDIO_REWIND = "audio_rewind"
    AUDIO_FORWARD = "audio_forward"
    AUDIO_REPEAT = "audio_repeat"
    AUDIO_RANDOM = "audio_random"
    PAD_0 = "num0"
    PAD_1 = "num1"
    PAD_2 = "num2"
    PAD_3 = "num3"
    PAD_4 = "num4"
    PAD_5 = "num5"
    PAD_6 = "num6"
    PAD_7 = "num7"
    PAD_8 = "num8"
    PAD_9 = "num9"
    NUM_LOCK = "num_lock"
    PAD_DECIMAL = "num."
    PAD_PLUS = "num+"
    PAD_MINUS = "num-"
    PAD_TIMES = "num*"
    PAD_DIVIDE = "num/"
    PAD_CLEAR = "num_clear"
    PAD_ENTER = "num_enter"
    PAD_EQUAL = "num_equal"
    SCREEN_UP = "lights_mon_up"
    SCREEN_DOWN = "lights_mon_down"
    LIGHTS_TOGGLE = "lights_kbd_toggle"
    LIGHTS_UP = "lights_kbd_up"
    LIGHTS_DOWN = "lights_kbd_down"


@dataclass(frozen=True, slots=True)
class Character:
    """A character to type, whichever keys the layout needs for it."""

    text: str


Key = Named | Character

MODIFIERS = frozenset(
    {
        *(Named.SHIFT, Named.RIGHT_SHIFT, Named.CONTROL, Named.RIGHT_CONTROL, Named.ALT, Named.RIGHT_ALT),
        *(Named.META, Named.RIGHT_META, Named.FN),
    }
)

SHIFTS = (Named.SHIFT, Named.RIGHT_SHIFT)

_ALIASES: dict[str, Named] = {
    "esc": Named.ESCAPE,
    "return": Named.ENTER,
    "command": Named.META,
    "cmdl": Named.META,
    "lcmd": Named.META,
    "rcmd": Named.RIGHT_META,
    "altl": Named.ALT,
    "lalt": Named.ALT,
    "ralt": Named.RIGHT_ALT,
    "control": Named.CONTROL,
    "ctrll": Named.CONTROL,
    "lctrl": Named.CONTROL,
    "rctrl": Named.RIGHT_CONTROL,
    "shiftl": Named.SHIFT,
    "lshift": Named.SHIFT,
    "left_shift": Named.SHIFT,
    "rshift": Named.RIGHT_SHIFT,
    "right_shift": Named.RIGHT_SHIFT,
    "caps": Named.CAPS_LOCK,
    "print": Named.PRINT_SCREEN,
    "numpad_lock": Named.NUM_LOCK,
} | {f"numpad_{digit}": Named(f"num{digit}") for digit in range(10)}

#: Characters that have their own named keys.
_CONTROLS = {
    "\b": Named.BACKSPACE,
    "\t": Named.TAB,
    "\n": Named.ENTER,
    "\r": Named.ENTER,
    "\x1b": Named.ESCAPE,
    "\x7f": Named.BACKSPACE,
    " ": Named.SPACE,
}

#: All names of keys that are not characters.
NAMES: frozenset[str] = frozenset(Named) | frozenset(_ALIASES)


def shifted(character: str) -> str:
    """Return the character that a viewer means by a character with Shift held.

    Existing viewers name keys of the US keyboard by what they type without Shift (docs/wire.md §5). Other characters
    become upper case; those without one, or already typed with Shift, stay as they are.
    """
    upper = us_keyboard.SHIFTED.get(character) or character.upper()
    return upper if len(upper) == 1 else character


def parse(name: str) -> Key | None:
    """Return the key for a name on the wire, None if the name is unknown."""
    if len(name) == 1:
        if name in _CONTROLS:
            return _CONTROLS[name]
        # No keyboard has controls, surrogates, private or unassigned characters.
        return None if unicodedata.category(name).startswith("C") else Character(name)
    name = name.lower()
    return _ALIASES.get(name) or (Named(name) if name in NAMES else None)
