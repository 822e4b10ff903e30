"""One key is the console's, all others are the remote's."""

import pytest

from natpass_tui.links import kinds
from natpass_tui.model.prefix import RESERVED, Action, Choice, PrefixKeys, rows


def test_keys_without_the_prefix_are_not_ours() -> None:
    keys = PrefixKeys("ctrl+]", kinds())
    assert [keys.press(key) for key in ("q", "ctrl+q", "ctrl+c", "f1", "escape", "n")] == [False] * 6


@pytest.mark.parametrize(("key", "choice"), [(key, row.choice) for row in rows(kinds()) for key in row.key.keys])
def test_the_key_after_the_prefix_is_an_action(key: str, choice: Choice) -> None:
    keys = PrefixKeys("ctrl+]", kinds())
    assert keys.press("ctrl+]") is None
    assert keys.press(key) == choice
    assert keys.press(key) is False


def test_the_keys_are_those_that_hands_have_learnt() -> None:
    found = {}
    for key in map(chr, range(0x21, 0x7F)):
        keys = PrefixKeys("ctrl+]", kinds())
        keys.press("ctrl+]")
        choice = keys.press(key)
        if isinstance(choice, Choice) and choice.action is not Action.UNKNOWN:
            found[key] = choice
    assert set(found) == set("np123456789fcx[:?qkvdt")
    assert (found["v"], found["d"]) == (Choice(Action.OPEN, name="desktop"),) * 2
    assert not RESERVED & set(found)


def test_the_prefix_twice_is_the_prefix_itself() -> None:
    keys = PrefixKeys("f12", kinds())
    keys.press("f12")
    assert keys.press("f12") == Choice(Action.SEND_PREFIX)


def test_a_digit_after_the_prefix_is_a_tab() -> None:
    keys = PrefixKeys("ctrl+]", kinds())
    keys.press("ctrl+]")
    assert keys.press("7") == Choice(Action.TAB, 7)


def test_a_key_that_means_nothing_after_the_prefix_is_told_but_for_escape() -> None:
    keys = PrefixKeys("ctrl+]", kinds())
    for key in ("z", "ctrl+a", "é", "f5", *RESERVED):
        keys.press("ctrl+]")
        assert keys.armed
        choice = keys.press(key)
        assert isinstance(choice, Choice)
        assert (choice, choice.key) == (Choice(Action.UNKNOWN), key)
        assert keys.press(key) is False
    keys.press("ctrl+]")
    assert keys.press("escape") is None
    assert keys.press("n") is False
