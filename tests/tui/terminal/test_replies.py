"""What a terminal answers is typed at the remote: never the remote's own words."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from natpass_tui.terminal import TerminalEngine
from natpass_tui.terminal.replies import is_harmless
from tests.tui.terminal.conftest import KINDS

MARK = b"Zqx"
MARK_IN_HEX = re.compile(MARK.hex().encode(), re.IGNORECASE)

ANSWERED = {
    b"\x1b[c": rb"\x1b\[\?[\d;]+c",
    b"\x1b[>c": rb"\x1b\[>[\d;]+c",
    b"\x1b[5n": rb"\x1b\[0n",
    b"\x1b[3;4H\x1b[6n": rb"\x1b\[3;4R",
    b"\x1b[?2026$p": rb"\x1b\[\?2026;2\$y",
    b"\x1b]11;?\x1b\\": rb"\x1b\]11;rgb:[\da-f/]+\x1b\\",
}
ANSWERED_BY_GHOSTTY = {
    b"\x1b[=c": rb"\x1bP!\|\d{8}\x1b\\",
    b"\x1b[>q": rb"\x1bP>\|libghostty.*\x1b\\",
    b"\x1b[4$p": rb"\x1b\[4;2\$y",
    b"\x1b[?u": rb"\x1b\[\?0u",
    b"\x1bP$qm\x1b\\": rb"\x1bP1\$r0m\x1b\\",
    b"\x1b[1;38:2::1:2:3;4:3m\x1bP$qm\x1b\\": rb"\x1bP1\$r[\d;:]+m\x1b\\",
    b"\x1bP$qr\x1b\\": rb"\x1bP1\$r1;6r\x1b\\",
    b"\x1bP$q q\x1b\\": rb"\x1bP1\$r\d q\x1b\\",
    b'\x1bP$q"p\x1b\\': rb"\x1bP0\$r\x1b\\",
    b"\x1b]10;?\x07": rb"\x1b\]10;rgb:[\da-f/]+\x07",
    b"\x1b]4;1;?;2;?\x07": rb"\x1b\]4;1;rgb:[\da-f/]+\x07\x1b\]4;2;rgb:[\da-f/]+\x07",
    b"\x1b]21;foreground=?;1=?\x1b\\": rb"\x1b\]21;foreground=rgb:[\da-f/]+;1=rgb:[\da-f/]+\x1b\\",
}
CASES = [(kind, query) for kind in sorted(KINDS) for query in ANSWERED] + [("ghostty", q) for q in ANSWERED_BY_GHOSTTY]


@pytest.mark.parametrize(("kind", "query"), CASES)
def test_known_questions_are_answered(kind: str, query: bytes) -> None:
    engine = KINDS[kind](6, 20)
    answer = engine.feed(query)
    engine.close()
    assert re.fullmatch((ANSWERED | ANSWERED_BY_GHOSTTY)[query], answer), answer


@pytest.mark.parametrize(
    "query",
    [
        b"\x1b]5522;type=read:id=Zqx;Lg==\x1b\\",
        b"\x1b]5522;type=read;Lg==\x1b\\",
        b"\x1b]5522;type=write:id=Zqx\x1b\\\x1b]5522;type=wdata:mime=dGV4dA==;aGk=\x1b\\\x1b]5522;type=wdata\x1b\\",
        b"\x1b]2;Zqx\x07\x1b[21t",
        b"\x1b]1;Zqx\x07\x1b[20t",
        b"\x1b]7;file://Zqx/\x07\x1b]7;?\x07",
        b"\x1b]52;c;WnF4\x07\x1b]52;c;?\x07",
        b"\x1bP$qZqx\x1b\\",
        b"\x1bP+q5a7178\x1b\\",
        b"\x1b]21;Zqx=?\x1b\\",
        b"\x05",
    ],
)
def test_what_could_carry_words_is_not_answered(engine: TerminalEngine, query: bytes) -> None:
    assert engine.feed(query) == b""


def test_a_write_to_the_clipboard_is_not_confirmed(engine: TerminalEngine) -> None:
    """It may be off, and then nothing is written."""
    assert engine.feed(b"\x1b]5522;type=write\x1b\\\x1b]5522;type=wdata:mime=dGV4dC9wbGFpbg==;aGk=\x1b\\") == b""
    assert engine.feed(b"\x1b]5522;type=wdata\x1b\\") == b""


WORDS = st.sampled_from([MARK, MARK.hex().encode(), b"Zqx;id=Zqx", b"\rZqx\r", b"id=Zqx", b"WnF4"]) | st.binary(
    max_size=4
)
STARTS = st.sampled_from(
    [b"\x1b]%d;" % code for code in (0, 1, 2, 4, 5, 7, 8, 9, 10, 11, 12, 17, 19, 21, 22, 50, 52, 66, 99, 104, 133, 777)]
    + [b"\x1b]1337;", b"\x1b]3008;", b"\x1b]5522;", b"\x1b]5522;type=read:id=", b"\x1b]5522;type=write:id="]
    + [
        b"\x1bP$q",
        b"\x1bP+q",
        b"\x1bP=",
        b"\x1bP1000p",
        b"\x1bPq",
        b"\x1bP>|",
        b"\x1b_G",
        b"\x1b_Gi=1,a=q;",
        b"\x1b_25a1;",
    ]
    + [b"\x1b[", b"\x1b[?", b"\x1b[>", b"\x1b[=", b"\x1bX", b"\x1b^", b"\x1b[?5522h", b""]
)
MIDDLES = st.sampled_from(
    [b"", b"?", b";?", b"=?", b":", b";", b";Lg==", b"type=read", b":mime=", b"1;?", b"p=?", b","]
)
ENDS = st.sampled_from(
    [b"\x07", b"\x1b\\", b"c", b"n", b"t", b"$p", b"q", b"u", b"y", b"\x05", b"\x1b[21t", b"\x1b[c", b""]
)
QUERIES = st.lists(st.tuples(STARTS, MIDDLES, WORDS, MIDDLES, ENDS).map(b"".join), min_size=1, max_size=8)


@pytest.mark.parametrize("kind", sorted(KINDS))
@given(queries=QUERIES, cut=st.integers(1, 60))
@example(queries=[b"\x1b]5522;type=read:id=Zqx;Lg==\x1b\\"], cut=60)
def test_no_answer_holds_words_of_the_question(kind: str, queries: list[bytes], cut: int) -> None:
    engine = KINDS[kind](6, 20)
    data = b"".join(queries)
    answer = b"".join(engine.feed(data[start : start + cut]) for start in range(0, len(data), cut))
    engine.close()
    assert MARK not in answer
    assert not MARK_IN_HEX.search(answer)
    assert b"\r" not in answer
    assert b"\n" not in answer
    assert set(re.findall(rb"[A-Za-z_]{4,}", answer)) <= {b"libghostty", *COLOURS}


COLOURS = {b"foreground", b"background", b"cursor", b"cursor_text", b"selection_foreground", b"selection_background"}


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"x",
        b"\x1b[0nrm\r",
        b"\x1b]11;rgb:00/00/00\x07rm",
        b"\x1bP1$rrm -rf\x1b\\",
        b"\x1b]21;ls=\x07",
        b"\x1b[1;1R\r",
        *[b"\x1b]l;title\x1b\\", b"\x1bP>|libghostty;rm\x1b\\", b"\x1bP>|libghostty\rrm\x1b\\", b"\x1b[?1u\x1b[?1u"],
    ],
)
def test_other_answers_are_dropped(answer: bytes) -> None:
    assert not is_harmless(answer)
