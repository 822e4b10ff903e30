"""Turns a viewer's messages into input, and releases all keys and buttons at the end."""

# Why: docs/decisions/056-desktops-out-of-reach.md

import logging

from natpass_agent.links.desktop.worker.errors import NoKeyError
from natpass_agent.links.desktop.worker.input import Button, Devices
from natpass_agent.links.desktop.worker.keys import MODIFIERS, Key, parse
from natpass_wire.pb.desktop_pb2 import VncKeyboard, VncMouse, VncScroll, VncStatus
from natpass_wire.pb.envelope_pb2 import Msg, MsgType

log = logging.getLogger(__name__)

#: The most keys that are down at once: more than a person's fingers; each may hold a lent keycode.
MOST_KEYS = 16
#: The most wheel clicks of one message in each direction: a hostile number must not scroll for hours.
MOST_CLICKS = 64
#: No screen is larger: the systems' coordinates have 16 or 32 bits, with a sign.
MOST_PIXEL = 0x7FFF

_BUTTONS = {VncMouse.left: Button.LEFT, VncMouse.middle: Button.MIDDLE, VncMouse.right: Button.RIGHT}


class Controls:
    """The viewer's input, and what it holds down.

    Args:
        devices: the pointer and keyboard to use.
    """

    def __init__(self, devices: Devices) -> None:
        self._devices = devices
        self._buttons: set[Button] = set()
        self._keys: dict[Key, None] = {}  # in the order they were pressed
        #: The number of invalid messages.
        self.ignored = 0

    def take(self, message: Msg) -> bool:
        """Carry out an input message; return whether it was one.

        Raises:
            DesktopError: the desktop is gone.
        """
        match message.type:
            case MsgType.vnc_mouse:
                self._mouse(message.vmouse)
            case MsgType.vnc_keyboard:
                self._keyboard(message.vkbd)
            case MsgType.vnc_scroll:
                self._scroll(message.vscroll)
            case MsgType.vnc_cad:
                self._devices.secure_attention()
            case _:
                return False
        return True

    @property
    def is_holding(self) -> bool:
        """Whether a key or a button is down."""
        return bool(self._keys or self._buttons)

    def release_all(self) -> None:
        """Release all buttons and keys, the last key first.

        Raises:
            DesktopError: the desktop is gone.
        """
        for button in list(self._buttons):
            self._buttons.discard(button)
            self._devices.release_button(button)
        for key in reversed(list(self._keys)):
            del self._keys[key]
            self._devices.release_key(key)

    def _mouse(self, mouse: VncMouse) -> None:
        self._devices.move(min(mouse.x, MOST_PIXEL), min(mouse.y, MOST_PIXEL))
        button = _BUTTONS.get(mouse.btn)
        if mouse.type == VncStatus.vnc_status_unset:
            return
        if button is None:
            self.ignored += 1
        elif mouse.type == VncStatus.vnc_down and button not in self._buttons:
            self._buttons.add(button)
            self._devices.press_button(button)
        elif mouse.type == VncStatus.vnc_up and button in self._buttons:
            self._buttons.discard(button)
            self._devices.release_button(button)

    def _keyboard(self, keyboard: VncKeyboard) -> None:
        key = parse(keyboard.key)
        if key is None:
            self.ignored += 1
            log.debug("unknown key name (%d characters)", len(keyboard.key))
        elif keyboard.type == VncStatus.vnc_down:
            self._press(key)
        elif keyboard.type == VncStatus.vnc_up and key in self._keys:
            del self._keys[key]
            self._devices.release_key(key)

    def _press(self, key: Key) -> None:
        if key in self._keys:
            if key in MODIFIERS:
                return
            del self._keys[key]
            self._devices.release_key(key)  # the viewer's keyboard repeats it
        if len(self._keys) >= MOST_KEYS:
            self.ignored += 1
            return
        try:
            self._devices.press_key(key)
        except NoKeyError as error:
            self.ignored += 1
            log.warning("a key could not be pressed: %s", error)
        else:
            self._keys[key] = None

    def _scroll(self, scroll: VncScroll) -> None:
        x, y = (max(-MOST_CLICKS, min(clicks, MOST_CLICKS)) for clicks in (scroll.x, scroll.y))
        self._devices.scroll(x, y)
