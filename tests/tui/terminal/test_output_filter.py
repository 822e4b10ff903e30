"""What a remote program may do to the user's own terminal."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from natpass_tui.terminal.outer_modes import OuterModes
from natpass_tui.terminal.output_filter import OutputFilter
from tests.tui.terminal.test_safety import PIECES

#: What a terminal answers, or what reaches beyond its screen: nothing of this may come out.
FORBIDDEN = re.compile(
    r"[\x00-\x06\x10-\x1a\x1c-\x1f\x7f-\x9f]"  # controls that pass nowhere, and all of C1
    r"|\x1b[\]PX^_Z\\NO%#n-~](?![34568])"  # strings, questions, other character sets
    r"|\x1b\[[0-9;:<=>?]*[ -/]*[cgiptxy](?<!!p)"  # DA, tab stops, printing, reports of the window and of areas
    r"|\x1b\[[^@-~]*n(?<!>[0-9]n)"  # DSR
    r"|\x1b\[[>=?][0-9;]*q|\x1b\[\?[0-9;]*u"  # XTVERSION, kitty's question
)
WHOLE = re.compile(
    r"(?:[^\x1b]|\x1b(?:[78=>DEMc]|[()][B0A]|#[34568]|\[[<=>?]?[0-9:;]*[ -/]{0,2}[@-~]))*",
)
QUERIES = [
    *(b"\x1b[c", b"\x1b[0c", b"\x1b[>c", b"\x1b[=c", b"\x1b[5n", b"\x1b[6n", b"\x1b[?6n", b"\x1bZ", b"\x05"),
    *(b"\x1b[?15n",),
    *(b"\x1b[?1$p", b"\x1b[4$p", b"\x1b[>q", b"\x1b[>0q", b"\x1b[x", b"\x1b[1x", b"\x1b[1$w", b"\x1b[1;1;1;1;1;1*y"),
    *(b"\x1b[14t", b"\x1b[18t", b"\x1b[21t", b"\x1b[8;100;200t", b"\x1b[22;0t", b"\x1b[?u", b"\x1b[?4m", b"\x1b[?1;1S"),
    *(b"\x1bP$qm\x1b\\", b"\x1bP+q544e\x1b\\", b"\x1b]11;?\x07", b"\x1b]4;1;?\x1b\\", b"\x1b_Gi=1,a=q;AAAA\x1b\\"),
    *(b"\x1b]0;title\x07", b"\x1b]2;title\x1b\\", b"\x1b]52;c;cm0gLXJmIC8=\x07", b"\x1b]8;;http://x\x1b\\"),
    *(b"\x1b]1337;File=a:AA\x07", b"\x1bXsos\x1b\\", b"\x1b^pm\x1b\\", b"\x1b[5i", b"\x1b[?5i"),
    *(b"\x1b[2h", b"\x1b[12l"),
    *(b"\x1b[?2048h", b"\x1b[?2031h", b"\x1b[?3h", b"\x1b[3g", b"\x1bH", b"\x1b%@", b"\x1b%G", b"\x1b F", b"\x1b G"),
    *(b"\x1b[62\"p", b"\x1b[1;2;3;4;5T", b"\x1bn", b"\x1b|", b"\x1bl", b"\x1bN", b"\x1b[9999999b", b"\x1b[?1r"),
]  # fmt: skip
PASSED = [
    *(b"plain\r\n\t\b\x07", "Größe 中文 👩‍💻 e\u0301".encode(), b"\x1b[31;1mred\x1b[m"),
    *(b"\x1b[38;2;1;2;3m\x1b[4:3m\x1b[58:2::1:2:3m",),
    *(b"\x1b[H\x1b[2J\x1b[3J\x1b[K\x1b[5;7H\x1b[10G\x1b[3d", b"\x1b[?1049h\x1b[?25l\x1b[?2004h\x1b[?1002;1006h"),
    *(b"\x1b[2;20r", b"\x1b7\x1b8\x1bM\x1bD\x1bE", b"\x1b(0lqk\x1b(B", b"\x1b)0\x0eqqq\x0f", b"\x1b[4 q", b"\x1b[!p"),
    *(b"\x1b[>4;2m", b"\x1b[>1u\x1b[<u", b"\x1b=\x1b>", b"\x1b[4h\x1b[4l"),
    *(b"\x1b[2L\x1b[3M\x1b[4@\x1b[5P\x1b[6X\x1b[7b",),
    *(b"\x1b[?2026h\x1b[?2026l", b"\x1b#8", b"\x1bc", b"\x1b[?1J", b"\x1b[1;5S\x1b[2T"),
]  # fmt: skip


def filtered(data: bytes) -> bytes:
    return OutputFilter().feed(data)


@pytest.mark.parametrize("query", QUERIES, ids=repr)
def test_what_makes_a_terminal_answer_or_reaches_beyond_it_is_dropped(query: bytes) -> None:
    assert filtered(b"a" + query + b"b") == b"ab"


@pytest.mark.parametrize(
    "query", [query for query in QUERIES if query[1:2] in b"[]PX^_" and query[:1] == b"\x1b"], ids=repr
)
def test_so_is_its_8_bit_form(query: bytes) -> None:
    c1 = chr(query[1] + 0x40).encode() + query[2:].replace(b"\x1b\\", "\x9c".encode())
    assert filtered(b"a" + c1 + b"b") == b"ab"


@pytest.mark.parametrize("data", PASSED, ids=repr)
def test_text_colours_cursor_and_modes_pass_unchanged(data: bytes) -> None:
    assert filtered(data) == data
    assert b"".join(map(OutputFilter().feed, (data[:3], data[3:]))) == data


def test_an_8_bit_form_that_may_pass_is_written_in_7_bits() -> None:
    assert filtered("\x9b31mred\x9bm\x85".encode()) == b"\x1b[31mred\x1b[m\x1bE"


def test_bytes_that_are_no_utf_8_are_replaced_and_control_nothing() -> None:
    assert filtered(b"a\x9b31mb\xffc\xc3(").decode() == "a\ufffd31mb\ufffdc\ufffd("
    cut = OutputFilter()
    assert cut.feed(b"caf\xc3") == b"caf"
    assert cut.finish().decode() == "\ufffd"


def test_only_those_of_several_modes_that_may_be_set_are() -> None:
    assert filtered(b"\x1b[?1000;2048;1006h") == b"\x1b[?1000;1006h"
    assert filtered(b"\x1b[4;2h") == b"\x1b[4h"


def test_a_string_ends_where_terminals_end_it() -> None:
    assert filtered(b"\x1b]0;x\x1b[31mred") == b"\x1b[31mred"  # a new sequence
    assert filtered(b"\x1bPq\x07still\x18shown") == b"shown"  # BEL ends an OSC only; CAN ends all
    assert filtered(b"\x1bPtmux;\x1b\x1b]52;c;AA\x07\x1b\\shown") == b"shown"


def test_what_never_ends_is_not_kept() -> None:
    endless = OutputFilter()
    assert endless.feed(b"\x1b[" + b"1;" * 100_000) == b""
    assert len(endless._held) < 1000
    assert endless.feed(b"mshown") == b"shown"
    assert endless.feed(b"\x1b]0;" + b"x" * 1_000_000) == b""
    assert len(endless._held) < 1000
    assert endless.feed(b"\x07shown") == b"shown"


@pytest.mark.parametrize(
    ("set_", "undone"),
    [
        (b"\x1b[?1000;1006h", b"\x1b[?1000l\x1b[?1006l"),
        (b"\x1b[?2004h", b"\x1b[?2004l"),
        (b"\x1b[?1049h\x1b[>1u", b"\x1b[<1u\x1b[?1049l"),
        (b"\x1b[>1u\x1b[>3u\x1b[<u", b"\x1b[<1u"),
        (b"\x1b[?1049h\x1b[>1u\x1b[=5u\x1b[?1049l", b"\x1b7\x1b[?47h\x1b[=0;1u\x1b[<1u\x1b[?47l\x1b8"),
        (b"\x1b[>1u\x1b[?1049h\x1b[>5u", b"\x1b[<1u\x1b[?1049l\x1b[<1u"),
        (b"\x1b[?12h", b"\x1b[?12l"),
        (b"\x1b[=5u", b"\x1b[=0;1u"),
        (b"\x1b[>4;2m", b"\x1b[>4m"),
        (b"\x1b[?25l", b"\x1b[?25h"),
        (b"\x1b[?7l", b"\x1b[?7h"),
        (b"\x1b[4h", b"\x1b[4l"),
        (b"\x1b=", b"\x1b>"),
        (b"\x1b(0", b"\x1b(B"),
        (b"\x0e", b"\x0f"),
        (b"\x1b[2;5r", b"\x1b7\x1b[?6l\x1b[r\x1b8\x1b[?6l"),
        (b"\x1b[5 q", b"\x1b[0 q"),
        (b"\x1b[31m", b"\x1b[0m"),
    ],
    ids=repr,
)
def test_what_would_leave_the_terminal_broken_is_undone_at_the_end(set_: bytes, undone: bytes) -> None:
    output = OutputFilter()
    assert output.feed(set_) == set_
    assert undone in output.finish()
    assert output.finish() == b""


@pytest.mark.parametrize(
    ("first", "second"), [(b"\x1b[?1049h\x1b[?25l", b"\x1b[?25h\x1b[?1049l"), (b"\x1b[4h", b"\x1b[4l")]
)
def test_of_two_streams_to_one_terminal_what_both_have_done_counts(first: bytes, second: bytes) -> None:
    modes = OuterModes()
    out, err = OutputFilter(modes), OutputFilter(modes)
    out.feed(first)
    err.feed(second)
    assert second not in out.finish() + err.finish()
    out.feed(first)
    assert second[-3:] in err.finish()


KEYBOARD = b"\x1b[?1000;1006h\x1b[?1004h\x1b[?2004h\x1b[?1h\x1b=\x1b[>1u\x1b[=5u\x1b[>4;2m"


def test_a_program_without_the_keyboard_does_not_change_what_that_sends() -> None:
    without = OutputFilter(OuterModes(has_keyboard=False))
    assert without.feed(KEYBOARD + b"\x1b[?1049;1002h\x1b[31m") == b"\x1b[?1049h\x1b[31m"
    assert OutputFilter().feed(KEYBOARD) == KEYBOARD
    assert not without.has_talked


@pytest.mark.parametrize(
    "set_",
    [
        KEYBOARD,
        b"\x1b[>1u\x1b[?1049h\x1b[>5u\x1b[?1000h\x1b[?25l",
        b"\x1b[?1049h\x1b[>1u\x1b[?1049l",
        b"\x1b[4h\x1b[?7l\x1b[?12h",
    ],
)
def test_what_is_undone_for_a_while_is_set_again(set_: bytes) -> None:
    output, again = OutputFilter(), OutputFilter()
    output.feed(set_)
    assert output.undone() == output.undone() != b""
    again.feed(output.redone())
    assert again.finish() == output.finish()
    assert output.redone() == output.undone() == b""


def test_nothing_is_undone_that_was_not_done() -> None:
    output = OutputFilter()
    output.feed(b"plain text\r\n\x1b]0;title\x07")
    assert output.finish() == b""
    assert output.feed(b"\x1b[?1000h\x1b[?1000l") == b"\x1b[?1000h\x1b[?1000l"
    assert b"1000" not in output.finish()
    assert filtered(b"\x1b[<9u") == b""  # what the user's shell has pushed stays


@given(st.lists(st.one_of(PIECES, st.sampled_from(QUERIES + PASSED)), max_size=12).map(b"".join), st.data())
def test_any_cut_gives_the_same_and_nothing_forbidden(data: bytes, cuts: st.DataObject) -> None:
    whole = OutputFilter()
    expected = whole.feed(data) + whole.finish()
    pieces, parts, at = OutputFilter(), [], 0
    while at < len(data):
        size = cuts.draw(st.integers(1, 9))
        parts.append(pieces.feed(data[at : at + size]))
        at += size
    assert b"".join(parts) + pieces.finish() == expected
    text = expected.decode()  # strictly
    assert WHOLE.fullmatch(text), text
    assert FORBIDDEN.search(text) is None, text


@given(st.lists(PIECES, max_size=12).map(b"".join))
def test_what_has_passed_once_passes_again(data: bytes) -> None:
    once = filtered(data)
    assert filtered(once) == once
