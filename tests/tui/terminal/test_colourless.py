"""Lines for a user who wants no colours: all other attributes stay, and the terminal's own colours show."""

import pytest

from natpass_tui.terminal.ansi import colourless


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("plain", "plain"),
        ("\x1b[0;1;31mred\x1b[0m", "\x1b[0;1mred\x1b[0m"),
        ("\x1b[0;38;5;196;48;2;1;2;3;4mboth\x1b[0m", "\x1b[0;4mboth\x1b[0m"),
        ("\x1b[97mbright\x1b[0m", "bright\x1b[0m"),
        ("\x1b[4:3m\x1b[58:2::255:0:0mcurly\x1b[0m", "\x1b[4:3mcurly\x1b[0m"),
        ("\x1b[7minverse\x1b[0m", "\x1b[7minverse\x1b[0m"),
    ],
)
def test_colours_go_and_attributes_stay(line: str, shown: str) -> None:
    assert colourless(line) == shown
