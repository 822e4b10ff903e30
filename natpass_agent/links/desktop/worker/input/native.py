"""Pointer and keyboard of Windows or macOS, through pynput. Not tested on these systems."""

import sys
from typing import Any

from pynput import keyboard, mouse

from natpass_agent.links.desktop.worker.errors import DesktopError, NoKeyError
from natpass_agent.links.desktop.worker.input import Button
from natpass_agent.links.desktop.worker.keys import MODIFIERS, SHIFTS, Character, Key, Named, shifted

_BUTTONS = {Button.LEFT: mouse.Button.left, Button.MIDDLE: mouse.Button.middle, Button.RIGHT: mouse.Button.right}

#: pynput's names of keys; not every system has every one.
_KEYS: dict[Named, str] = {
    Named.BACKSPACE: "backspace",
    Named.DELETE: "delete",
    Named.ENTER: "enter",
    Named.PAD_ENTER: "enter",
    Named.TAB: "tab",
    Named.ESCAPE: "esc",
    Named.UP: "up",
    Named.DOWN: "down",
    Named.RIGHT: "right",
    Named.LEFT: "left",
    Named.HOME: "home",
    Named.END: "end",
    Named.PAGE_UP: "page_up",
    Named.PAGE_DOWN: "page_down",
    Named.META: "cmd",
    Named.RIGHT_META: "cmd_r",
    Named.ALT: "alt_l",
    Named.RIGHT_ALT: "alt_r",
    Named.CONTROL: "ctrl_l",
    Named.RIGHT_CONTROL: "ctrl_r",
    Named.SHIFT: "shift_l",
    Named.RIGHT_SHIFT: "shift_r",
    Named.CAPS_LOCK: "caps_lock",
    Named.SPACE: "space",
    Named.PRINT_SCREEN: "print_screen",
    Named.INSERT: "insert",
    Named.MENU: "menu",
    Named.NUM_LOCK: "num_lock",
    Named.AUDIO_MUTE: "media_volume_mute",
    Named.AUDIO_DOWN: "media_volume_down",
    Named.AUDIO_UP: "media_volume_up",
    Named.AUDIO_PLAY: "media_play_pause",
    Named.AUDIO_PAUSE: "media_play_pause",
    Named.AUDIO_PREVIOUS: "media_previous",
    Named.AUDIO_NEXT: "media_next",
} | {Named(f"f{number}"): f"f{number}" for number in range(1, 25)}
#: Keys of the number pad type the same characters as others.
_CHARACTERS: dict[Named, str] = {
    Named.PAD_DECIMAL: ".",
    Named.PAD_PLUS: "+",
    Named.PAD_MINUS: "-",
    Named.PAD_TIMES: "*",
    Named.PAD_DIVIDE: "/",
    Named.PAD_EQUAL: "=",
} | {Named(f"num{digit}"): str(digit) for digit in range(10)}


#: Flags of Windows' KEYBDINPUT: the event types a character, independent of layout and locks; the key goes up.
_UNICODE, _KEY_UP = 0x0004, 0x0002


class _WindowsCharacter(keyboard.KeyCode):
    """A character typed as itself; pynput's own may press a key of its thread's layout, subject to Caps Lock."""

    def _parameters(self, is_press: bool) -> dict[str, int]:
        """Return the parameters for `SendInput`.

        Raises:
            ValueError: the character has two UTF-16 units.
        """
        code = ord(self.char or "")
        if code > 0xFFFF:
            raise ValueError("a character of two units")
        return {"dwFlags": _UNICODE | (0 if is_press else _KEY_UP), "wVk": 0, "wScan": code}


class NativeDevices:
    """The pointer and the keyboard of the user's session."""

    def __init__(self) -> None:
        self._mouse = mouse.Controller()
        self._keyboard = keyboard.Controller()
        #: The pressed keys, with pynput's names.
        self._down: dict[Key, Any] = {}
        #: The pressed character for which the viewer's Shift was lifted.
        self._typing: Key | None = None

    def move(self, x: int, y: int) -> None:
        """Move the pointer."""
        self._mouse.position = (x, y)

    def press_button(self, button: Button) -> None:
        """Press a button."""
        self._mouse.press(_BUTTONS[button])

    def release_button(self, button: Button) -> None:
        """Release a button."""
        self._mouse.release(_BUTTONS[button])

    def scroll(self, x: int, y: int) -> None:
        """Turn the wheel; pynput's x > 0 is to the right."""
        self._mouse.scroll(-x, y)

    def press_key(self, key: Key) -> None:
        """Press a key. Outside combinations a character is typed as itself, without the Shift that the viewer holds."""
        self._settle()
        native = _native(key)
        if isinstance(key, Character) and not any(held in MODIFIERS and held not in SHIFTS for held in self._down):
            native = self._character(key)
        try:
            self._keyboard.press(native)
        except (keyboard.Controller.InvalidKeyException, ValueError) as error:
            self._settle()
            raise NoKeyError("the keyboard can't type that") from error
        self._down[key] = native

    def release_key(self, key: Key) -> None:
        """Release a key, and press Shift again if the key lifted it."""
        native = self._down.pop(key, None)
        if native is not None:
            self._keyboard.release(native)
        if self._typing == key:
            self._settle()

    def _character(self, key: Character) -> Any:
        """Return pynput's key for a character outside a combination, and lift Shift."""
        text = key.text
        if held := [shift for shift in SHIFTS if shift in self._down]:
            text = shifted(text)
            self._typing = key
            for shift in held:
                self._keyboard.release(self._down[shift])
        return _WindowsCharacter.from_char(text) if sys.platform == "win32" else text

    def _settle(self) -> None:
        """Press a lifted Shift again if the viewer still holds it."""
        if self._typing is not None:
            self._typing = None
            for shift in SHIFTS:
                if shift in self._down:
                    self._keyboard.press(self._down[shift])

    def secure_attention(self) -> None:
        """Send Windows' secure attention sequence (Ctrl+Alt+Del); a no-op on macOS, which has none.

        Windows ignores a program's own Ctrl+Alt+Del. `SendSAS` needs the agent to run as a service, or the policy
        "Disable or enable software Secure Attention Sequence" to allow it to applications.
        """
        if sys.platform == "win32":
            import ctypes  # noqa: PLC0415 - its windll exists on Windows only

            try:
                ctypes.windll.LoadLibrary("sas.dll").SendSAS(0)
            except OSError as error:
                raise DesktopError("this Windows has no sas.dll: Ctrl+Alt+Del cannot be sent") from error

    def close(self) -> None:
        """No-op: nothing is held."""


def _native(key: Key) -> Any:
    if isinstance(key, Character):
        return key.text
    if key in _CHARACTERS:
        return _CHARACTERS[key]
    found = getattr(keyboard.Key, _KEYS.get(key, ""), None)
    if found is None:
        raise NoKeyError(f"this system's keyboard has no key {key.value}")
    return found
