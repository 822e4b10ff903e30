"""X11's numbers for keys (keysyms), from X.Org's keysymdef.h and XF86keysym.h; without I/O."""

import unicodedata

from natpass_agent.links.desktop.worker.keys import Character, Key, Named
from natpass_wire import us_keyboard

_XF86 = 0x1008FF00

NAMED: dict[Named, int] = (
    {
        Named.BACKSPACE: 0xFF08,
        Named.DELETE: 0xFFFF,
        Named.ENTER: 0xFF0D,
        Named.TAB: 0xFF09,
        Named.ESCAPE: 0xFF1B,
        Named.UP: 0xFF52,
        Named.DOWN: 0xFF54,
        Named.RIGHT: 0xFF53,
        Named.LEFT: 0xFF51,
        Named.HOME: 0xFF50,
        Named.END: 0xFF57,
        Named.PAGE_UP: 0xFF55,
        Named.PAGE_DOWN: 0xFF56,
        Named.FN: 0x100811D0,  # XF86Fn
        Named.META: 0xFFEB,  # Super_L
        Named.RIGHT_META: 0xFFEC,
        Named.ALT: 0xFFE9,
        Named.RIGHT_ALT: 0xFFEA,
        Named.CONTROL: 0xFFE3,
        Named.RIGHT_CONTROL: 0xFFE4,
        Named.SHIFT: 0xFFE1,
        Named.RIGHT_SHIFT: 0xFFE2,
        Named.CAPS_LOCK: 0xFFE5,
        Named.SPACE: 0x20,
        Named.PRINT_SCREEN: 0xFF61,
        Named.INSERT: 0xFF63,
        Named.MENU: 0xFF67,
        Named.AUDIO_MUTE: _XF86 + 0x12,
        Named.AUDIO_DOWN: _XF86 + 0x11,
        Named.AUDIO_UP: _XF86 + 0x13,
        Named.AUDIO_PLAY: _XF86 + 0x14,
        Named.AUDIO_STOP: _XF86 + 0x15,
        Named.AUDIO_PAUSE: _XF86 + 0x31,
        Named.AUDIO_PREVIOUS: _XF86 + 0x16,
        Named.AUDIO_NEXT: _XF86 + 0x17,
        Named.AUDIO_REWIND: _XF86 + 0x3E,
        Named.AUDIO_FORWARD: _XF86 + 0x97,
        Named.AUDIO_REPEAT: _XF86 + 0x98,
        Named.AUDIO_RANDOM: _XF86 + 0x99,
        Named.NUM_LOCK: 0xFF7F,
        Named.PAD_DECIMAL: 0xFFAE,
        Named.PAD_PLUS: 0xFFAB,
        Named.PAD_MINUS: 0xFFAD,
        Named.PAD_TIMES: 0xFFAA,
        Named.PAD_DIVIDE: 0xFFAF,
        Named.PAD_CLEAR: 0xFF0B,  # Clear
        Named.PAD_ENTER: 0xFF8D,
        Named.PAD_EQUAL: 0xFFBD,
        Named.SCREEN_UP: _XF86 + 0x02,
        Named.SCREEN_DOWN: _XF86 + 0x03,
        Named.LIGHTS_TOGGLE: _XF86 + 0x04,
        Named.LIGHTS_UP: _XF86 + 0x05,
        Named.LIGHTS_DOWN: _XF86 + 0x06,
    }
    | {Named(f"f{number}"): 0xFFBD + number for number in range(1, 25)}
    | {Named(f"num{digit}"): 0xFFB0 + digit for digit in range(10)}
)

NUM_LOCK = 0xFF7F
#: Keysyms of keys that choose a level while they are down: Shift_L, Shift_R, Mode_switch, ISO_Level3_Shift (AltGr),
#: ISO_Level5_Shift.
HOLDERS = frozenset({0xFFE1, 0xFFE2, 0xFF7E, 0xFE03, 0xFE11})
#: These, and those that latch or lock a level: ISO_Level2_Latch, ISO_Level3_Latch and _Lock, ISO_Level5_Latch and
#: _Lock, Caps_Lock, Shift_Lock.
LEVEL_KEYS = HOLDERS | {0xFE02, 0xFE04, 0xFE05, 0xFE12, 0xFE13, 0xFFE5, 0xFFE6, NUM_LOCK}
#: Keys to use where a keyboard lacks one: AltGr is in the place of the right Alt key.
INSTEAD = {Named.RIGHT_ALT: 0xFE03}

#: Character sets whose keysyms are older than Unicode: the high byte is the set, the low one the code in it.
_OLDER = {
    0x100: "iso8859_2",
    0x200: "iso8859_3",
    0x300: "iso8859_4",
    0x500: "iso8859_6",
    0x600: "koi8_u",
    0x700: "iso8859_7",
    0xC00: "iso8859_8",
    0xD00: "tis_620",
}
#: Where X's sets differ from those, and X's own sets: the first keysym, and the characters from it on.
_OTHERS = {
    0x4A1: "。「」、・ヲァィゥェォャュョッーアイウエオカキクケコサシスセソタチツテト",
    0x4C5: "ナニヌネノハヒフヘホマミムメモヤユヨラリルレロワン゛゜",
    0x6A1: "ђѓёєѕіїјљњћќґўџ№ЂЃЁЄЅІЇЈЉЊЋЌҐЎЏ",
    0x7A1: "ΆΈΉΊΪ",
    0x7A7: "ΌΎΫ",
    0x7AB: "Ώ",
    0x7AE: "΅―",
    0x7B1: "άέήίϊΐόύϋΰώ",
    0x7D2: "Σ",
    0x7F2: "σς",
    0xAA9: "—–",
    0xAAE: "…",
    0xAC9: "™",
    0xAD0: "‘’“”",
    0xAE6: "•",
    0xAF1: "†‡",
    0xAFD: "‚„",
    0x13BC: "ŒœŸ",
    0x20AC: "€",
}


def _older() -> dict[str, list[int]]:
    codes = range(0xA1, 0x100)
    found = {base | code: bytes([code]).decode(name, "ignore") for base, name in _OLDER.items() for code in codes}
    found |= {first + index: text for first, texts in _OTHERS.items() for index, text in enumerate(texts)}
    by_text: dict[str, list[int]] = {}
    for keysym, text in found.items():
        # A Latin-1 character has one keysym; KOI8's drawing characters are not in X's set.
        if text and text > "\xff" and unicodedata.category(text) != "So":
            by_text.setdefault(text, []).append(keysym)
    return by_text


_OLDER_BY_TEXT = _older()


def of(key: Key) -> int:
    """Return a key's keysym."""
    if isinstance(key, Character):
        code = ord(key.text)
        # Latin-1 has Unicode's numbers; all others have an offset.
        return code if 0x20 <= code <= 0x7E or 0xA0 <= code <= 0xFF else 0x01000000 | code
    return NAMED[key]


def all_of(character: str) -> tuple[int, ...]:
    """Return all keysyms that a keyboard may have for a character, the one that `of` returns first."""
    return (of(Character(character)), *_OLDER_BY_TEXT.get(character, ()))


def row(character: str) -> tuple[int, int]:
    """Return what a character's key types without and with Shift: as on a keyboard, both cases are on one key."""
    lower = us_keyboard.UNSHIFTED.get(character, character.lower())
    upper = us_keyboard.SHIFTED.get(character, character.upper())
    both = (lower, upper) if len(lower) == len(upper) == 1 else (character, character)
    first, second = (of(Character(text)) for text in both)
    return first, second


def is_unicode(keysym: int) -> bool:
    """Tell whether a keysym stands for a character by its Unicode number."""
    return 0x01000100 <= keysym <= 0x0110FFFF
