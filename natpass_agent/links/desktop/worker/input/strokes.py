"""How to type one character on a keyboard as it is just now; without I/O."""

from collections.abc import Collection
from dataclasses import dataclass

from natpass_agent.links.desktop.worker.input.keymap import Keymap, KeyPosition
from natpass_agent.links.desktop.worker.input.state import LOCK, SHIFT, KeyboardState


@dataclass(frozen=True, slots=True)
class Stroke:
    """A key, and what has to be in effect when it is pressed.

    Attributes:
        keycode: the key.
        group: the layout.
        set: modifiers that must be in effect, as bits.
        clear: modifiers that must not be.
    """

    keycode: int
    group: int
    set: int
    clear: int


@dataclass(frozen=True, slots=True)
class Held:
    """What the viewer holds.

    Attributes:
        combination: modifiers that make a combination (Ctrl, Alt, Super), as bits.
        shift: whether Shift belongs to it too.
    """

    combination: int = 0
    shift: bool = False


def stroke(keymap: Keymap, keysyms: Collection[int], state: KeyboardState, held: Held, *, cased: bool) -> Stroke | None:
    """Return how to type a character, None if no key of this keyboard can.

    Args:
        keymap: the keyboard.
        keysyms: what stands for the character.
        state: what is in effect.
        held: what the viewer wants in effect beside.
        cased: whether the character has another case, which Caps Lock makes of it.
    """
    for place in keymap.places(keysyms, state.group):
        needed = _needed(place, state, held)
        if needed is not None:
            wanted = needed | held.combination | (SHIFT if held.shift else 0)
            ignored = _ignored(keymap, place, cased=cased)
            return Stroke(place.keycode, place.group, wanted, 0xFF & ~wanted & ~ignored)
    return None


def _needed(place: KeyPosition, state: KeyboardState, held: Held) -> int | None:
    """Return the modifiers that a place needs, None if they contradict what is held."""
    is_set = state.mods & place.type.mask
    for mods in sorted(place.type.ways(place.level), key=lambda mods: (mods ^ is_set).bit_count()):
        if mods & LOCK or held.combination & place.type.mask & ~mods:
            continue
        if held.shift and mods & ~SHIFT & ~held.combination:
            continue  # Shift would make another character of it
        return mods
    return None


def _ignored(keymap: Keymap, place: KeyPosition, *, cased: bool) -> int:
    """Return the locks that make no difference to a place: they are left alone."""
    locks = LOCK if not cased else 0
    return (locks | keymap.number_lock) & ~place.type.mask
