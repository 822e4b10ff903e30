"""Keys of a terminal as a desktop needs them: pressed and released, with modifiers that can be latched.

A terminal says what was typed, not which keys went down and up. So each key is sent as a press and a release, inside
the presses and releases of its modifiers. Combinations that a terminal cannot say, or that the user's own desktop keeps
for itself (alt+tab), are typed with latched modifiers or chosen by name.

Names are those of robotgo's key table (docs/wire.md §2): ``esc``, ``pageup``, ``cmd`` (the Windows key), or one
character.

A character (``A``, ``@``, ``é``) is sent as itself, without the modifiers that make it on some keyboard: our agents
know theirs. Existing agents press the key that is called so, and hang for ever where there is none (`for_existing`).
"""

# Why: docs/decisions/062-us-keys-of-existing-viewers.md

from dataclasses import dataclass
from enum import Enum, auto

from natpass_tui.terminal.keys import FUNCTIONAL, parse
from natpass_wire import us_keyboard

#: In the order in which they are pressed; released the other way round.
MODIFIERS = ("ctrl", "alt", "shift", "cmd")
_NAMES = {"escape": "esc", "\t": "tab", "\r": "enter", "\n": "enter", " ": "space"}

#: Keys by name that every X keyboard types without modifiers; F13 and on are with Shift, or not there.
EXISTING_NAMES = frozenset(
    {
        *("backspace", "delete", "enter", "tab", "esc", "space", "printscreen", "insert", "menu", *MODIFIERS),
        *("up", "down", "right", "left", "home", "end", "pageup", "pagedown"),
        *(f"f{number}" for number in range(1, 13)),
    }
)

#: Robotgo name, True for down.
KeyEvent = tuple[str, bool]


@dataclass(frozen=True, slots=True)
class KeyPress:
    """One key with the modifiers to hold meanwhile, as robotgo names them."""

    key: str
    modifiers: tuple[str, ...] = ()


#: Combinations to choose by name: what they are called, and what is typed. Ctrl+Alt+Del is a message of its own.
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
    """Return what a key typed in the terminal stands for, None if it has no name over there.

    Args:
        key: as Textual names it.
        character: what it writes, if anything.
    """
    if key in {"ctrl+@", "ctrl+at"}:  # ctrl+space and ctrl+@ are one byte, and the first is the one with a use
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
    """Return what types the same at an existing agent, None if nothing does.

    np-cli's worker looks a key up among those that the keyboard types without modifiers, and never stops looking where
    there is none: so it gets the unshifted US key, within shift if need be, as its own page sends it (docs/wire.md §5).
    """
    if typed.key in us_keyboard.SHIFTED or typed.key in EXISTING_NAMES:
        return typed
    if typed.key not in us_keyboard.UNSHIFTED:
        return None
    held = {*typed.modifiers, "shift"}
    modifiers = tuple(modifier for modifier in MODIFIERS if modifier in held)
    return KeyPress(us_keyboard.UNSHIFTED[typed.key], modifiers)


class Latch(Enum):
    """What a latched modifier does: nothing, belong to the next key or click, or stay down until it is released."""

    OFF = auto()
    NEXT = auto()
    HELD = auto()


class Keyboard:
    """Which modifiers are latched or down. Methods return what to send, in order."""

    def __init__(self) -> None:
        self._latches = dict.fromkeys(MODIFIERS, Latch.OFF)
        self._clicking: frozenset[str] = frozenset()

    @property
    def latches(self) -> dict[str, Latch]:
        """The modifiers that are latched, in their order."""
        return {name: latch for name, latch in self._latches.items() if latch is not Latch.OFF}

    @property
    def is_holding(self) -> bool:
        """Whether a modifier is down over there."""
        return bool(self._down())

    def latch(self, modifier: str) -> list[KeyEvent]:
        """Latch a modifier for the next key; a second time: hold it down; a third time: release it."""
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
        """Return the modifiers that are down over there."""
        return self._clicking | {name for name, latch in self._latches.items() if latch is Latch.HELD}

    def _take_latched(self) -> frozenset[str]:
        """Return the modifiers latched for the next key, and use them up."""
        latched = frozenset(name for name, latch in self._latches.items() if latch is Latch.NEXT)
        self._latches |= dict.fromkeys(latched, Latch.OFF)
        return latched


def _between(before: frozenset[str], after: frozenset[str]) -> list[KeyEvent]:
    """Return what leads from some modifiers being down to others."""
    return [(name, False) for name in reversed(MODIFIERS) if name in before - after] + [
        (name, True) for name in MODIFIERS if name in after - before
    ]
