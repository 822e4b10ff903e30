"""Turns a terminal's keys into a desktop's: presses and releases, with modifiers that can be latched.

A terminal reports the typed text, not which keys went down and up. So each key is sent as a press and a release, inside
the presses and releases of its modifiers. Combinations that a terminal cannot report, or that the user's own desktop
intercepts (alt+tab), are typed with latched modifiers or chosen by name.

Names are those of robotgo's key table (docs/wire.md §2): ``esc``, ``pageup``, ``cmd`` (the Windows key), or one
character.

A character (``A``, ``@``, ``é``) is sent as itself, without the modifiers that it needs on some keyboard: our agents
add theirs. Existing agents press the key of that name. They ignore names that their own page does not send, and a
capital letter hangs them (`for_existing`, `existing_name`).
"""

# Why: docs/decisions/062-us-keys-of-existing-viewers.md
# Why: docs/decisions/094-keys-that-np-clis-page-sends.md

from dataclasses import dataclass
from enum import Enum, auto

from natpass_tui.terminal.keys import FUNCTIONAL, parse
from natpass_wire import us_keyboard

#: The modifiers in the order in which they are pressed; they are released in reverse.
MODIFIERS = ("ctrl", "alt", "shift", "cmd")
_NAMES = {"escape": "esc", "\t": "tab", "\r": "enter", "\n": "enter", " ": "space"}

#: Named keys that np-cli's own page sends; its worker knows no others from 0.7.3 on.
EXISTING_NAMES = frozenset(
    {
        *("backspace", "delete", "enter", "tab", "esc", "space", *MODIFIERS),
        *("up", "down", "right", "left", "home", "end", "pageup", "pagedown"),
        *(f"f{number}" for number in range(1, 13)),
    }
)
#: Our name for a key → np-cli's, if that is another.
_EXISTING_NAME = {"ctrl": "control"}

#: Robotgo name, True for down.
KeyEvent = tuple[str, bool]


@dataclass(frozen=True, slots=True)
class KeyPress:
    """One key with the modifiers to hold meanwhile, by robotgo's names."""

    key: str
    modifiers: tuple[str, ...] = ()


#: Combinations to choose by name, and what they type. Ctrl+Alt+Del is a separate message.
COMBINATIONS: dict[str, KeyPress] = {
    "Alt+Tab": KeyPress("tab", ("alt",)),
    "Alt+F4": KeyPress("f4", ("alt",)),
    "Super": KeyPress("cmd"),
    "Ctrl+Esc": KeyPress("esc", ("ctrl",)),
    "Print Screen": KeyPress("printscreen"),
    "Alt+Print Screen": KeyPress("printscreen", ("alt",)),
    "Ctrl+Shift+Esc": KeyPress("esc", ("ctrl", "shift")),
    "Alt+Esc": KeyPress("esc", ("alt",)),
    "Alt+Space": KeyPress("space", ("alt",)),
    "Super+L": KeyPress("l", ("cmd",)),
    "Super+D": KeyPress("d", ("cmd",)),
    "Super+R": KeyPress("r", ("cmd",)),
    "Menu": KeyPress("menu"),
}


def stroke(key: str, character: str | None) -> KeyPress | None:
    """Return the remote key for a key typed in the terminal, None if there is none.

    Args:
        key: the key, by Textual's name.
        character: the character that it types, if any.
    """
    if key in {"ctrl+@", "ctrl+at"}:  # ctrl+space and ctrl+@ are one byte, and only the first is useful
        return KeyPress("space", ("ctrl",))
    name = parse(key)
    held = {"ctrl": name.ctrl, "alt": name.alt, "shift": name.shift, "cmd": name.super_}
    modifiers = [modifier for modifier in MODIFIERS if held[modifier]]
    if name.base in FUNCTIONAL:
        return KeyPress(_NAMES.get(name.base, name.base), tuple(modifiers))
    typed = character if character and len(character) == 1 and character.isprintable() else None
    text = typed if typed and not name.modified else name.base
    text = _NAMES.get(text, text)
    if not text or (len(text) == 1 and not text.isprintable()):
        return None
    return KeyPress(text, tuple(modifiers))


def for_existing(typed: KeyPress) -> KeyPress | None:
    """Return the key that types the same at an existing agent, None if there is none.

    np-cli's worker searches the keys that the keyboard types without modifiers, and never stops for a capital letter.
    So it gets the unshifted US key, with shift if needed, as its own page sends it (docs/wire.md §5). It ignores other
    names.
    """
    if typed.key in us_keyboard.SHIFTED or typed.key in EXISTING_NAMES:
        return typed
    if typed.key not in us_keyboard.UNSHIFTED:
        return None
    held = {*typed.modifiers, "shift"}
    modifiers = tuple(modifier for modifier in MODIFIERS if modifier in held)
    return KeyPress(us_keyboard.UNSHIFTED[typed.key], modifiers)


def existing_name(name: str) -> str:
    """Return an existing agent's name for a key; our agents know it as well."""
    return _EXISTING_NAME.get(name, name)


def is_punctuation(typed: KeyPress) -> bool:
    """Return whether it is a key that np-cli on Linux does not type: neither letter nor digit nor a named key."""
    return len(typed.key) == 1 and not typed.key.isalnum()


class Latch(Enum):
    """The state of a modifier: off, latched for the next key or click, or held until it is released."""

    OFF = auto()
    NEXT = auto()
    HELD = auto()


class Keyboard:
    """The latched and pressed modifiers. Methods return the events to send, in order."""

    def __init__(self) -> None:
        self._latches = dict.fromkeys(MODIFIERS, Latch.OFF)
        self._clicking: frozenset[str] = frozenset()

    @property
    def latches(self) -> dict[str, Latch]:
        """The latched modifiers, in order."""
        return {name: latch for name, latch in self._latches.items() if latch is not Latch.OFF}

    @property
    def is_holding(self) -> bool:
        """Whether a modifier is down at the remote."""
        return bool(self._down())

    def latch(self, modifier: str) -> list[KeyEvent]:
        """Latch a modifier for the next key; the second time: hold it down; the third time: release it."""
        before = self._down()
        following = {Latch.OFF: Latch.NEXT, Latch.NEXT: Latch.HELD, Latch.HELD: Latch.OFF}
        self._latches[modifier] = following[self._latches[modifier]]
        return _between(before, self._down())

    def type(self, typed: KeyPress) -> list[KeyEvent]:
        """Press and release a key with its modifiers and the latched ones."""
        before = self._down()
        held = before | self._take_latched() | set(typed.modifiers)
        return [*_between(before, held), (typed.key, True), (typed.key, False), *_between(held, before)]

    def press(self, modifiers: tuple[str, ...] = ()) -> list[KeyEvent]:
        """Press the modifiers of a click, and the latched ones, until `release`."""
        before = self._down()
        self._clicking = self._take_latched() | set(modifiers)
        return _between(before, self._down())

    def release(self) -> list[KeyEvent]:
        """Release the modifiers of a click."""
        before = self._down()
        self._clicking = frozenset()
        return _between(before, self._down())

    def release_all(self) -> list[KeyEvent]:
        """Release everything, and forget the latches."""
        before = self._down()
        self._clicking = frozenset()
        self._latches = dict.fromkeys(MODIFIERS, Latch.OFF)
        return _between(before, frozenset())

    def _down(self) -> frozenset[str]:
        """Return the modifiers that are down at the remote."""
        return self._clicking | {name for name, latch in self._latches.items() if latch is Latch.HELD}

    def _take_latched(self) -> frozenset[str]:
        """Return the modifiers latched for the next key, and unlatch them."""
        latched = frozenset(name for name, latch in self._latches.items() if latch is Latch.NEXT)
        self._latches |= dict.fromkeys(latched, Latch.OFF)
        return latched


def _between(before: frozenset[str], after: frozenset[str]) -> list[KeyEvent]:
    """Return the events that lead from one set of pressed modifiers to another."""
    return [(name, False) for name in reversed(MODIFIERS) if name in before - after] + [
        (name, True) for name in MODIFIERS if name in after - before
    ]
