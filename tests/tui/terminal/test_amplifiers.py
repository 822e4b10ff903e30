"""Few bytes cost an engine little. Work is counted: characters drawn, rows moved."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from natpass_tui.terminal.amplifiers import PORTION_BYTES, PORTION_STEPS, REPEATED_ROWS, Damper, portions
from natpass_tui.terminal.ghostty import GhosttyEngine
from tests.tui.terminal.test_safety import PIECES

ROWS, COLS = 6, 20
#: Ways to write a large number of repeats that an engine understands as such.
HIDDEN = {
    "plain": [b"\x1b[65535b"],
    "zeros": [b"\x1b[" + b"0" * 5000 + b"65535b"],
    "control in the number": [b"\x1b[65\n535b"],
    "controls between all": [b"\x1b\x00[\x006\x005\x005\x003\x005\x00b"],
    "high bytes": [b"\x1b[6\xc3\xa95535b"],
    "DEL": [b"\x1b[65\x7f535b"],
    "8-bit after ESC": [b"\x1b\x9b65535b"],
    "8-bit within a sequence": [b"\x1b[1\x9b65535b"],
    "8-bit after an intermediate": [b"\x1b \x9b65535b"],
    "8-bit within a DCS": [b"\x1bPq\x9b65535b\x1b\\"],
    "8-bit within a DCS of two pieces": [b"\x1bPq", b"#0\x9b65535b\x1b\\"],
    "8-bit within an APC": [b"\x1b_a\x9b65535b\x1b\\"],
    "two pieces": [b"\x1b[655", b"35b"],
    "all pieces": [bytes([byte]) for byte in b"\x1b[65535b"],
    "long, in pieces": [b"\x1b[", *[b"0" * 100] * 50, b"65535b"],
    "after a DCS that CAN ends": [b"\x1bPq\x18\x1b[65535b"],
}


@pytest.mark.parametrize("name", HIDDEN)
@pytest.mark.parametrize("mode", [b"", b"\x1b[4h"], ids=["", "inserting"])
def test_a_repeat_draws_no_more_than_a_screen(name: str, mode: bytes) -> None:
    engine = GhosttyEngine(ROWS, COLS)
    engine.feed(mode + b"x")
    for piece in HIDDEN[name]:
        engine.feed(piece)
    assert engine.snapshot().scroll.history <= 2, "rows that it has drawn beyond a screen"
    engine.close()


def test_all_repeats_of_a_portion_draw_a_bounded_number_of_rows() -> None:
    engine = GhosttyEngine(ROWS, COLS)
    (portion,) = portions(b"x" + b"\x1b[65535b" * PORTION_STEPS)
    engine.feed(portion)
    assert REPEATED_ROWS - ROWS <= engine.snapshot().scroll.history <= REPEATED_ROWS
    engine.feed(b"\x1bcy\x1b[3b")  # the next one has room again
    assert engine.text().split("\n")[0] == "yyyy"
    engine.close()


def test_what_programs_draw_row_by_row_passes() -> None:
    """ncurses repeats within a row."""
    damper, drawn = Damper(), b"x\x1b[199b\r\n" * (PORTION_STEPS // 2)
    assert damper.feed(drawn, 50, 200) == drawn


@pytest.mark.parametrize(
    "asked", [[b"\x1b[?40h"], [b"\x1b[?1;040;7h"], [b"\x1b[?4", b"0h"], [b"\x1b[?4\x000h"], [b"\x1b\x9b?40h"]]
)
def test_no_program_changes_the_width(asked: list[bytes]) -> None:
    """Otherwise each change wraps all history again, and lines are not as wide as the view."""
    engine = GhosttyEngine(ROWS, COLS)
    for piece in asked:
        engine.feed(piece)
    assert not engine._mode(40)
    engine.feed(b"\x1b[H\x1b[2J\x1b[?3h" + b"x" * (COLS + 1))
    assert engine.text().split("\n")[:2] == ["x" * COLS, "x"]
    engine.close()


def test_other_modes_of_the_same_sequence_are_set() -> None:
    assert Damper().feed(b"\x1b[?1;40;2004h", ROWS, COLS) == b"\x1b[?1;2004h"


@pytest.mark.parametrize(
    "data",
    [
        "text é 中 曛99999b\n".encode(),
        b"[65535b 100b 40h",
        b"\x1b[1;31mred\x1b[m\x1b[12;40H\x1b[?25h\x1b[?1049h\x1b[2J",
        "\x1b]2;a title é 中 曛\x07\x1b]8;;http://x/é\x1b\\link\x1b]8;;\x1b\\".encode(),
        "\x1b(0lqk\x1b(B\x1b7曛\x1b8\x1b[3 q".encode(),
        b"\x1bP$qm\x1b\\\x1bP+q544e\x1b\\",
        b"x\x1b[20b\x1b[119b",
    ],
)
def test_what_costs_little_passes_as_it_is(data: bytes) -> None:
    assert Damper().feed(data, ROWS, COLS) == data
    damper = Damper()
    assert b"".join(damper.feed(bytes([byte]), ROWS, COLS) for byte in data) == data


@given(st.lists(PIECES, max_size=30).map(b"".join), st.integers(1, 40))
@example(b"x\x1b[\n65535b", 3)
def test_pieces_of_any_size_give_the_same_sequences(data: bytes, cut: int) -> None:
    whole, pieces = Damper(), Damper()
    passed = b"".join(pieces.feed(data[at : at + cut], ROWS, COLS) for at in range(0, len(data), cut))
    # What is unfinished in a piece may have its controls before it, so the screens are compared by what repeats.
    expected = whole.feed(data, ROWS, COLS)
    assert counts(passed) == counts(expected)
    assert all(count <= ROWS * COLS for count in counts(passed))


def counts(data: bytes) -> list[int]:
    return [int(found) for found in re.findall(rb"\x1b\[([0-9]{1,9})b", data)]


@given(st.lists(st.sampled_from([b"\x1b[65535b", b"\n", b"text", b"x" * 5000, b"\x07" * 100]), max_size=100))
def test_portions_are_all_of_it_and_have_a_bounded_number_of_steps(pieces: list[bytes]) -> None:
    data = b"".join(pieces)
    found = list(portions(data))
    assert b"".join(found) == data
    for portion in found:
        assert len(portion) <= PORTION_BYTES
        assert sum(map(portion.count, (b"\x1b", b"\n", b"\x07"))) <= PORTION_STEPS
