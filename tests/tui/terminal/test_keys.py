"""Keys, as the application asked for them."""

import pytest

from natpass_tui.terminal import MouseAction, MouseButton, MouseInput, TerminalEngine
from natpass_tui.terminal.ghostty import GhosttyEngine
from natpass_tui.terminal.keys import canonical, control_character, parse

LEGACY = {
    ("a", "a"): b"a", ("A", "A"): b"A", ("é", "é"): "é".encode(), ("full_stop", "."): b".", ("space", " "): b" ",
    ("ctrl+a", "\x01"): b"\x01", ("ctrl+c", "\x03"): b"\x03", ("ctrl+q", "\x11"): b"\x11", ("ctrl+z", None): b"\x1a",
    ("ctrl+@", "\x00"): b"\x00", ("ctrl+backslash", "\x1c"): b"\x1c", ("ctrl+underscore", "\x1f"): b"\x1f",
    ("ctrl+right_square_bracket", "\x1d"): b"\x1d", ("ctrl+circumflex_accent", "\x1e"): b"\x1e",
    ("ctrl+slash", None): b"\x1f", ("ctrl+h", None): b"\x08", ("ctrl+j", "\n"): b"\n",
    ("enter", "\r"): b"\r", ("tab", "\t"): b"\t", ("escape", "\x1b"): b"\x1b", ("backspace", "\x7f"): b"\x7f",
    ("alt+a", "a"): b"\x1ba", ("alt+shift+a", "A"): b"\x1bA", ("alt+full_stop", None): b"\x1b.",
    ("alt+enter", None): b"\x1b\r", ("alt+backspace", None): b"\x1b\x7f", ("alt+ctrl+a", None): b"\x1b\x01",
    ("shift+tab", None): b"\x1b[Z", ("up", None): b"\x1b[A", ("home", None): b"\x1b[H", ("end", None): b"\x1b[F",
    ("ctrl+left", None): b"\x1b[1;5D", ("alt+up", None): b"\x1b[1;3A", ("shift+end", None): b"\x1b[1;2F",
    ("ctrl+shift+left", None): b"\x1b[1;6D", ("delete", None): b"\x1b[3~", ("ctrl+delete", None): b"\x1b[3;5~",
    ("pageup", None): b"\x1b[5~", ("insert", None): b"\x1b[2~", ("f1", None): b"\x1bOP", ("f4", None): b"\x1bOS",
    ("f5", None): b"\x1b[15~", ("f12", None): b"\x1b[24~", ("shift+f5", None): b"\x1b[15;2~",
    ("ctrl+f1", None): b"\x1b[1;5P", ("f15", None): b"\x1b[28~", ("f20", None): b"\x1b[34~",
    # What only a terminal with the kitty protocol tells apart.
    ("ctrl+m", None): b"\r", ("ctrl+i", None): b"\t", ("ctrl+left_square_bracket", None): b"\x1b",
    ("shift+enter", None): b"\r", ("ctrl+enter", None): b"\r", ("ctrl+tab", None): b"\t",
    ("shift+escape", None): b"\x1b",
    ("ctrl+shift+c", None): b"\x03", ("alt+shift+1", None): b"\x1b!", ("alt+shift+exclamation_mark", None): b"\x1b!",
    ("ctrl+shift+underscore", None): b"\x1f", ("super+s", None): b"", ("super+left", None): b"",
    ("ctrl+1", None): b"1", ("ctrl+2", None): b"\x00", ("ctrl+8", None): b"\x7f", ("alt+shift+tab", None): b"\x1b[Z",
}  # fmt: skip


@pytest.mark.parametrize(("key", "expected"), LEGACY.items(), ids=str)
def test_keys_as_xterm_sends_them(engine: TerminalEngine, key: tuple[str, str | None], expected: bytes) -> None:
    assert engine.encode_key(*key) == expected


def test_application_cursor_keys(engine: TerminalEngine) -> None:
    engine.feed(b"\x1b[?1h")
    assert engine.encode_key("up") == b"\x1bOA"
    assert engine.encode_key("home") == b"\x1bOH"
    assert engine.encode_key("ctrl+up") == b"\x1b[1;5A"


def test_the_kitty_protocol(engine: TerminalEngine) -> None:
    engine.feed(b"\x1b[>1u")
    if engine.capabilities.progressive_keys:
        assert engine.encode_key("ctrl+shift+a") == b"\x1b[97;6u"
        assert engine.encode_key("escape", "\x1b") == b"\x1b[27u"
    else:
        assert engine.encode_key("escape", "\x1b") == b"\x1b"
    assert engine.encode_key("a", "a") == b"a"


#: Examples of the kitty protocol's specification: disambiguated, all keys, alternates, text.
KITTY = {
    (1, "a", "a"): b"a", (1, "ctrl+m", None): b"\x1b[109;5u", (1, "ctrl+i", None): b"\x1b[105;5u",
    (1, "ctrl+left_square_bracket", None): b"\x1b[91;5u", (1, "ctrl+c", "\x03"): b"\x1b[99;5u",
    (1, "ctrl+shift+c", None): b"\x1b[99;6u", (1, "shift+enter", None): b"\x1b[13;2u", (1, "enter", "\r"): b"\r",
    (1, "tab", "\t"): b"\t", (1, "backspace", "\x7f"): b"\x7f", (1, "escape", "\x1b"): b"\x1b[27u",
    (1, "alt+a", None): b"\x1b[97;3u", (1, "up", None): b"\x1b[A", (1, "ctrl+up", None): b"\x1b[1;5A",
    (1, "super+s", None): b"\x1b[115;9u", (1, "shift+f3", None): b"\x1b[13;2~", (1, "ctrl+j", "\n"): b"\n",
    (1, "ctrl+j", None): b"\x1b[106;5u",
    (8, "a", "a"): b"\x1b[97u", (8, "enter", "\r"): b"\x1b[13u", (8, "tab", "\t"): b"\x1b[9u",
    (13, "alt+shift+a", None): b"\x1b[97:65;4u", (25, "a", "a"): b"\x1b[97;;97u",
}  # fmt: skip


@pytest.mark.parametrize(("asked", "sent"), KITTY.items(), ids=str)
def test_programs_that_asked_for_the_kitty_protocol(asked: tuple[int, str, str | None], sent: bytes) -> None:
    flags, key, character = asked
    engine = GhosttyEngine(6, 20)
    engine.feed(b"\x1b[>%du" % flags)
    assert engine.encode_key(key, character) == sent
    engine.close()


@pytest.mark.parametrize("key", ["", "no_such_key", "left_shift", "ctrl+", "f99", "caps_lock"])
def test_what_is_no_key_sends_nothing(engine: TerminalEngine, key: str) -> None:
    assert engine.encode_key(key) == b""


@pytest.mark.parametrize(
    "spelling", ["ctrl+]", "ctrl+shift+right_square_bracket", "ctrl+right_square_bracket", "ctrl+right_square_brace"]
)
def test_spellings_of_one_key(spelling: str) -> None:
    assert canonical(spelling) == "ctrl+]"


@pytest.mark.parametrize(
    ("name", "character"),
    [("ctrl+]", "\x1d"), ("ctrl+a", "\x01"), ("ctrl+^", "\x1e"), ("ctrl+[", ""), ("f12", ""), ("a", ""), ("alt+x", "")],
)
def test_the_control_character_of_a_key(name: str, character: str) -> None:
    assert control_character(name) == character


def test_names_are_taken_apart() -> None:
    assert parse("alt+ctrl+plus").base == "+"
    assert parse("shift++").base == "+"
    assert parse("alt+A") == parse("alt+shift+a")


PRESS = MouseInput(MouseAction.PRESS, MouseButton.LEFT, row=4, col=9)
RELEASE = MouseInput(MouseAction.RELEASE, MouseButton.LEFT, row=4, col=9, ctrl=True)
DRAG = MouseInput(MouseAction.MOVE, MouseButton.LEFT, row=4, col=9)
HOVER = MouseInput(MouseAction.MOVE, MouseButton.NONE, row=4, col=9)
WHEEL = MouseInput(MouseAction.PRESS, MouseButton.WHEEL_DOWN, row=4, col=9)


@pytest.mark.parametrize(
    ("modes", "expected"),
    [
        (b"", [b"", b"", b"", b"", b""]),
        (b"9", [b"\x1b[M *%", b"", b"", b"", b""]),
        (b"1000", [b"\x1b[M *%", b"\x1b[M3*%", b"", b"", b"\x1b[Ma*%"]),
        (b"1002;1006", [b"\x1b[<0;10;5M", b"\x1b[<16;10;5m", b"\x1b[<32;10;5M", b"", b"\x1b[<65;10;5M"]),
        (b"1003;1006", [b"\x1b[<0;10;5M", b"\x1b[<16;10;5m", b"\x1b[<32;10;5M", b"\x1b[<35;10;5M", b"\x1b[<65;10;5M"]),
        (b"1000;1015", [b"\x1b[32;10;5M", b"\x1b[51;10;5M", b"", b"", b"\x1b[97;10;5M"]),
        (b"1000;1005", [b"\x1b[M *%", b"\x1b[M3*%", b"", b"", b"\x1b[Ma*%"]),
        (b"1000;1006;1016", [b"\x1b[<0;73;65M", b"\x1b[<16;73;65m", b"", b"", b"\x1b[<65;73;65M"]),
    ],
)
def test_mouse(engine: TerminalEngine, modes: bytes, expected: list[bytes]) -> None:
    engine.feed(b"\x1b[?" + modes + b"h" if modes else b"")
    assert [engine.encode_mouse(event) for event in (PRESS, RELEASE, DRAG, HOVER, WHEEL)] == expected


def test_positions_the_old_encodings_cannot_say(engine: TerminalEngine) -> None:
    far = MouseInput(MouseAction.PRESS, MouseButton.LEFT, row=0, col=500)
    engine.feed(b"\x1b[?1000h")
    assert engine.encode_mouse(far) == b""
    engine.feed(b"\x1b[?1005h")
    assert engine.encode_mouse(far) == "\x1b[M \u0215!".encode()
