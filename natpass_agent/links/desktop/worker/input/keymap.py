"""The keymap of an X server's keyboard: what each key types, by modifiers and layout; without I/O.

A keyboard has keycodes (8 to 255). Each key has a row of keysyms for each **group** (layout); which keysym of the row a
press gives, its **level**, depends on the modifiers that the row's **type** looks at: Shift, Caps Lock, AltGr, ...
The words are XKEYBOARD's.
"""

# Why: docs/decisions/060-a-character-is-the-statement.md

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from natpass_agent.links.desktop.worker.input.keysyms import HOLDERS, LEVEL_KEYS, NUM_LOCK
from natpass_agent.links.desktop.worker.input.state import LOCK, SHIFT

#: The filler of a row where it has no keysym.
NO_SYMBOL = 0


def _subsets(mask: int) -> Iterator[int]:
    """Yield the sets of modifiers within a mask, the smaller ones first."""
    found = [mods for mods in range(mask + 1) if mods & ~mask == 0]
    yield from sorted(found, key=lambda mods: (mods.bit_count(), mods))


@dataclass(frozen=True)
class KeyType:
    """How modifiers choose a level.

    Attributes:
        mask: the modifiers that matter, as bits.
        levels: the level for some sets of them; for all others it is 0.
    """

    mask: int
    levels: Mapping[int, int]
    _ways: dict[int, list[int]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Find the modifiers for each level."""
        ways: dict[int, list[int]] = defaultdict(list)
        for mods in _subsets(self.mask):
            ways[self.levels.get(mods, 0)].append(mods)
        object.__setattr__(self, "_ways", dict(ways))

    def ways(self, level: int) -> list[int]:
        """Return the sets of modifiers, all within `mask`, that give a level: the smaller ones first."""
        return self._ways.get(level, [])


@dataclass(frozen=True, slots=True)
class KeyGroups:
    """What a key types.

    Attributes:
        groups: type and keysyms by level, for each of the key's groups.
        elsewhere: the group that the key uses while the keyboard is in a group that the key lacks; -1: its last one,
            None: they wrap around.
    """

    groups: tuple[tuple[KeyType, tuple[int, ...]], ...]
    elsewhere: int | None = None

    def in_group(self, group: int) -> tuple[KeyType, tuple[int, ...]]:
        """Return type and keysyms while the keyboard is in `group`."""
        count = len(self.groups)
        if group < count:
            return self.groups[group]
        if self.elsewhere is None:
            return self.groups[group % count]
        return self.groups[self.elsewhere if self.elsewhere < count else 0]


@dataclass(frozen=True, slots=True)
class KeyPosition:
    """Where a keysym is: a key, and the group and level that it is typed in."""

    keycode: int
    group: int
    level: int
    type: KeyType


class Keymap:
    """A keyboard as the server describes it.

    Args:
        keys: what each key types; missing keycodes type nothing.
        modifiers: the modifiers that keys hold or lock, by keycode, as bits.
        keycodes: the keyboard's keycodes.
    """

    def __init__(self, keys: Mapping[int, KeyGroups], modifiers: Mapping[int, int], keycodes: range) -> None:
        self.keys = keys
        self.modifiers = modifiers
        self.group_count = max((len(key.groups) for key in keys.values()), default=1)
        symbols = {code: {keysym for _, row in key.groups for keysym in row} for code, key in keys.items()}
        #: Keycodes that type nothing and are not modifiers.
        self.free = [code for code in keycodes if symbols.get(code, set()) <= {NO_SYMBOL} and not modifiers.get(code)]
        self._places: list[dict[int, list[KeyPosition]]] = [defaultdict(list) for _ in range(self.group_count)]
        for keycode, key in keys.items():
            for group, places in enumerate(self._places):
                kind, row = key.in_group(group)
                for level, keysym in enumerate(row):
                    if keysym != NO_SYMBOL:
                        places[keysym].append(KeyPosition(keycode, group, level, kind))
        #: Modifiers that choose a level instead of making a combination: Shift, the locks, AltGr.
        self.level_mods = SHIFT | LOCK
        #: Num Lock's modifier, as a bit.
        self.number_lock = 0
        for keycode, bits in modifiers.items():
            if symbols.get(keycode, set()) & LEVEL_KEYS:
                self.level_mods |= bits
            if NUM_LOCK in symbols.get(keycode, set()):
                self.number_lock |= bits

    def places(self, keysyms: Collection[int], group: int) -> list[KeyPosition]:
        """Return the positions of these keysyms: `group` first, then low levels, then low keycodes."""
        groups = [group % self.group_count, *range(self.group_count)]
        at = [self._places[number].get(keysym, ()) for number in dict.fromkeys(groups) for keysym in keysyms]
        found = [place for places in at for place in places]
        # As people type: one of a key's first two levels before AltGr. (Sorting is stable.)
        return sorted(found, key=lambda place: (place.group != groups[0], place.level > 1, place.keycode))

    def key(self, keysym: int, group: int) -> int | None:
        """Return the key that types a keysym without modifiers, None if there is none."""
        return next((place.keycode for place in self.places([keysym], group) if place.level == 0), None)

    def holder(self, modifier: int) -> int | None:
        """Return a key that holds one modifier while it is down, None if there is none."""
        for keycode, bits in self.modifiers.items():
            key = self.keys.get(keycode)
            if bits == modifier and key is not None and HOLDERS.intersection(key.in_group(0)[1][:1]):
                return keycode
        return None

    def row(self, keycode: int) -> tuple[int, ...]:
        """Return the keysyms of a key's first group, without trailing empty ones."""
        key = self.keys.get(keycode)
        row = list(key.groups[0][1]) if key is not None else []
        while row and row[-1] == NO_SYMBOL:
            row.pop()
        return tuple(row)
