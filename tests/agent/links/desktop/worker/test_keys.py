import pytest

from natpass_agent.links.desktop.worker.input import keysyms
from natpass_agent.links.desktop.worker.keys import NAMES, Character, Named, parse, shifted

#: robotgo's docs/keys.md and the names of its `keyNames`, as a person would copy them.
NAMED_BY_ROBOTGO = """
backspace delete enter tab esc escape up down right left home end pageup pagedown fn f1 f2 f3 f4 f5 f6 f7 f8
f9 f10 f11 f12 f13 f14 f15 f16 f17 f18 f19 f20 f21 f22 f23 f24 cmd cmdl cmdr command alt altl altr lalt ralt
ctrl ctrll ctrlr lctrl rctrl control shift shiftl shiftr lshift rshift right_shift caps capslock space print
printscreen insert menu audio_mute audio_vol_down audio_vol_up audio_play audio_stop audio_pause audio_prev
audio_next audio_rewind audio_forward audio_repeat audio_random num0 num1 num2 num3 num4 num5 num6 num7 num8
num9 num_lock num. num+ num- num* num/ num_clear num_enter num_equal numpad_0 numpad_1 numpad_2 numpad_3
numpad_4 numpad_5 numpad_6 numpad_7 numpad_8 numpad_9 numpad_lock lights_mon_up lights_mon_down
lights_kbd_toggle lights_kbd_up lights_kbd_down lcmd rcmd
"""


@pytest.mark.parametrize("name", NAMED_BY_ROBOTGO.split())
def test_every_name_of_robotgo_is_a_key(name: str) -> None:
    assert isinstance(parse(name), Named)
    assert parse(name.upper()) == parse(name)
    assert name in NAMES


@pytest.mark.parametrize("character", "azAZ09@~\"'éжß中€😀")
def test_any_character_is_a_key(character: str) -> None:
    assert parse(character) == Character(character)


def test_characters_that_are_keys_of_their_own() -> None:
    assert [parse(c) for c in "\r\n\t\b\x1b "] == [
        *(Named.ENTER, Named.ENTER, Named.TAB, Named.BACKSPACE, Named.ESCAPE, Named.SPACE)
    ]


@pytest.mark.parametrize("name", ["", "no such key", "ab", "\x00", "\x01", "\u202e", "\ud800", "\ue000", "x" * 10_000])
def test_what_is_no_key(name: str) -> None:
    assert parse(name) is None


def test_every_key_has_a_keysym() -> None:
    assert set(keysyms.NAMED) == set(Named)
    assert keysyms.of(Character("A")) == 0x41
    assert keysyms.of(Character("é")) == 0xE9
    assert keysyms.of(Character("ж")) == 0x01000436
    assert keysyms.of(Character("😀")) == 0x0101F600


@pytest.mark.parametrize(
    ("character", "older"), [("é", ()), ("ж", (0x6D6,)), ("€", (0x20AC,)), ("ł", (0x1B3,)), ("ω", (0x7F9,)), ("中", ())]
)
def test_characters_have_keysyms_that_are_older_than_unicode(character: str, older: tuple[int, ...]) -> None:
    assert keysyms.all_of(character) == (keysyms.of(Character(character)), *older)


def test_a_key_that_is_lent_has_both_cases_of_a_character() -> None:
    assert keysyms.row("É") == keysyms.row("é") == (0xE9, 0xC9)
    assert keysyms.row("@") == keysyms.row("2") == (ord("2"), ord("@"))
    assert keysyms.row("中") == (0x01004E2D, 0x01004E2D)
    assert keysyms.row("ß") == (0xDF, 0xDF)


@pytest.mark.parametrize(
    ("character", "meant"), [*zip("a2`/éж", "A@~?ÉЖ", strict=True), *((same, same) for same in "A@ß中")]
)
def test_what_is_meant_within_shift(character: str, meant: str) -> None:
    assert shifted(character) == meant
