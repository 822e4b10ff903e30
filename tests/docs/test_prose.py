"""Pages can be read in any window."""

from pathlib import Path

import pytest

from tests.docs.pages import ROOT, name, pages, text

MOST_CHARACTERS = 110
#: The map is one read.
MOST_LINES = {"ARCHITECTURE.md": 150}


@pytest.mark.parametrize("page", pages(), ids=name)
def test_lines_are_short(page: Path) -> None:
    lines = text(page).splitlines()
    assert not [f"{number}: {line}" for number, line in enumerate(lines, 1) if len(line) > MOST_CHARACTERS]


@pytest.mark.parametrize("page", MOST_LINES)
def test_pages_are_one_read(page: str) -> None:
    assert len(text(ROOT / page).splitlines()) <= MOST_LINES[page]
