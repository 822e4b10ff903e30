import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from natpass_tui.links.desktop.keys import (
    COMBINATIONS,
    MODIFIERS,
    Keyboard,
    KeyEvent,
    Latch,
    Stroke,
    for_existing,
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
        ("a", "a", Stroke("a")),
        ("A", "A", Stroke("A")),
        ("upper_a", "A", Stroke("A")),
        ("4", "4", Stroke("4")),
        ("at", "@", Stroke("@")),
        ("full_stop", ".", Stroke(".")),
        ("plus", "+", Stroke("+")),
        ("minus", "-", Stroke("-")),
        ("é", "é", Stroke("é")),
        ("ß", "ß", Stroke("ß")),
        ("É", "É", Stroke("É")),
        ("space", " ", Stroke("space")),
        ("enter", "\r", Stroke("enter")),
        ("tab", "\t", Stroke("tab")),
        ("shift+tab", None, Stroke("tab", ("shift",))),
        ("escape", "\x1b", Stroke("esc")),
        ("backspace", "\x7f", Stroke("backspace")),
        ("ctrl+h", "\x08", Stroke("h", ("ctrl",))),
        ("delete", None, Stroke("delete")),
        ("pageup", None, Stroke("pageup")),
        ("f12", None, Stroke("f12")),
        ("ctrl+x", "\x18", Stroke("x", ("ctrl",))),
        ("ctrl+left", None, Stroke("left", ("ctrl",))),
        ("ctrl+shift+left", None, Stroke("left", ("ctrl", "shift"))),
        ("alt+x", None, Stroke("x", ("alt",))),
        ("alt+shift+x", None, Stroke("x", ("alt", "shift"))),
        ("alt+enter", None, Stroke("enter", ("alt",))),
        ("ctrl+@", "\x00", Stroke("space", ("ctrl",))),
        ("ctrl+right_square_bracket", "\x1d", Stroke("]", ("ctrl",))),
        ("ctrl+]", None, Stroke("]", ("ctrl",))),
        ("super+l", None, Stroke("l", ("cmd",))),
    ],
)
def test_what_a_key_of_the_terminal_stands_for(key: str, character: str | None, expected: Stroke) -> None:
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
        worker.take(name, is_down=is_down)
    assert worker.typed == character
    assert not worker.down


@pytest.mark.parametrize("key", ["é", "€", "中", "ß", "f13", "f24"])
def test_what_an_existing_agent_would_look_for_without_end_is_not_for_it(key: str) -> None:
    assert for_existing(Stroke(key)) is None


@given(st.text(max_size=12), st.one_of(st.none(), st.characters()), st.sets(st.sampled_from(MODIFIERS)))
def test_no_key_makes_an_existing_agent_hang(key: str, character: str | None, held: set[str]) -> None:
    typed = stroke(key, character)
    known = for_existing(Stroke(typed.key, tuple(held))) if typed is not None else None
    worker = ExistingWorker()
    for name, is_down in Keyboard().type(known) if known is not None else []:
        worker.take(name, is_down=is_down)


def test_combinations_are_there_at_existing_agents() -> None:
    for typed in COMBINATIONS.values():
        assert for_existing(typed) == typed


def test_combinations_are_names_of_the_table() -> None:
    for typed in COMBINATIONS.values():
        assert typed.key in ROBOTGO or typed.key in string.ascii_lowercase


def down(*names: str) -> list[KeyEvent]:
    return [(name, True) for name in names]


def up(*names: str) -> list[KeyEvent]:
    return [(name, False) for name in names]


def test_a_key_is_pressed_and_released_inside_its_modifiers() -> None:
    keyboard = Keyboard()
    assert keyboard.type(Stroke("x", ("ctrl", "shift"))) == [*down("ctrl", "shift", "x"), *up("x", "shift", "ctrl")]
    assert keyboard.type(Stroke("x")) == [*down("x"), *up("x")]


def test_a_latch_belongs_to_the_next_key() -> None:
    keyboard = Keyboard()
    assert keyboard.latch("alt") == []
    assert keyboard.latch("ctrl") == []
    assert keyboard.latches == {"ctrl": Latch.NEXT, "alt": Latch.NEXT}
    assert keyboard.type(Stroke("t")) == [*down("ctrl", "alt", "t"), *up("t", "alt", "ctrl")]
    assert keyboard.latches == {}
    assert keyboard.type(Stroke("t")) == [*down("t"), *up("t")]


def test_a_held_modifier_stays_down_until_its_third_press() -> None:
    keyboard = Keyboard()
    keyboard.latch("alt")
    assert keyboard.latch("alt") == down("alt")
    assert keyboard.latches == {"alt": Latch.HELD}
    assert keyboard.type(Stroke("tab")) == [*down("tab"), *up("tab")]
    assert keyboard.type(Stroke("tab", ("alt", "shift"))) == [*down("shift", "tab"), *up("tab", "shift")]
    assert keyboard.latch("alt") == up("alt")
    assert keyboard.latches == {}


def test_a_click_holds_its_modifiers_until_the_button_is_released() -> None:
    keyboard = Keyboard()
    keyboard.latch("shift")
    assert keyboard.press(("ctrl",)) == down("ctrl", "shift")
    assert keyboard.type(Stroke("a", ("ctrl",))) == [*down("a"), *up("a")]
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
            events += keyboard.type(Stroke("x", tuple(argument)))
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
