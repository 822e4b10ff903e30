"""Encodes keys with libghostty, for the kitty keyboard protocol and modifyOtherKeys.

Its encoder sends unknown forms to applications that asked for neither (`CSI 109 ; 5 u` for ctrl+m), so those get the
bytes of `natpass_tui.terminal.keys`.
"""

from typing import Any

from pyghostty._ffi import ffi, lib

from natpass_tui.terminal.keys import KeyName, control_byte, written

_NAMES = {
    "up": "ARROW_UP", "down": "ARROW_DOWN", "left": "ARROW_LEFT", "right": "ARROW_RIGHT", "home": "HOME", "end": "END",
    "insert": "INSERT", "delete": "DELETE", "pageup": "PAGE_UP", "pagedown": "PAGE_DOWN", "enter": "ENTER",
    "tab": "TAB", "backspace": "BACKSPACE", "escape": "ESCAPE", "space": "SPACE",
    "`": "BACKQUOTE", "\\": "BACKSLASH", "[": "BRACKET_LEFT", "]": "BRACKET_RIGHT", ",": "COMMA", "=": "EQUAL",
    "-": "MINUS", ".": "PERIOD", "'": "QUOTE", ";": "SEMICOLON", "/": "SLASH",
    **{str(digit): f"DIGIT_{digit}" for digit in range(10)},
    **{chr(97 + index): chr(65 + index) for index in range(26)},
    **{f"f{number}": f"F{number}" for number in range(1, 25)},
}  # fmt: skip
_SHIFT, _CTRL, _ALT, _SUPER = 1, 2, 4, 8
_BUFFER = 128


class KeyEncoder:
    """One encoder and one event, reused for every key."""

    def __init__(self, terminal: Any) -> None:
        self._terminal = terminal
        self._encoder = ffi.new("GhosttyKeyEncoder*")
        self._event = ffi.new("GhosttyKeyEvent*")
        if lib.ghostty_key_encoder_new(ffi.NULL, self._encoder) or lib.ghostty_key_event_new(ffi.NULL, self._event):
            raise MemoryError
        self._out = ffi.new("char[]", _BUFFER)
        self._size = ffi.new("size_t*")

    def close(self) -> None:
        """Free both."""
        lib.ghostty_key_event_free(self._event[0])
        lib.ghostty_key_encoder_free(self._encoder[0])

    def encode(self, key: KeyName, character: str | None) -> bytes:
        """Return the bytes for one press of a key."""
        if not key.base and not character:
            return b""
        if character == "\n" and key.base == "j":
            # A terminal that sends the bare byte does so for ctrl+j, and for keys that its user bound to it
            # (shift+enter).
            return b"\n"
        event = self._event[0]
        text = self._text(key, character)
        base = key.base if len(key.base) != 1 else key.base.lower()
        name = _NAMES.get(base, "UNIDENTIFIED")
        lib.ghostty_key_event_set_action(event, lib.GHOSTTY_KEY_ACTION_PRESS)
        lib.ghostty_key_event_set_key(event, getattr(lib, f"GHOSTTY_KEY_{name}"))
        mods = _SHIFT * key.shift | _CTRL * key.ctrl | _ALT * key.alt | _SUPER * key.super_
        lib.ghostty_key_event_set_mods(event, mods)
        lib.ghostty_key_event_set_consumed_mods(event, _SHIFT if key.shift and text else 0)
        # The event keeps a pointer, so the bytes must stay alive until it is encoded.
        encoded = ffi.from_buffer("char[]", text.encode("utf-8", "replace"))
        lib.ghostty_key_event_set_utf8(event, encoded, len(encoded))
        point = ord(base) if len(base) == 1 else 0x20 if base == "space" else 0
        lib.ghostty_key_event_set_unshifted_codepoint(event, point)
        lib.ghostty_key_encoder_setopt_from_terminal(self._encoder[0], self._terminal)
        result = lib.ghostty_key_encoder_encode(self._encoder[0], event, self._out, _BUFFER, self._size)
        if result:
            return text.encode("utf-8", "replace") if result == lib.GHOSTTY_OUT_OF_SPACE else b""
        sent = bytes(ffi.buffer(self._out, self._size[0]))
        if not sent and key.ctrl and len(key.base) == 1:
            # Ctrl with punctuation has a byte only in the old table (ctrl+/ is 0x1f), which the encoder lacks.
            return (b"\x1b" if key.alt else b"") + control_byte(key.base).encode()
        return sent

    @staticmethod
    def _text(key: KeyName, character: str | None) -> str:
        """Return what the key types, without the effect of ctrl and alt."""
        if key.base == "space":
            return " "
        if len(key.base) != 1:
            return character if character and character.isprintable() and not key.base else ""
        return written(key, character)
