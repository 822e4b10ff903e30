"""X11's numbers for keys (keysyms), from X.Org's keysymdef.h and XF86keysym.h; without I/O."""

from natpass_agent.links.desktop.worker.keys import Character, Key, Named

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

#: Keysyms of the number pad: which of a pad key's two a press gives depends on Num Lock.
PAD = range(0xFF80, 0xFFBE)


def of(key: Key) -> int:
    """Return a key's keysym."""
    if isinstance(key, Character):
        code = ord(key.text)
        # Latin-1 has the numbers of Unicode; everything else stands behind an offset.
        return code if 0x20 <= code <= 0x7E or 0xA0 <= code <= 0xFF else 0x01000000 | code
    return NAMED[key]


def is_unicode(keysym: int) -> bool:
    """Tell whether a keysym stands for a character by its Unicode number."""
    return 0x01000100 <= keysym <= 0x0110FFFF
