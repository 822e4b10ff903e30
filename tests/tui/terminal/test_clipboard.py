"""OSC 52, cut out of a stream."""

import itertools
import tracemalloc

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from natpass_tui.terminal.clipboard import CLIPBOARD_LIMIT, Clip, ClipScanner, parse

PIECES = [
    b"\x1b]52;",
    b"c;aGk=",
    b"p;aG8=",
    b"\x07",
    b"\x1b\\",
    b"\x1b",
    b"]52;",
    b"\x18",
    b"text",
    b"\x1b]2;t",
    b"5",
    b";",
]


@given(st.lists(st.sampled_from(PIECES), max_size=12), st.lists(st.integers(0, 60), max_size=6))
@example([b"\x1b", b"\x1b]52;", b"c;aGk=", b"\x1b]52;", b"p;aG8=", b"\x07"], [1, 2, 3])
def test_it_does_not_matter_where_the_stream_is_cut(pieces: list[bytes], cuts: list[int]) -> None:
    data = b"".join(pieces)
    whole = ClipScanner().feed(data)
    scanner, found, places = ClipScanner(), [], sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    for start, end in itertools.pairwise(places):
        found += scanner.feed(data[start:end])
    assert found == whole


def test_each_text_is_found_where_it_ends() -> None:
    scanner = ClipScanner()
    assert scanner.feed(b"x\x1b]52;c;aG") == []
    assert scanner.feed(b"k=\x07\x1b]52;p;aG8=\x1b]52;s;aGE=\x1b\\") == [
        Clip("c", "hi"),
        Clip("p", "ho"),
        Clip("s", "ha"),
    ]
    assert scanner.feed(b"\x1b]52;c;aGk=\x18\x1b]52;c;aGk=\x1a") == []  # aborted


@pytest.mark.parametrize("argument", ["c", "c;", "c;?", "c;!", "x;aGk=", "c;aGk", "c;aGk=;", ";"])
def test_what_makes_no_sense_or_only_asks_is_none(argument: str) -> None:
    assert parse(argument) is None


def test_names_are_those_of_xterm_once_each() -> None:
    assert parse("ccxp7\u00e97;aGk=") == Clip("cp7", "hi")


def test_a_text_without_an_end_takes_no_memory() -> None:
    scanner = ClipScanner()
    scanner.feed(b"\x1b]52;c;")
    tracemalloc.start()
    try:
        for _ in range(100):
            assert scanner.feed(b"QUFB" * 16_384) == []
        assert tracemalloc.get_traced_memory()[1] < 4 * CLIPBOARD_LIMIT
    finally:
        tracemalloc.stop()
    assert scanner.feed(b"\x07\x1b]52;c;aGk=\x07") == [Clip("c", "hi")]
