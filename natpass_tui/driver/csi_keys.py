"""Keys that the user's terminal sends as CSI sequences: the kitty protocol's, xterm's, the VT220's.

Textual's parser raises on well-formed parts of them (alternates, event types) and takes the number of a function key
for a character. Numbers are bounded before use. A key of none of the protocols is None.
"""

# Why: docs/decisions/047-input-sequences.md

import re

from textual._keyboard_protocol import FUNCTIONAL_KEYS, MODIFIER_FUNCTIONAL_KEYS
from textual.keys import KEY_NAME_REPLACEMENTS, _character_to_key

_KEY = re.compile(
    r"\x1b\[(?P<code>\d{0,7})(?::(?P<shifted>\d{0,7}))?(?::(?P<base>\d{0,7}))?"
    r"(?:;(?P<modifiers>\d{0,3})(?::(?P<event>\d?))?)?(?:;(?P<text>[\d:]{0,64}))?(?P<final>[u~A-HPQRS])"
)
_KEY_SHAPE = re.compile(r"\x1b\[[\d:;]*[u~A-HPQS]")
_SHIFT, _ALT, _CTRL, _OTHERS = 1, 2, 4, 8 | 16 | 32
_MODIFIERS = {"alt": _ALT, "ctrl": _CTRL, "hyper": 16, "meta": 32, "shift": _SHIFT, "super": 8}
_RELEASE = 3
#: Keys of the VT220 that Textual's table lacks in this form.
_FUNCTION = {"25": "f13", "26": "f14", "28": "f15", "29": "f16", "31": "f17", "32": "f18", "33": "f19", "34": "f20"}
#: Keys that do nothing by themselves.
_SILENT = MODIFIER_FUNCTIONAL_KEYS | {"caps_lock", "num_lock", "scroll_lock"}
_KEYPAD = {"decimal": ".", "divide": "/", "multiply": "*", "subtract": "-", "add": "+", "equal": "=", "separator": ","}
_CHARACTERS = {"enter": "\r", "tab": "\t", "backspace": "\x7f", "escape": "\x1b"}
#: Keys of a US keyboard by their letter on a Russian one, for terminals that do not report the key itself.
_RUSSIAN = dict(zip("йцукенгшщзхъфывапролджэячсмитьбю", "qwertyuiop[]asdfghjkl;'zxcvbnm,.", strict=True))
#: Unicode's private use area, in which the kitty protocol has its functional keys.
_PRIVATE = range(57344, 63744)

#: A key by Textual's name, and the character that it writes.
Press = tuple[str, str | None]


def is_key(sequence: str) -> bool:
    """Tell whether a sequence has the form of a key, known or not."""
    return _KEY_SHAPE.fullmatch(sequence) is not None


def name_of(character: str) -> str:
    """Return Textual's name for the key that writes a character."""
    name = character if character.isalnum() else _character_to_key(character)
    return KEY_NAME_REPLACEMENTS.get(name, name)


def within_alt(character: str) -> str:
    """Return the name of the key that writes a character, held within alt."""
    return f"alt+shift+{character.lower()}" if character.isupper() else f"alt+{name_of(character)}"


def decode(sequence: str) -> tuple[Press, ...] | None:
    """Return what a CSI sequence types: nothing for a release or a modifier, None for an unknown key."""
    match = _KEY.fullmatch(sequence)
    if match is None:
        return None
    code, final = match["code"], match["final"]
    modifiers = max(1, int(match["modifiers"] or 1)) - 1
    event = int(match["event"] or 1)
    text = match["text"] or ""
    if final == "~" and code == "27" and text:  # xterm's form for modifyOtherKeys
        code, text, final = text, "", "u"
    if modifiers > 255 or not 1 <= event <= _RELEASE or (not code.isdigit() and final in "u~"):
        return None
    functional = _functional(code, final)
    if functional is None and final != "u":
        return None
    typed: tuple[Press, ...] | None
    if functional in _SILENT:
        typed = ()
    elif functional is not None and functional not in _KEYPAD and not functional.isdigit():
        plain = not modifiers & (_SHIFT | _ALT | _CTRL | _OTHERS)
        typed = ((_named(functional, modifiers), _CHARACTERS.get(functional) if plain else None),)
    else:
        character = _KEYPAD.get(functional or "", functional) or _character(code)
        typed = _typed(match, character, modifiers, text)
    return () if typed is not None and event == _RELEASE else typed


def _functional(code: str, final: str) -> str | None:
    if final == "~":
        return FUNCTIONAL_KEYS.get(f"{code}~") or _FUNCTION.get(code)
    if final == "u":
        return FUNCTIONAL_KEYS.get(f"{code}u")
    return FUNCTIONAL_KEYS.get(f"1{final}") if code in {"", "1"} else None


def _typed(match: re.Match[str], character: str, modifiers: int, text: str) -> tuple[Press, ...] | None:
    """Return the presses of a key with a character: it writes, or is a chord."""
    characters = [_character(number) for number in text.split(":") if number]
    if not all(characters) or (not character and (match["code"].strip("0") or not characters)):
        return None
    alt, ctrl, shift = modifiers & _ALT, modifiers & _CTRL, modifiers & _SHIFT
    # Alt and ctrl together may be AltGr, and alt alone Option. Then there is a text, and that is what the user typed.
    is_text = not modifiers & _OTHERS and (alt or not ctrl) and (ctrl or not alt or characters != [character])
    if characters and is_text:
        if shift and characters == [" "]:
            return (("shift+space", " "),)  # a chord to some programs
        return tuple((name_of(written), written) for written in characters)
    if not character:
        return None
    shifted = _character(match["shifted"] or "") if shift else ""
    if not modifiers & (_ALT | _CTRL | _OTHERS):
        if shift and character == " ":
            return (("shift+space", " "),)
        written = (shifted or character.upper()) if shift else character
        return tuple((name_of(single), single) for single in written)
    base = _character(match["base"] or "") or (_RUSSIAN.get(character, "") if ctrl else "")
    if base and not character.isascii():
        character = base  # ctrl+с of a Russian keyboard is ctrl+c
    elif shifted and shifted.lower() != character:
        character = shifted  # the name has the character that shift makes, which only the terminal knows
    return ((_named(name_of(character), modifiers), None),)


def _named(name: str, modifiers: int) -> str:
    return "+".join([*(held for held, bit in _MODIFIERS.items() if modifiers & bit), name])


def _character(number: str) -> str:
    """Return the character of a code point; empty if it is not printable."""
    point = int(number) if number.isdecimal() and len(number) <= 7 else 0
    if point > 0x10FFFF or 0xD800 <= point < 0xE000 or point in _PRIVATE:
        return ""
    character = chr(point)
    return character if character.isprintable() else ""
