"""Names of keys, and the bytes that xterm sends for them.

A key is named as Textual names it: modifiers joined with ``+`` (``ctrl+shift+left``), then a character (``a``), a
function key (``f5``, ``pageup``) or the name of a punctuation character (``full_stop``).
"""

import unicodedata
from dataclasses import dataclass

_MODIFIERS = {"shift": 1, "alt": 2, "meta": 2, "ctrl": 4, "super": 8, "hyper": 16}
_SHORT_NAMES = {
    "slash": "/", "backslash": "\\", "at": "@", "minus": "-", "plus": "+", "underscore": "_", "space": " ",
    "newline": "\n", "left_square_brace": "[", "right_square_brace": "]",
}  # fmt: skip
_ALIASES = {" ": "space", "return": "enter", "esc": "escape", "page_up": "pageup", "page_down": "pagedown"}

_CURSOR = {"up": "A", "down": "B", "right": "C", "left": "D", "home": "H", "end": "F"}
_EDITING = {"insert": 2, "delete": 3, "pageup": 5, "pagedown": 6}
_FUNCTION = {5: 15, 6: 17, 7: 18, 8: 19, 9: 20, 10: 21, 11: 23, 12: 24, 13: 25, 14: 26, 15: 28, 16: 29, 17: 31, 18: 32}
_FUNCTION |= {19: 33, 20: 34}
_FIXED = {"enter": "\r", "tab": "\t", "backspace": "\x7f", "escape": "\x1b", "space": " "}
FUNCTIONAL = frozenset({*_CURSOR, *_EDITING, *_FIXED, *(f"f{number}" for number in range(1, 25))})


@dataclass(frozen=True, slots=True)
class KeyName:
    """A key taken apart: ``base`` is one of `FUNCTIONAL` or a single character; empty if the name is unknown."""

    base: str
    shift: bool = False
    alt: bool = False
    ctrl: bool = False
    super_: bool = False

    @property
    def modified(self) -> bool:
        """Whether a modifier other than shift is held."""
        return self.alt or self.ctrl or self.super_


def parse(name: str) -> KeyName:
    """Take a key name apart."""
    spelled = f"{name[:-1]}plus" if name == "+" or name.endswith("++") else name
    *modifiers, base = spelled.split("+")
    held = 0
    for modifier in modifiers:
        held |= _MODIFIERS.get(modifier, 0)
    base = _ALIASES.get(base, base)
    if base not in FUNCTIONAL and len(base) > 1:
        base = _character(base)
    if len(base) == 1 and base.isalpha() and base.isupper() and held:
        base, held = base.lower(), held | 1
    return KeyName(base, bool(held & 1), bool(held & 2), bool(held & 4), bool(held & 24))


def canonical(name: str) -> str:
    """A name that is equal for two spellings of one key: ``ctrl+]`` and ``ctrl+right_square_bracket``."""
    key = parse(name)
    flags = {"alt": key.alt, "ctrl": key.ctrl, "shift": key.shift, "super": key.super_}
    return "+".join([*(flag for flag, held in flags.items() if held), key.base])


def _character(name: str) -> str:
    short = _SHORT_NAMES.get(name.removeprefix("upper_"))
    if short is not None:
        return short
    for spelled in (name.replace("_", " "), name.replace("_", "-")):
        try:
            return unicodedata.lookup(spelled.upper())
        except KeyError:
            continue
    return {"less_than_sign": "<", "greater_than_sign": ">"}.get(name, "")


def control_byte(character: str) -> str:
    """The control character that ctrl with this one makes, or the character itself where there is none."""
    upper = character.upper()
    if "@" <= upper <= "_":
        return chr(ord(upper) & 0x1F)
    return {" ": "\x00", "2": "\x00", "3": "\x1b", "4": "\x1c", "5": "\x1d", "6": "\x1e", "7": "\x1f", "8": "\x7f",
            "/": "\x1f", "?": "\x7f", "~": "\x1e", "`": "\x00"}.get(character, character)  # fmt: skip


def encode_xterm(key: KeyName, character: str | None, *, application_cursor: bool) -> bytes:
    """The bytes xterm sends by default (PC style function keys, alt sends escape)."""
    if not key.base and character is None:
        return b""
    if len(key.base) != 1 and key.base in FUNCTIONAL:
        return _encode_functional(key, application_cursor=application_cursor).encode()
    text = character if character and not key.modified else key.base
    if key.ctrl:
        text = control_byte(key.base)
    elif key.shift and key.alt and len(text) == 1:
        text = text.upper()
    return (("\x1b" if key.alt else "") + text).encode()


def _encode_functional(key: KeyName, *, application_cursor: bool) -> str:
    base = key.base
    modifier = 1 + key.shift + 2 * key.alt + 4 * key.ctrl
    if base in _FIXED:
        if base == "tab" and key.shift:
            return ("\x1b" if key.alt else "") + "\x1b[Z"
        text = _FIXED[base]
        if key.ctrl:
            text = {"space": "\x00", "backspace": "\x08"}.get(base, text)
        return ("\x1b" if key.alt else "") + text
    if base in _EDITING:
        return f"\x1b[{_EDITING[base]}~" if modifier == 1 else f"\x1b[{_EDITING[base]};{modifier}~"
    letter = _CURSOR.get(base)
    number = 0 if letter else int(base[1:])
    if letter is None and number <= 4:
        letter = "PQRS"[number - 1]
        application_cursor = True
    if letter is not None:
        if modifier > 1:
            return f"\x1b[1;{modifier}{letter}"
        return f"\x1b{'O' if application_cursor else '['}{letter}"
    code = _FUNCTION.get(number)
    if code is None:
        return ""
    return f"\x1b[{code}~" if modifier == 1 else f"\x1b[{code};{modifier}~"
