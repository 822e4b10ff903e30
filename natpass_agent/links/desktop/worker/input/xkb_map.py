"""Parses the body of XKEYBOARD's reply to GetMap; without I/O.

Layout: "The X Keyboard Extension: Protocol Specification", appendix "Protocol encoding", `kbGetMap`.
"""

import struct

from natpass_agent.links.desktop.worker.input.keymap import KeyGroups, Keymap, KeyType

#: The parts to ask for: types, keysyms, modifier map, actions.
PARTS = 0b10111

#: The reply's head, from after its length. We need the keycodes, and the size of each part that follows.
_HEAD = struct.Struct("=2xBBHBBBBHBBHBBBBBBBBBBBBBxH")
_TYPE = struct.Struct("=BBHBBBx")
_ENTRY = struct.Struct("=BBBBHxx")
_KEEP_BYTES = 4
_KEY = struct.Struct("=4BBBH")
#: An action: its type, flags, modifiers.
_ACTION = struct.Struct("=BBB5x")
#: The type of an action that sets modifiers while the key is down.
_SETS_MODIFIERS = 1
_GROUPS = 0x0F
_CLAMPS, _REDIRECTS = 0x40, 0x80


def parse_map(body: bytes) -> Keymap:
    """Return the map of a reply; `body` follows its first 8 bytes, in this machine's byte order."""
    head = _HEAD.unpack_from(body)
    least, most, _, _, type_count, _, first_key, _, key_count, first_acting, action_count, acting_count = head[:12]
    modifier_keys = head[20]
    at = _HEAD.size
    types: list[KeyType] = []
    for _ in range(type_count):
        mask, _, _, _, entries, keeps = _TYPE.unpack_from(body, at)
        at += _TYPE.size
        levels: dict[int, int] = {}
        for _ in range(entries):
            is_active, mods, level, _, _ = _ENTRY.unpack_from(body, at)
            at += _ENTRY.size
            if is_active:  # otherwise it needs a virtual modifier that this keyboard lacks
                levels[mods] = level
        at += entries * _KEEP_BYTES if keeps else 0
        types.append(KeyType(mask, levels))
    keys: dict[int, KeyGroups] = {}
    for keycode in range(first_key, first_key + key_count):
        *of_groups, info, width, count = _KEY.unpack_from(body, at)
        at += _KEY.size
        keysyms = struct.unpack_from(f"={count}I", body, at)
        at += 4 * count
        groups = [
            (types[of_groups[group]], keysyms[group * width : (group + 1) * width]) for group in range(info & _GROUPS)
        ]
        if groups:
            keys[keycode] = KeyGroups(tuple(groups), _elsewhere(info))
    counts = body[at : at + acting_count]
    actions = at = at + acting_count + -acting_count % 4
    at += action_count * _ACTION.size
    modifiers = {body[index]: body[index + 1] for index in range(at, at + 2 * modifier_keys, 2)}
    for keycode, count in enumerate(counts, first_acting):
        kind, _, mods = _ACTION.unpack_from(body, actions) if count else (0, 0, 0)
        if kind == _SETS_MODIFIERS:  # the action without modifiers; the modifier map may have more for it, or nothing
            modifiers[keycode] = mods
        actions += count * _ACTION.size
    return Keymap(keys, modifiers, range(least, most + 1))


def _elsewhere(info: int) -> int | None:
    """Return the group that a key uses in groups that it lacks; None: they wrap around, -1: its last one."""
    if info & _REDIRECTS:
        return info >> 4 & 3
    return -1 if info & _CLAMPS else None
