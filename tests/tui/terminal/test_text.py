"""Cells and lines as values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.color import ColorSystem

from natpass_tui.terminal.ansi import INVERSE, cut, downgraded, plain, restyle, runs
from natpass_tui.terminal.cells import cell_text, clean_title, printable


@given(st.text(min_size=1, max_size=6), st.integers(1, 2))
def test_a_cell_is_as_wide_as_the_engine_says(cluster: str, cols: int) -> None:
    assert cell_len(cell_text(cluster, cols)) == cols


@pytest.mark.parametrize(
    ("cluster", "cols", "shown"),
    [
        ("é", 1, "é"), ("e\u0301", 1, "e\u0301"), ("中", 2, "中"), ("👩\u200d💻", 2, "👩\u200d💻"),
        ("👩\u200d", 2, "👩"),
        ("❤\ufe0f", 1, "❤"), ("🇩", 2, "Ｄ"), ("🇩🇪", 2, "🇩🇪"), ("🏽", 2, "  "), ("a\u202e", 1, "a"), ("中", 1, "\ufffd"),
        ("\xad", 1, "-"), ("\ue0b0", 1, "\ue0b0"),
    ],
)  # fmt: skip
def test_cells(cluster: str, cols: int, shown: str) -> None:
    assert cell_text(cluster, cols) == shown


@given(st.text())
def test_printable_text_has_no_controls(text: str) -> None:
    assert not any(character in printable(text) for character in "\x1b\x07\x9b\u202e")


def test_titles() -> None:
    assert clean_title("  a\x1b]0;b\tc\u2066 ") == "a]0;b c"


def test_runs_carry_the_whole_style() -> None:
    line = "a\x1b[0;4m\x1b[4:3mb\x1b[0;31mc\x1b[0md"
    assert runs(line) == [("", "a"), ("\x1b[0;4m\x1b[4:3m", "b"), ("\x1b[0;31m", "c"), ("", "d")]
    assert plain(line) == "abcd"


def test_inverting_cells() -> None:
    assert restyle("abc", 1, 2, INVERSE) == "\x1b[0ma\x1b[0m\x1b[7mb\x1b[0mc\x1b[0m"
    assert restyle("\x1b[0;1;7mab\x1b[0m", 0, 1, INVERSE) == "\x1b[0m\x1b[0;1;7m\x1b[27ma\x1b[0m\x1b[0;1;7mb\x1b[0m"
    assert "\x1b[27m" not in restyle("\x1b[0;38;5;7mab", 0, 1, INVERSE)


@given(st.text("ab中é👩", max_size=12), st.integers(0, 20), st.integers(0, 20))
def test_restyling_keeps_the_text(text: str, start: int, end: int) -> None:
    assert plain(restyle(text, start, end, INVERSE)) == text


@given(st.text("ab中é👩\u0301", max_size=12), st.integers(0, 20), st.integers(0, 20))
def test_a_cut_is_as_wide_as_asked(text: str, start: int, end: int) -> None:
    line = "\x1b[0;1m".join(text[index : index + 3] for index in range(0, len(text), 3))
    width = min(end, cell_len(text)) - start
    assert cell_len(plain(cut(line, start, end))) == max(0, width)


def test_fewer_colours() -> None:
    line = "\x1b[0;1;38;2;255;0;0;48;5;196mx\x1b[4:3my\x1b[0m"
    assert downgraded(line, ColorSystem.EIGHT_BIT) == "\x1b[0;1;38;5;196;48;5;196mxy\x1b[0m"
    assert downgraded(line, ColorSystem.STANDARD) == "\x1b[0;1;31;41mxy\x1b[0m"
