import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from natpass_tui.links.desktop.keys import (
    COMBINATIONS,
    MODIFIERS,
    Keyboard,
    KeyEvent,
    KeyPress,
    Latch,
    existing_name,
    for_existing,
    is_punctuation,
    stroke,
)
from tests.agent.links.desktop.existing_worker import ExistingWorker

#: The names of robotgo's key table that we send (go-vgo/robotgo, key.go and docs/keys.md), besides single characters.
ROBOTGO = {
    *("backspace", "delete", "enter", "tab", "esc", "up", "down", "right", "left", "home", "end", "pageup", "pagedown"),
    *(f"f{number}" for number in range(1, 25)),
    *("cmd", "alt", "ctrl", "shift", "space", "printscreen", "insert", "menu"),
}


@pytest.mark.parametrize(
    ("key", "character", "expected"),
    [
        ("a", "a", KeyPress("a")),
        ("A", "A", KeyPress("A")),
        ("upper_a", "A", KeyPress("A")),
        ("4", "4", KeyPress("4")),
        ("at", "@", KeyPress("@")),
        ("full_stop", ".", KeyPress(".")),
        ("plus", "+", KeyPress("+")),
        ("minus", "-", KeyPress("-")),
        ("é", "é", KeyPress("é")),
        ("ß", "ß", KeyPress("ß")),
        ("É", "É", KeyPress("É")),
        ("space", " ", KeyPress("space")),
        ("enter", "\r", KeyPress("enter")),
        ("tab", "\t", KeyPress("tab")),
        ("shift+tab", None, KeyPress("tab", ("shift",))),
        ("escape", "\x1b", KeyPress("esc")),
        ("backspace", "\x7f", KeyPress("backspace")),
        ("ctrl+h", "\x08", KeyPress("h", ("ctrl",))),
        ("delete", None, KeyPress("delete")),
        ("pageup", None, KeyPress("pageup")),
        ("f12", None, KeyPress("f12")),
        ("ctrl+x", "\x18", KeyPress("x", ("ctrl",))),
        ("ctrl+left", None, KeyPress("left", ("ctrl",))),
        ("ctrl+shift+left", None, KeyPress("left", ("ctrl", "shift"))),
        ("alt+x", None, KeyPress("x", ("alt",))),
        ("alt+shift+x", None, KeyPress("x", ("alt", "shift"))),
        ("alt+enter", None, KeyPress("enter", ("alt",))),
        ("ctrl+@", "\x00", KeyPress("space", ("ctrl",))),
        ("ctrl+right_square_bracket", "\x1d", KeyPress("]", ("ctrl",))),
        ("ctrl+]", None, KeyPress("]", ("ctrl",))),
        ("super+l", None, KeyPress("l", ("cmd",))),
    ],
)
def test_what_a_key_of_the_terminal_stands_for(key: str, character: str | None, expected: KeyPress) -> None:
    assert stroke(key, character) == expected


@pytest.mark.parametrize("key", ["<cursor-position-report>", "ignore", "no_such_key_at_all", ""])
def test_what_has_no_name_over_there(key: str) -> None:
    assert stroke(key, None) is None


@given(st.text(max_size=12), st.one_of(st.none(), st.characters()))
def test_any_key_is_a_name_of_the_table_or_nothing(key: str, character: str | None) -> None:
    found = stroke(key, character)
    if found is not None:
        assert found.key in ROBOTGO or (len(found.key) == 1 and found.key.isprintable())
        assert set(found.modifiers) <= set(MODIFIERS)


@pytest.mark.parametrize("character", [chr(code) for code in range(0x20, 0x7F)])
def test_an_existing_agent_gets_unshifted_keys_that_it_has(character: str) -> None:
    typed = stroke(character, character)
    assert typed is not None
    known = for_existing(typed)
    assert known is not None
    worker = ExistingWorker()
    for name, is_down in Keyboard().type(known):
        worker.take(existing_name(name), is_down=is_down)
    assert worker.typed == character
    assert not worker.down


@pytest.mark.parametrize("key", ["é", "€", "中", "ß", "f13", "f24", "insert", "menu", "printscreen"])
def test_what_an_existing_agent_does_not_have_is_not_for_it(key: str) -> None:
    assert for_existing(KeyPress(key)) is None


@given(st.text(max_size=12), st.one_of(st.none(), st.characters()), st.sets(st.sampled_from(MODIFIERS)))
def test_no_key_makes_an_existing_agent_hang(key: str, character: str | None, held: set[str]) -> None:
    typed = stroke(key, character)
    known = for_existing(KeyPress(typed.key, tuple(held))) if typed is not None else None
    worker = ExistingWorker()
    for name, is_down in Keyboard().type(known) if known is not None else []:
        worker.take(existing_name(name), is_down=is_down)


def test_combinations_are_there_at_existing_agents_or_refused() -> None:
    refused = {name for name, typed in COMBINATIONS.items() if for_existing(typed) is None}
    assert refused == {"Print Screen", "Alt+Print Screen", "Menu"}  # np-cli's page has no such keys
    for name in COMBINATIONS.keys() - refused:
        assert for_existing(COMBINATIONS[name]) == COMBINATIONS[name]


def test_an_existing_agent_knows_control_by_its_own_name() -> None:
    worker = ExistingWorker()
    for name, _ in Keyboard().type(KeyPress("c", MODIFIERS)):
        worker.take(existing_name(name), is_down=True)
    assert worker.down[:5] == ["control", "alt", "shift", "cmd", "c"]


@pytest.mark.parametrize(("key", "expected"), [("-", True), ("`", True), ("a", False), ("5", False), ("space", False)])
def test_what_an_existing_agent_on_linux_ignores(key: str, *, expected: bool) -> None:
    assert is_punctuation(KeyPress(key)) is expected


def test_combinations_are_names_of_the_table() -> None:
    for typed in COMBINATIONS.values():
        assert typed.key in ROBOTGO or typed.key in string.ascii_lowercase


def down(*names: str) -> list[KeyEvent]:
    return [(name, True) for name in names]


def up(*names: str) -> list[KeyEvent]:
    return [(name, False) for name in names]


def test_a_key_is_pressed_and_released_inside_its_modifiers() -> None:
    keyboard = Keyboard()
    assert keyboard.type(KeyPress("x", ("ctrl", "shift"))) == [*down("ctrl", "shift", "x"), *up("x", "shift", "ctrl")]
    assert keyboard.type(KeyPress("x")) == [*down("x"), *up("x")]


def test_a_latch_belongs_to_the_next_key() -> None:
    keyboard = Keyboard()
    assert keyboard.latch("alt") == []
    assert keyboard.latch("ctrl") == []
    assert keyboard.latches == {"ctrl": Latch.NEXT, "alt": Latch.NEXT}
    assert keyboard.type(KeyPress("t")) == [*down("ctrl", "alt", "t"), *up("t", "alt", "ctrl")]
    assert keyboard.latches == {}
    assert keyboard.type(KeyPress("t")) == [*down("t"), *up("t")]


def test_a_held_modifier_stays_down_until_its_third_press() -> None:
    keyboard = Keyboard()
    keyboard.latch("alt")
    assert keyboard.latch("alt") == down("alt")
    assert keyboard.latches == {"alt": Latch.HELD}
    assert keyboard.type(KeyPress("tab")) == [*down("tab"), *up("tab")]
    assert keyboard.type(KeyPress("tab", ("alt", "shift"))) == [*down("shift", "tab"), *up("tab", "shift")]
    assert keyboard.latch("alt") == up("alt")
    assert keyboard.latches == {}


def test_a_click_holds_its_modifiers_until_the_button_is_released() -> None:
    keyboard = Keyboard()
    keyboard.latch("shift")
    assert keyboard.press(("ctrl",)) == down("ctrl", "shift")
    assert keyboard.type(KeyPress("a", ("ctrl",))) == [*down("a"), *up("a")]
    assert keyboard.release() == up("shift", "ctrl")
    assert keyboard.release() == []


actions = st.one_of(
    st.tuples(st.just("latch"), st.sampled_from(MODIFIERS)),
    st.tuples(st.just("type"), st.sets(st.sampled_from(MODIFIERS))),
    st.tuples(st.just("press"), st.sets(st.sampled_from(MODIFIERS))),
    st.tuples(st.just("release"), st.just("")),
)


@given(st.lists(actions, max_size=30))
def test_nothing_stays_down_and_nothing_goes_down_twice(script: list[tuple[str, str | set[str]]]) -> None:
    keyboard = Keyboard()
    events: list[KeyEvent] = []
    for name, argument in script:
        if name == "latch":
            events += keyboard.latch(str(argument))
        elif name == "type":
            events += keyboard.type(KeyPress("x", tuple(argument)))
        elif name == "press":
            events += keyboard.press(tuple(argument))
        else:
            events += keyboard.release()
    events += keyboard.release_all()
    pressed: set[str] = set()
    for key, goes_down in events:
        assert goes_down == (key not in pressed), events
        pressed ^= {key}
    assert not pressed
    assert keyboard.latches == {}
    assert keyboard.release_all() == []
