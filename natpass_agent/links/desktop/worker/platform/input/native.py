"""Pointer and keyboard of Windows or macOS, through pynput. Not tested on these systems."""

import sys
from typing import Any

from pynput import keyboard, mouse

from natpass_agent.links.desktop.worker.errors import DesktopError, NoKeyError
from natpass_agent.links.desktop.worker.keys import Character, Key, Named
from natpass_agent.links.desktop.worker.platform.input import Button

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


class NativeDevices:
    """The pointer and the keyboard of the user's session."""

    def __init__(self) -> None:
        self._mouse = mouse.Controller()
        self._keyboard = keyboard.Controller()

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
        """Press a key."""
        try:
            self._keyboard.press(_native(key))
        except (keyboard.Controller.InvalidKeyException, ValueError) as error:
            raise NoKeyError("the keyboard can't type that") from error

    def release_key(self, key: Key) -> None:
        """Release a key."""
        self._keyboard.release(_native(key))

    def secure_attention(self) -> None:
        """Windows: the secure attention sequence, which only a service (or a policy) may ask for; macOS: no such thing.

        A program's own Ctrl+Alt+Del is not taken by Windows. `SendSAS` needs the agent to run as a service, or the
        policy "Disable or enable software Secure Attention Sequence" to allow applications it.
        """
        if sys.platform == "win32":
            import ctypes  # noqa: PLC0415 - its windll exists on Windows only

            try:
                ctypes.windll.LoadLibrary("sas.dll").SendSAS(0)
            except OSError as error:
                raise DesktopError("this Windows has no sas.dll: Ctrl+Alt+Del cannot be sent") from error

    def close(self) -> None:
        """Nothing is held."""


def _native(key: Key) -> Any:
    if isinstance(key, Character):
        return key.text
    if key in _CHARACTERS:
        return _CHARACTERS[key]
    found = getattr(keyboard.Key, _KEYS.get(key, ""), None)
    if found is None:
        raise NoKeyError(f"this system's keyboard has no key {key.value}")
    return found
