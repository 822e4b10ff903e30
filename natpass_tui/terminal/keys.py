"""Names of keys, and the bytes that xterm sends for them.

A key has Textual's name: modifiers joined with ``+`` (``ctrl+shift+left``), then a character (``a``), a
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
#: The shifted characters of a US keyboard, for terminals that do not report them.
_SHIFTED = dict(zip("`1234567890-=[]\\;',./", '~!@#$%^&*()_+{}|:"<>?', strict=True))
FUNCTIONAL = frozenset({*_CURSOR, *_EDITING, *_FIXED, *(f"f{number}" for number in range(1, 25))})


@dataclass(frozen=True, slots=True)
class KeyName:
    """A parsed key: ``base`` is one of `FUNCTIONAL` or a single character; empty if the name is unknown."""

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
    """Parse a key name."""
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
    """Return a name that is equal for all spellings of a key: ``ctrl+]`` and ``ctrl+right_square_bracket``.

    Shift is left out if the character implies it, or if ctrl gives the same with and without it: a terminal may report
    ctrl+shift+_ for what others call ctrl+_.
    """
    key = parse(name)
    shift = key.shift and (len(key.base) != 1 or key.base.isalnum())
    flags = {"alt": key.alt, "ctrl": key.ctrl, "shift": shift, "super": key.super_}
    return "+".join([*(flag for flag, held in flags.items() if held), key.base])


def control_character(name: str) -> str:
    """Return the control character that terminals send for a key by default; empty if there is none, or it begins
    sequences."""
    key = parse(name)
    sent = encode_xterm(key, None, application_cursor=False).decode()
    return sent if len(sent) == 1 and sent < " " and sent != "\x1b" else ""


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
    """Return the control character of ctrl with this character, or the character itself if there is none."""
    if "@" <= character <= "~" or character == " ":
        return chr(ord(character) & 0x1F)
    return {"2": "\x00", "3": "\x1b", "4": "\x1c", "5": "\x1d", "6": "\x1e", "7": "\x1f", "8": "\x7f",
            "/": "\x1f", "?": "\x7f"}.get(character, character)  # fmt: skip


def written(key: KeyName, character: str | None) -> str:
    """Return what a key with a character writes, without the effect of ctrl and alt.

    Args:
        key: the key.
        character: what it writes, if the user's terminal reported that.
    """
    if character and character.isprintable() and not key.modified:
        return character
    return _SHIFTED.get(key.base, key.base.upper()) if key.shift else key.base


def encode_xterm(
    key: KeyName,
    character: str | None,
    *,
    application_cursor: bool,
    backarrow: bool = False,
    modify_other_keys: int = 0,
) -> bytes:
    """Return the bytes that xterm sends (PC style function keys, alt sends escape).

    Args:
        key: the key.
        character: what it writes, if the user's terminal reported that.
        application_cursor: whether cursor keys are in application mode (DECCKM).
        backarrow: whether backspace sends BS, and DEL within ctrl (DECBKM).
        modify_other_keys: 0, or 1 if the application asked for keys that otherwise have no bytes of their own.
    """
    if (not key.base and character is None) or key.super_:
        return b""  # the super key belongs to the desktop; xterm does not encode it
    if len(key.base) != 1 and key.base in FUNCTIONAL:
        return _encode_functional(key, application_cursor, backarrow, modify_other_keys > 0).encode()
    text = written(key, character)
    if key.ctrl:
        control = control_byte(text)
        if modify_other_keys and len(text) == 1 and control in {text, "\x7f"} and text != "8":
            return _modified(key, text)
        text = control
    return (("\x1b" if key.alt else "") + text).encode()


def has_modified_form(key: KeyName) -> bool:
    """Tell whether a key reports its modifiers in every mode: cursor and function keys, and shift+tab."""
    return key.base in FUNCTIONAL and (key.base not in _FIXED or _is_backtab(key))


def _is_backtab(key: KeyName) -> bool:
    return key.base == "tab" and key.shift and not key.ctrl and not key.alt


def _modifier(key: KeyName) -> int:
    return 1 + key.shift + 2 * key.alt + 4 * key.ctrl


def _modified(key: KeyName, text: str) -> bytes:
    return f"\x1b[27;{_modifier(key)};{ord(text)}~".encode()


def _encode_functional(key: KeyName, application_cursor: bool, backarrow: bool, other_keys: bool) -> str:
    base = key.base
    modifier = _modifier(key)
    if base in _FIXED:
        return _encode_fixed(key, backarrow, other_keys)
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


def _encode_fixed(key: KeyName, backarrow: bool, other_keys: bool) -> str:
    """Return the bytes of a key that has a character."""
    base = key.base
    if base == "tab" and key.shift:
        return "\x1b[Z"
    if other_keys and ((key.ctrl and base in {"enter", "tab"}) or (key.shift and base == "enter")):
        return _modified(key, _FIXED[base]).decode()
    text = _FIXED[base]
    if base == "backspace" and key.ctrl != backarrow:
        text = "\x08"
    elif base == "space" and key.ctrl:
        text = "\x00"
    return ("\x1b" if key.alt else "") + text
