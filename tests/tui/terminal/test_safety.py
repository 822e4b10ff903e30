"""Whatever the remote sends, what goes to the user's terminal is SGR sequences of ours and text of a known width."""

import re
import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from natpass_tui.terminal import TerminalEngine
from natpass_tui.terminal.ansi import restyle
from tests.tui.terminal.conftest import KINDS, EngineFactory

SGR = re.compile(r"\x1b\[[0-9;:]*m")
JOINER = "\u200d"

FRAGMENTS = st.sampled_from(
    [b"\x1b", b"[", b"]", b"P", b"_", b"^", b"X", b"\\", b"\x07", b"\x9b", b"\x9d", b"\x90", b"\x18", b"\x1a", b"?"]
    + [b"\x1b[%s" % tail for tail in (b"m", b"2J", b"H", b"K", b"!p", b"3b", b"9999;9999H", b"99999999999C", b"5L")]
    + [b"\x1b[%s" % tail for tail in (b">4;2m", b"?4m", b"38;5;300m", b"38;2;1m", b"4:3m", b"58:2::1:2:3m", b"r")]
    + [b"\x1b[?%dh" % mode for mode in (1, 3, 5, 6, 47, 69, 1049, 2027, 2026)]
    + [b"\x1b[?%dl" % mode for mode in (3, 5, 7, 1049, 2027)]
    + [b"\x1b(0", b"\x0e", b"\x0f", b"\x1bc", b"\x1b#8", b"\x1bM", b"\x1b7", b"\x1b8", b"\n", b"\r", b"\t", b"\b"]
    + [b"\x1b]8;;http://x\x1b\\", b"\x1b]52;c;AAAA\x07", b"\x1b]2;\x1b]0;x\x07", b"\x1b]11;red\x07", b"\x1bPq#0~\x1b\\"]
    + [b"\x1b[2;4r", b"\x1b[3;9s", b"\x1b[4h", b"\x1b[20h", b"\x1b[7;31;44m", b"\x1b[48;5;9m\x1b[K", b"\x1b[9;9999X"]
)
CHARACTERS = st.sampled_from(
    "aé中\u0301\u200d\ufe0f\ufe0e\u202e\u2066\u200b\xad\x85\x9b\u2028👩💻🏽🇩🇪❤\u1100\u1161\u0903\ue0b0\U000e0041\ufffe"
)
PIECES = st.one_of(
    FRAGMENTS,
    st.binary(max_size=8),
    st.text(max_size=4).map(lambda text: text.encode("utf-8", "replace")),
    st.text(CHARACTERS, max_size=6).map(str.encode),
)


def assert_safe(line: str, cols: int) -> None:
    text = SGR.sub("", line)
    assert cell_len(text) == cols, ascii(line)
    for character in text:
        kind = unicodedata.category(character)
        assert kind not in {"Cc", "Cs", "Zl", "Zp"}, ascii(line)
        assert kind != "Cf" or character == JOINER, ascii(line)


def exercise(engine: TerminalEngine, pieces: list[bytes], cut: int) -> None:
    data = b"".join(pieces)
    for start in range(0, len(data), cut):
        engine.feed(data[start : start + cut])
    for rows, cols in ((7, 13), (3, 5)):
        for back in (0, 2, 100, -100):
            engine.scroll(back)
            frame = engine.snapshot()
            for line in frame.changed.values():
                assert_safe(line, frame.cols)
                assert_safe(restyle(line, 1, 4, "\x1b[7m"), frame.cols)
            assert frame.cursor.row >= 0
            assert 0 <= frame.cursor.col < frame.cols
        engine.text_range((0, 0), (9, 9))
        assert engine.title.isprintable()
        for text in engine.take_clipboard():
            assert text
        engine.resize(rows, cols)
        engine.feed(data[: len(data) // 2])


@pytest.mark.parametrize("kind", sorted(KINDS))
@given(pieces=st.lists(PIECES, max_size=30), cut=st.integers(1, 40))
def test_every_line_is_safe(kind: str, pieces: list[bytes], cut: int) -> None:
    engine = KINDS[kind](6, 20, 50)
    try:
        exercise(engine, pieces, cut)
    finally:
        engine.close()


def test_a_pile_of_accents_stays_in_its_cell(engine: TerminalEngine) -> None:
    engine.feed(("a" + "\u0301" * 5000 + "b").encode())
    line = engine.snapshot().changed[0]
    assert_safe(line, 20)
    assert len(line) < 60


def test_an_endless_string_costs_no_memory_and_no_time(engine: TerminalEngine) -> None:
    for introducer in (b"\x1b]2;", b"\x1bP", b"\x1b_"):
        engine.feed(introducer)
        for _ in range(40):
            engine.feed(b"x" * 65536)
        engine.feed(b"\x18\x1b\\\x1b[2J\x1b[Hok")
        assert engine.text().split("\n")[0] == "ok"


CHUNK = b"A" * 64
COSTLY = {
    "title in small pieces": [b"\x1b]2;", *[CHUNK] * 4000],
    "clipboard in small pieces": [b"\x1b]52;c;", *[CHUNK] * 4000],
    "string in small pieces": [b"\x1bP", *[CHUNK] * 4000],
    "sequence in small pieces": [b"\x1b[", *[b"1;" * 32] * 4000],
    "repeats": [b"x\x1b[9999b" * 5000],
    "alignment": [b"\x1b#8" * 5000],
    "tabs": [b"\x1b[9999Z\x1b[9999I" * 5000],
    "lines": [b"\x1b[9999L\x1b[9999@\x1b[9999S" * 5000],
}


@pytest.mark.parametrize("name", COSTLY)
def test_no_bytes_are_much_slower_than_others(new_engine: EngineFactory, name: str) -> None:
    """The worst of them took the fallback half a minute once; now all take less than a second."""
    engine = new_engine(50, 200)
    before = time.thread_time()
    for data in COSTLY[name]:
        engine.feed(data)
    engine.snapshot()
    assert time.thread_time() - before < 4


def test_too_long_a_string_ends_where_it_ends(engine: TerminalEngine) -> None:
    for start, end in ((b"\x1b]2;", b"\x07"), (b"\x1b]2;", b"\x1b\\"), (b"\x1bP", b"\x1b\\"), (b"\x1b_\x07", b"\x18")):
        engine.feed(b"\x1bc")
        engine.feed(start)
        for _ in range(80):
            engine.feed(b"x" * 65536)
        engine.feed(end[:1])
        engine.feed(end[1:] + b"ok")
        assert engine.text().split("\n")[0] == "ok"


def test_a_string_may_come_in_pieces(engine: TerminalEngine) -> None:
    for piece in (b"\x1b", b"]", b"2", b";a ti", b"t", b"le", b"\x1b", b"\\o", b"k"):
        engine.feed(piece)
    assert engine.title == "a title"
    assert engine.text().split("\n")[0] == "ok"


def test_repeats_and_alignment_still_work(engine: TerminalEngine) -> None:
    engine.feed(b"\x1b#8")
    assert engine.text() == "\n".join(["E" * 20] * 6)
    engine.feed(b"\x1bcx\x1b[4b\x1b[1;18H\x1b[Zy\x1b[9Zz")
    assert engine.text().split("\n")[0] == "zxxxx" + " " * 11 + "y"
