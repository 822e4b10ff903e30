"""What the user's terminal sends, to Textual's messages: nothing makes the parser raise, and the next key arrives."""

import codecs
import itertools
import logging

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from textual import events
from textual._xterm_parser import XTermParser
from textual.message import Message

from natpass_tui.driver import prepare_keyboard
from natpass_tui.driver.parser import OuterParser

prepare_keyboard()


class Terminal:
    """Writes bytes as a terminal does, and waits."""

    def __init__(self) -> None:
        self.now = 0.0
        self.parser = OuterParser(prefix="\x1d", clock=lambda: self.now)
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode

    def sends(self, data: bytes, seconds: float = 0.0) -> list[Message]:
        found = self.parser.feed(self._decode(data)) + self.parser.tick()
        self.now += seconds
        return found + self.parser.tick()


def keys(messages: list[Message]) -> list[tuple[str, str | None]]:
    return [(message.key, message.character) for message in messages if isinstance(message, events.Key)]


ODD = [
    b"\x1b[97:65;4u", b"\x1b[97;1:3u", b"\x1b[:u", b"\x1b[99999999999999u", b"\x1b[223::115;;223u", b"\x1b[1;1:3A",
    b"\x1b[4294967296A", b"\x1b[1114112u", b"\x1b[55296u", b"\x1b[97;;55296u", b"\x1b[97;;99999999999u", b"\x1b[;;;u",
    b"\x1b[97;99999999999999999999u", b"\x1b[97;-1u", b"\x1b[28~", b"\x1b[26~", b"\x1b[200~\x1b[201~", b"\x1b[201~",
    b"\x1b[<" + b"9" * 400 + b";1;1M", b"\x1b[<0;" + b"9" * 5000 + b";1M", b"\x1b[<0;-5;1M", b"\x1b[<;;M",
    b"\x1b[48;0;0;0;0t", b"\x1b[48;99999;99999;1;1t", b"\x1b[48;" + b"9" * 5000 + b";1;1;1t", b"\x1b[48;24;80;0;0t",
    b"\x1b[99999999999999999;1R", b"\x1b[?99999999999;9$y", b"\x1b[?1u", b"\x1b[?62;22c", b"\x1b[>1;2;3c", b"\x1b[0n",
    b"\x1b]11;rgb:0/0/0\x1b\\", b"\x1bP>|x\x1b\\", b"\x1b_Gi=1;OK\x1b\\", b"\x1b[M\xff\xff\xff", b"\x1b[[Z", b"\x1b[3$",
    b"\xff\xfe", b"\xed\xa0\x80", b"\xc3", b"\x9b97u", b"\x00",
    b"\x1b[1;2;3;4;5;6;7;8;9;10;11;12;13;14;15;16;17;18;19m",
]  # fmt: skip


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: repr(odd[:24]))
def test_odd_sequences_are_survived_and_type_nothing_but_keys(odd: bytes) -> None:
    terminal = Terminal()
    found = keys(terminal.sends(odd, seconds=3.0))
    assert len(found) <= 4
    assert keys(terminal.sends(b"ls\r\x1b[A"))[-4:] == [("l", "l"), ("s", "s"), ("enter", "\r"), ("up", None)]


@pytest.mark.parametrize(
    "answer",
    [
        b"\x1b[?1u", b"\x1b[?62;22c", b"\x1b[>1;390;0c", b"\x1b[0n", b"\x1b[?997;1n", b"\x1b[24;80R", b"\x1b[8;24;80t",
        b"\x1b]11;rgb:1e1e/1e1e/1e1e\x1b\\", b"\x1b]4;1;rgb:cdcd/0000/0000\x07", b"\x1bP>|XTerm(390)\x1b\\",
        b"\x1bP1+r524742=38\x1b\\", b"\x1bP1$r2 q\x1b\\", b"\x1bP!|00000000\x1b\\", b"\x1b_Gi=31;OK\x1b\\",
        b"\x1b[?2026;2$y", b"\x1b]52;c;aGVsbG8=\x1b\\", b"\x1b[I", b"\x1b[O", b"\x1b]lTitle\x1b\\",
    ],
    ids=repr,
)  # fmt: skip
def test_an_answer_is_never_typed(answer: bytes) -> None:
    for cut in range(len(answer) + 1):
        terminal = Terminal()
        found = terminal.sends(answer[:cut]) + terminal.sends(answer[cut:], seconds=3.0)
        assert keys(found) == []
        assert keys(terminal.sends(b"x")) == [("x", "x")]


def test_what_textual_raises_on_is_dropped_counted_and_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "natpass_tui.driver.parser")
    terminal = Terminal()
    with monkeypatch.context() as patch:
        patch.setattr(XTermParser, "parse_mouse_code", lambda *_: 1 // 0)
        assert terminal.sends(b"\x1b[<0;31;41M") == []
    assert terminal.parser.dropped == 1
    assert "ZeroDivisionError" in caplog.text
    assert keys(terminal.sends(b"\x1b[A")) == [("up", None)]
    (pressed,) = terminal.sends(b"\x1b[<0;31;41M")
    assert isinstance(pressed, events.MouseDown)
    assert (pressed.x, pressed.y) == (30, 40)


def test_what_is_typed_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "natpass_tui.driver.parser")
    terminal = Terminal()
    terminal.sends(b"\x1b[115:83:101;9999;99:114:101:116u\x1b]52;c;c2VjcmV0\x07")
    assert terminal.parser.dropped == 2
    assert "115" not in caplog.text
    assert "c2V" not in caplog.text


@pytest.mark.parametrize(
    "report",
    [
        *(b"\x1b[48;24;80;480;800t", b"\x1b[48;1;1;1;1t", b"\x1b[48;4096;4096;1;1t", b"\x1b[48;30:1;90:2;0;0t"),
        *(b"\x1b[?2048;%d$y" % setting for setting in range(5)),
    ],
)
def test_a_size_in_band_is_not_believed(report: bytes) -> None:
    terminal = Terminal()
    assert terminal.sends(report) == []
    (pressed,) = terminal.sends(b"\x1b[<0;31;41M")  # cells, whatever was said of pixels
    assert isinstance(pressed, events.MouseDown)
    assert (pressed.x, pressed.y) == (30, 40)
    assert terminal.parser.dropped == 1


def test_a_mouse_far_out_is_dropped() -> None:
    terminal = Terminal()
    assert not terminal.sends(b"\x1b[<0;99999999;1M")
    assert terminal.parser.dropped == 1
    assert len(terminal.sends(b"\x1b[<0;5;5M")) == 1


def test_the_mouse_outside_of_the_screen() -> None:
    parser = OuterParser(size=lambda: (24, 80))
    assert len(parser.feed("\x1b[<0;80;24M\x1b[<35;81;24M\x1b[<64;5;25M\x1b[<0;5;99M")) == 1
    assert parser.dropped == 3
    (released,) = parser.feed("\x1b[<0;200;99m")
    assert isinstance(released, events.MouseUp)
    assert (released.x, released.y) == (79, 23)


def test_escape_and_text_in_one_read_are_typed_as_they_came() -> None:
    terminal = Terminal()
    typed = keys(terminal.sends(b"\x1bP:wq\r"))
    assert [name for name, _ in typed] == ["escape", "P", "colon", "w", "q", "enter"]
    typed = keys(terminal.sends(b"\x1bOhello"))
    assert [name for name, _ in typed] == ["escape", "O", "h", "e", "l", "l", "o"]


@pytest.mark.parametrize(
    ("introducer", "key"),
    [
        (b"[", "alt+left_square_bracket"), (b"]", "alt+right_square_bracket"), (b"O", "alt+shift+o"),
        (b"P", "alt+shift+p"), (b"_", "alt+underscore"), (b"^", "alt+circumflex_accent"), (b"X", "alt+shift+x"),
        (b"\\", "alt+backslash"), ("é".encode(), "alt+é"), ("É".encode(), "alt+shift+é"),
    ],
)  # fmt: skip
def test_alt_with_what_begins_sequences(introducer: bytes, key: str) -> None:
    assert keys(Terminal().sends(b"\x1b" + introducer, seconds=0.03)) == [(key, None)]


def test_a_paste_is_its_text_whatever_is_in_it() -> None:
    found = Terminal().sends(b"\x1b[200~echo a\x1b[31mb\x00\nid\x1d\n\x1b[201~x")
    (pasted,) = [message.text for message in found if isinstance(message, events.Paste)]
    assert pasted == "echo a\x1b[31mb\nid\x1d\n"
    assert keys(found) == [("x", "x")]


def test_the_prefix_is_a_key_of_its_own_behind_an_escape() -> None:
    assert [name for name, _ in keys(Terminal().sends(b"\x1b\x1d"))] == ["escape", "ctrl+right_square_bracket"]


NUMBER = st.one_of(
    st.integers(0, 70000).map(str), st.integers(0, 10**40).map(str), st.sampled_from(["", "-1", "1" * 500])
)
PARAMETERS = st.lists(st.tuples(NUMBER, st.sampled_from([";", ":", ""])), max_size=6).map(
    lambda parts: "".join(number + separator for number, separator in parts)
)
CONTROL_SEQUENCE = st.builds(
    lambda mark, parameters, intermediate, final: f"\x1b[{mark}{parameters}{intermediate}{final}".encode(),
    st.sampled_from(["", "", "<", "=", ">", "?"]),
    PARAMETERS,
    st.sampled_from(["", "", "$", " ", "!"]),
    st.one_of(st.sampled_from("u~ABCDEFHPQRSMmtyIOc"), st.integers(0x40, 0x7E).map(chr)),
)
STRING = st.builds(
    lambda start, body, end: b"\x1b" + start + body + end,
    st.sampled_from([b"]", b"P", b"_", b"^", b"X", b"]11;", b"P1$r", b"_G"]),
    st.binary(max_size=12),
    st.sampled_from([b"\x1b\\", b"\x07", b"\x9c", b""]),
)
SS3 = st.builds(lambda parameters, final: b"\x1bO" + (parameters + final).encode(), PARAMETERS, st.characters())
INPUT = st.one_of(CONTROL_SEQUENCE, STRING, SS3, st.binary(max_size=6), st.just(b"\x1b[200~"), st.just(b"\x1b[201~"))


@settings(max_examples=150)
@given(
    st.lists(INPUT, min_size=1, max_size=8).map(b"".join),
    st.lists(st.integers(0, 60), max_size=4),
    st.sampled_from([0.0, 0.03, 0.3, 1.1]),
)
@example(b"\x1b[97:65;4u\x1b[97;1:3u\x1b[:u\x1b[99999999999999u", [3, 8], 0.0)
@example(b"\x1b[1;1u", [], 0.0)
def test_whatever_comes_the_next_key_arrives(data: bytes, cuts: list[int], seconds: float) -> None:
    terminal = Terminal()
    bounds = [0, *sorted(cuts), len(data)]
    for start, end in itertools.pairwise(bounds):
        terminal.sends(data[start:end], seconds)
    terminal.now += 3.0
    terminal.parser.tick()
    assert terminal.parser.due is None
    assert keys(terminal.sends(b"z\x1b[A"))[-2:] == [("z", "z"), ("up", None)]
