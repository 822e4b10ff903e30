"""The state of a keyboard: modifiers and group; without I/O."""

from dataclasses import dataclass

#: The modifiers that every keyboard has, as bits of a mask. The keyboard's map says what Mod1 to Mod5 are.
SHIFT, LOCK, CONTROL = 1, 2, 4


@dataclass(frozen=True, slots=True)
class KeyboardState:
    """The modifiers and the layout in effect.

    Attributes:
        base: modifiers whose keys are down, as bits.
        latched: modifiers that are latched for the next key.
        locked: modifiers that are locked, such as Caps Lock's.
        group: the layout in effect, from 0.
        locked_group: the locked part of it; the rest comes from keys that are down.
    """

    base: int = 0
    latched: int = 0
    locked: int = 0
    group: int = 0
    locked_group: int = 0

    @property
    def mods(self) -> int:
        """The modifiers in effect."""
        return self.base | self.latched | self.locked
