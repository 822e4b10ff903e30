import struct

import pytest

from natpass_agent.links.desktop.worker.input.keymap import KeyGroups, Keymap, KeyType
from natpass_agent.links.desktop.worker.input.state import CONTROL, LOCK, SHIFT, KeyboardState
from natpass_agent.links.desktop.worker.input.strokes import Held, Stroke, stroke
from natpass_agent.links.desktop.worker.input.xkb_map import parse_map

ALT, NUM, ALT_GR = 8, 16, 128
ONE = KeyType(0, {})
ALPHABETIC = KeyType(SHIFT | LOCK, {SHIFT: 1, LOCK: 1})
FOUR = KeyType(SHIFT | ALT_GR, {SHIFT: 1, ALT_GR: 2, SHIFT | ALT_GR: 3})
KEYPAD = KeyType(SHIFT | NUM, {SHIFT: 1, NUM: 1})
A, Q, EIGHT, BRACKET, ZHE = (ord("a"), ord("A")), (ord("q"), ord("Q"), ord("@")), ord("8"), ord("["), (0x6D6, 0x6F6)
SHIFT_L, LEVEL_3, NUM_LOCK, CAPS, ENTER = 0xFFE1, 0xFE03, 0xFF7F, 0xFFE5, 0xFF0D

#: A little of a German keyboard, with a second layout on its first key. 20 and 21 type nothing; 21 is a modifier.
KEYS = {
    10: KeyGroups(((ALPHABETIC, A), (ALPHABETIC, ZHE))),
    11: KeyGroups(((FOUR, Q),)),
    12: KeyGroups(((FOUR, (EIGHT, ord("("), BRACKET)),)),
    13: KeyGroups(((KEYPAD, (0xFF95, 0xFFB7)),)),
    14: KeyGroups(((ONE, (ENTER,)),)),
    15: KeyGroups(((ONE, (SHIFT_L,)),)),
    16: KeyGroups(((ONE, (LEVEL_3,)),)),
    17: KeyGroups(((ONE, (NUM_LOCK,)),)),
    18: KeyGroups(((ONE, (CAPS,)),)),
    20: KeyGroups(((ONE, (0,)),)),
}
MODIFIERS = {15: SHIFT, 16: ALT_GR, 17: NUM, 18: LOCK, 21: ALT}
KEYMAP = Keymap(KEYS, MODIFIERS, range(10, 23))


def how(
    keysym: int, state: KeyboardState | None = None, held: Held | None = None, *, cased: bool = False
) -> tuple[int, int, int] | None:
    """Return keycode, group, and the modifiers that must be in effect."""
    found = stroke(KEYMAP, [keysym], state or KeyboardState(), held or Held(), cased=cased)
    return (found.keycode, found.group, found.set) if found is not None else None


def test_a_character_needs_the_modifiers_of_its_level_and_no_others() -> None:
    assert how(ord("a")) == (10, 0, 0)
    assert how(ord("A")) == (10, 0, SHIFT)
    assert how(ord("@")) == (11, 0, ALT_GR)
    assert how(0xE9) is None


@pytest.mark.parametrize("mods", [SHIFT, ALT_GR, LOCK, CONTROL | ALT, 0xFF])
def test_whatever_is_in_effect(mods: int) -> None:
    state = KeyboardState(base=mods)
    assert [how(ord(text), state, cased=text.isalpha()) for text in "aA@"] == [
        (10, 0, 0),
        (10, 0, SHIFT),
        (11, 0, ALT_GR),
    ]
    found = stroke(KEYMAP, [ord("a")], state, Held(), cased=True)
    assert found == Stroke(10, 0, 0, 0xFF & ~NUM)


def test_locks_are_left_alone_where_they_make_no_difference() -> None:
    eight = stroke(KEYMAP, [EIGHT], KeyboardState(locked=LOCK | NUM), Held(), cased=False)
    assert eight == Stroke(12, 0, 0, 0xFF & ~(LOCK | NUM))
    pad = stroke(KEYMAP, [0xFFB7], KeyboardState(locked=NUM), Held(), cased=False)
    assert pad == Stroke(13, 0, NUM, 0xFF & ~(LOCK | NUM))


def test_another_layout_is_chosen_where_the_present_one_has_not_got_it() -> None:
    assert how(ZHE[0]) == (10, 1, 0)
    assert how(ZHE[0], KeyboardState(group=1)) == (10, 1, 0)
    assert how(ord("a"), KeyboardState(group=1)) == (10, 0, 0)
    assert how(ord("q"), KeyboardState(group=1)) == (11, 1, 0)  # a key with one layout has it in each


def test_a_combination_keeps_its_modifiers_and_its_shift() -> None:
    assert how(ord("a"), held=Held(CONTROL)) == (10, 0, CONTROL)
    assert how(ord("a"), held=Held(CONTROL, shift=True)) == (10, 0, CONTROL | SHIFT)
    assert how(BRACKET, held=Held(CONTROL)) == (12, 0, CONTROL | ALT_GR)
    assert how(BRACKET, held=Held(CONTROL, shift=True)) is None  # with Shift and AltGr the key types something else


def test_names_are_keys_that_need_no_modifiers() -> None:
    assert KEYMAP.key(ENTER, 0) == 14
    assert KEYMAP.key(0xFFB7, 0) is None
    assert KEYMAP.key(ZHE[0], 1) == 10


def test_modifiers_and_free_keycodes() -> None:
    assert KEYMAP.level_mods == SHIFT | LOCK | ALT_GR | NUM
    assert KEYMAP.number_lock == NUM
    assert [KEYMAP.holder(bit) for bit in (SHIFT, ALT_GR, NUM, CONTROL)] == [15, 16, None, None]
    assert KEYMAP.free == [19, 20, 22]
    assert [KEYMAP.row(code) for code in (10, 14, 20, 22)] == [A, (ENTER,), (), ()]


@pytest.mark.parametrize(("elsewhere", "group", "used"), [(None, 2, 0), (None, 3, 1), (-1, 3, 1), (1, 2, 1), (3, 2, 0)])
def test_layouts_that_a_key_has_not(elsewhere: int | None, group: int, used: int) -> None:
    key = KeyGroups(((ONE, (1,)), (ONE, (2,))), elsewhere)
    assert key.in_group(group) == key.groups[used]


def reply() -> bytes:
    """Return a reply to GetMap, as the specification draws it."""
    types = struct.pack("=BBHBBBx", SHIFT | ALT_GR, 1, 4, 3, 3, 1)
    types += struct.pack("=BBBBHxx", 1, SHIFT, 1, SHIFT, 0) + struct.pack("=BBBBHxx", 1, ALT_GR, 2, 0, 4)
    types += struct.pack("=BBBBHxx", 0, 0, 1, 0, 8) + bytes(3 * 4)  # the last is about a modifier that there is not
    types += struct.pack("=BBHBBBx", 0, 0, 0, 1, 0, 0)
    keysyms = struct.pack("=4BBBH3I", 0, 0, 0, 0, 1 | 0x40, 3, 3, *Q)
    keysyms += struct.pack("=4BBBH", 0, 0, 0, 0, 0, 0, 0)
    keysyms += struct.pack("=4BBBH2I", 1, 1, 0, 0, 2 | 0x80 | 1 << 4, 1, 2, SHIFT_L, CAPS)
    actions = bytes([0, 0, 1, 0]) + bytes([1, 4, ALT_GR, 0, 0, 0, 0, 0])
    modifiers = bytes([10, LOCK, 12, SHIFT])
    head = struct.pack(
        "=2xBBHBBBBHBBHBBBBBBBBBBBBBxH", 10, 12, 7, 0, 2, 2, 10, 5, 3, 10, 1, 3, *[0] * 6, 10, 3, 2, *[0] * 4
    )
    return head + types + keysyms + actions + modifiers


def test_a_reply_of_the_server_is_taken_apart() -> None:
    keymap = parse_map(reply())
    four = KeyType(SHIFT | ALT_GR, {SHIFT: 1, ALT_GR: 2})
    assert keymap.keys == {
        10: KeyGroups(((four, Q),), -1),
        12: KeyGroups(((KeyType(0, {}), (SHIFT_L,)), (KeyType(0, {}), (CAPS,))), 1),
    }
    assert keymap.modifiers == {10: LOCK, 12: ALT_GR}  # what the key does, not what the modifier map says
    assert keymap.free == [11]
