"""Text in a given number of cells."""

import itertools

from hypothesis import example, given
from hypothesis import strategies as st
from rich.cells import cell_len

from natpass_tui.widgets.cells import wrap

WORDS = st.text("ab中-", min_size=1, max_size=30)


@given(st.lists(WORDS, max_size=12), st.integers(2, 40))
@example(["a" * 30, "b"], 10)
def test_lines_fit_and_break_between_words(words: list[str], width: int) -> None:
    lines = wrap(" ".join(words), width)
    assert all(cell_len(line) <= width for line in lines)
    assert "".join(lines).replace(" ", "") == "".join(words)
    for word in words:
        if cell_len(word) <= width:
            assert any(word in line for line in lines)
    for one, other in itertools.pairwise(lines):  # no line is shorter than it has to be
        assert cell_len(one) + 1 + cell_len(other.partition(" ")[0]) > width or cell_len(one) >= width - 1
