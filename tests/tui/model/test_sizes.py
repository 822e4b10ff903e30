"""Amounts of bytes in few characters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from natpass_tui.model.sizes import rate, size


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (999.6, "1.0 kB"),
        (1000, "1.0 kB"),
        (9_949, "9.9 kB"),
        (9_951, "10 kB"),
        (999_499, "999 kB"),
        (999_501, "1.0 MB"),
        (1_234_567_890, "1.2 GB"),
        (10**18, "999 PB"),
    ],
)
def test_a_size_is_as_precise_as_six_characters_allow(count: float, text: str) -> None:
    assert size(count) == text


@given(st.floats(0, 1e30))
def test_every_size_fits_its_column(count: float) -> None:
    assert len(size(count)) <= 6
    assert rate(count) == f"{size(count)}/s"
