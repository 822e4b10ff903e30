"""How to type one character in the keyboard's current state; without I/O."""

from collections.abc import Collection
from dataclasses import dataclass

from natpass_agent.links.desktop.worker.input.keymap import Keymap, KeyPosition
from natpass_agent.links.desktop.worker.input.state import LOCK, SHIFT, KeyboardState


@dataclass(frozen=True, slots=True)
class Stroke:
    """A key, and the state that its press needs.

    Attributes:
        keycode: the key.
        group: the layout.
        set: modifiers that must be in effect, as bits.
        clear: modifiers that must not be in effect.
    """

    keycode: int
    group: int
    set: int
    clear: int


@dataclass(frozen=True, slots=True)
class Held:
    """The modifiers that the viewer holds.

    Attributes:
        combination: modifiers that make a combination (Ctrl, Alt, Super), as bits.
        shift: whether Shift is part of it.
    """

    combination: int = 0
    shift: bool = False


def stroke(keymap: Keymap, keysyms: Collection[int], state: KeyboardState, held: Held, *, cased: bool) -> Stroke | None:
    """Return how to type a character, None if no key of this keyboard can.

    Args:
        keymap: the keyboard.
        keysyms: the character's keysyms.
        state: the keyboard's state.
        held: the modifiers that the viewer holds.
        cased: whether the character has another case, to which Caps Lock changes it.
    """
    for place in keymap.places(keysyms, state.group):
        needed = _needed(place, state, held)
        if needed is not None:
            wanted = needed | held.combination | (SHIFT if held.shift else 0)
            ignored = _ignored(keymap, place, cased=cased)
            return Stroke(place.keycode, place.group, wanted, 0xFF & ~wanted & ~ignored)
    return None


def _needed(place: KeyPosition, state: KeyboardState, held: Held) -> int | None:
    """Return the modifiers that a position needs, None if the held ones contradict them."""
    is_set = state.mods & place.type.mask
    for mods in sorted(place.type.ways(place.level), key=lambda mods: (mods ^ is_set).bit_count()):
        if mods & LOCK or held.combination & place.type.mask & ~mods:
            continue
        if held.shift and mods & ~SHIFT & ~held.combination:
            continue  # Shift would change the character
        return mods
    return None


def _ignored(keymap: Keymap, place: KeyPosition, *, cased: bool) -> int:
    """Return the locks that do not affect a position: they stay as they are."""
    locks = LOCK if not cased else 0
    return (locks | keymap.number_lock) & ~place.type.mask
