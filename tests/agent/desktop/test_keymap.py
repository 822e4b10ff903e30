from natpass_agent.links.desktop.worker.platform.input.keymap import Keymap, Stroke

#: Keycodes 8 to 13: nothing, a, 1, a number pad's 7, Enter, nothing.
ROWS = [[0, 0], [0x61, 0x41], [0x31, 0x21], [0xFF95, 0xFFB7], [0xFF0D, 0], [0, 0]]


def test_keys_and_shifted_keys() -> None:
    keymap = Keymap(8, ROWS)
    assert keymap.stroke(0x61, 0) == Stroke(9, False)
    assert keymap.stroke(0x41, 0) == Stroke(9, True)
    assert keymap.stroke(0x21, 0) == Stroke(10, True)
    assert keymap.stroke(0xFF0D, 0) == Stroke(12, False)
    assert keymap.stroke(0xE9, 0) is None


def test_a_digit_of_the_number_pad_borrows_for_it_depends_on_num_lock() -> None:
    assert Keymap(8, ROWS).stroke(0xFFB7, 0) is None


def test_a_character_of_the_other_layout_borrows() -> None:
    keymap = Keymap(8, [[0x61, 0x41, 0x6C6, 0x6E6], [0, 0, 0, 0]])
    assert keymap.stroke(0x61, 1) is None
    assert keymap.stroke(0x6C6, 1) == Stroke(8, False)
    assert keymap.stroke(0x61, 3) is None


def test_borrowed_keycodes_type_until_there_are_no_more_then_the_oldest_is_used_again() -> None:
    keymap = Keymap(8, ROWS)
    assert keymap.borrow(0xE9, ()) == 13
    assert keymap.stroke(0xE9, 0) == Stroke(13, None)
    assert keymap.borrow(0xE8, ()) == 8
    assert keymap.stroke(0xE9, 0) == Stroke(13, None)  # used last
    assert keymap.borrow(0xE7, ()) == 8
    assert keymap.stroke(0xE8, 0) is None
    assert keymap.borrow(0xE6, {13}) == 8
    assert keymap.borrow(0xE5, {13, 8}) is None


def test_after_a_change_of_the_keyboard_what_is_still_ours_stays() -> None:
    keymap = Keymap(8, ROWS)
    keymap.borrow(0xE9, ())
    keymap.borrow(0xE8, ())
    keymap.load(8, [[0x71, 0x51], *ROWS[1:5], [0xE9, 0xE9]])
    assert dict(keymap.borrowed) == {13: 0xE9}
    assert keymap.stroke(0x71, 0) == Stroke(8, False)


def test_what_others_borrowed_and_left_is_borrowed_last() -> None:
    keymap = Keymap(8, [[0x01000416, 0x01000416], [0, 0]])
    assert keymap.borrow(0xE9, ()) == 9
    assert keymap.borrow(0xE8, ()) == 8
