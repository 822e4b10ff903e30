"""Modifiers and group of a keyboard at one moment, without I/O."""

from dataclasses import dataclass

#: The modifiers that every keyboard has, as bits of a mask. Which of Mod1 to Mod5 is what, the keyboard's map says.
SHIFT, LOCK, CONTROL = 1, 2, 4


@dataclass(frozen=True, slots=True)
class KeyboardState:
    """What is in effect.

    Attributes:
        base: modifiers whose keys are down, as bits.
        latched: modifiers that are latched for the next key.
        locked: modifiers that are locked, such as Caps Lock's.
        group: the layout in effect, from 0.
        locked_group: the part of it that is locked; the rest comes from keys that are down.
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
