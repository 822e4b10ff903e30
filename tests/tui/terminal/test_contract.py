"""What both engines do. Where one cannot, it says so by a capability and the test holds it to that."""

import base64

import pytest

from natpass_tui.terminal import Cursor, CursorShape, MouseEncoding, MouseTracking, Scroll, TerminalEngine
from natpass_tui.terminal.ansi import plain
from natpass_tui.terminal.cells import TITLE_LIMIT
from natpass_tui.terminal.clipboard import CLIPBOARD_LIMIT, MOST_CLIPS, Clip
from tests.tui.terminal.conftest import EngineFactory


def lines(engine: TerminalEngine) -> list[str]:
    return engine.text().split("\n")


def test_the_first_snapshot_has_every_row_and_the_next_only_what_changed(engine: TerminalEngine) -> None:
    assert sorted(engine.snapshot().changed) == [0, 1, 2, 3, 4, 5]
    engine.feed(b"one\r\ntwo")
    frame = engine.snapshot()
    assert {row: plain(line).rstrip() for row, line in frame.changed.items()} == {0: "one", 1: "two"}
    assert frame.cursor == Cursor(row=1, col=3)
    assert not engine.snapshot().changed


def test_chunks_never_matter(new_engine: EngineFactory) -> None:
    data = "a\x1b[1;31mré中\x1b[0m\x1b]2;títle\x07\x1b[2;3Hx\x1b[!p\x1b[?2004h".encode()
    whole, split = new_engine(), new_engine()
    whole.feed(data)
    for index in range(len(data)):
        split.feed(data[index : index + 1])
    assert whole.snapshot() == split.snapshot()


def test_colours_and_attributes(engine: TerminalEngine) -> None:
    engine.feed(b"\x1b[1;3;4;5;7;9;31;42mx\x1b[0m\x1b[38;5;9my\x1b[48;2;1;2;3mz\x1b[0m-")
    line = engine.snapshot().changed[0]
    assert line.startswith("\x1b[0;1;3;4;5;7;9;31;42mx")
    assert "48;2;1;2;3mz\x1b[0m-" in line


def test_styled_underlines_and_faint_text(engine: TerminalEngine) -> None:
    engine.feed(b"\x1b[2;4:3;58;5;9mx\x1b[0m \x1b[4;58:2::1:2:3my")
    line = engine.snapshot().changed[0]
    if engine.capabilities.styled_underlines:
        assert "\x1b[0;2;4m\x1b[4:3m\x1b[58:5:9mx" in line
        assert "\x1b[0;4m\x1b[58:2::1:2:3my" in line
    else:
        assert "\x1b[0;4mx" in line


def test_wide_characters_take_two_cells(engine: TerminalEngine) -> None:
    engine.feed("中x".encode())
    assert engine.snapshot().cursor == Cursor(row=0, col=3)
    engine.feed(b"\x1b[1;20H" + "中".encode())
    assert lines(engine)[:2] == ["中x", "中"]


def test_accents_join_their_letter(engine: TerminalEngine) -> None:
    engine.feed("e\u0301x".encode())
    assert lines(engine)[0] in {"e\u0301x", "éx"}
    assert engine.snapshot().cursor.col == 2


def test_line_drawing(engine: TerminalEngine) -> None:
    engine.feed(b"\x1b(0lqk\x1b(Bq\x1b)0\x0eq\x0fq")
    assert lines(engine)[0] == "┌─┐q─q"


def test_half_of_a_wide_character_is_not_left_behind(engine: TerminalEngine) -> None:
    engine.feed("中文\x1b[2Gx".encode())
    assert lines(engine)[0] == " x文"


def test_replies_to_questions(engine: TerminalEngine) -> None:
    assert engine.feed(b"\x1b[5n") == b"\x1b[0n"
    assert engine.feed(b"\x1b[2;4H\x1b[6n") == b"\x1b[2;4R"
    assert engine.feed(b"\x1b[c").startswith(b"\x1b[?6")
    assert engine.feed(b"\x1b[>c").startswith(b"\x1b[>1;")
    assert engine.feed(b"\x1b[?2004$p\x1b[?2004h\x1b[?2004$p") == b"\x1b[?2004;2$y\x1b[?2004;1$y"


def test_the_default_colours_can_be_asked_for(engine: TerminalEngine) -> None:
    assert engine.feed(b"\x1b]11;?\x1b\\") == b"\x1b]11;rgb:1010/1010/1010\x1b\\"
    assert engine.feed(b"\x1b]10;?\x1b\\") == b"\x1b]10;rgb:d8d8/d8d8/d8d8\x1b\\"


@pytest.mark.parametrize(
    "question",
    [
        b"\x1b]2;rm -rf\x07\x1b[21t",  # the title, typed into the shell
        b"\x1b]52;c;?\x07",  # the user's clipboard
        b"\x05",  # answerback
        b"\x1b_Gi=31,s=1,v=1,a=q,t=f,f=24;L2V0Yy9wYXNzd2Q=\x1b\\",  # a file of this machine
    ],
)
def test_questions_that_would_leak_or_inject_are_not_answered(engine: TerminalEngine, question: bytes) -> None:
    assert engine.feed(question) == b""


def test_a_flood_of_questions_is_not_a_flood_of_answers(engine: TerminalEngine) -> None:
    assert len(engine.feed(b"\x1b[c" * 20_000)) <= 64 * 1024


def test_title_and_bells(engine: TerminalEngine) -> None:
    engine.feed(b"\x1b]2;hello\x07\x07\x07")
    assert engine.title == "hello"
    assert engine.bells == 2
    assert (engine.snapshot().title, engine.snapshot().bells) == ("hello", 2)


def test_a_title_is_clean_and_short(engine: TerminalEngine) -> None:
    engine.feed("\x1b]0;\u202eevil\u2066 [red]x[/] ".encode() + b"y" * 500 + b"\x07")
    assert engine.title.startswith("evil [red]x[/] yyy")
    assert len(engine.title) <= TITLE_LIMIT


def test_modes(engine: TerminalEngine) -> None:
    assert engine.modes.mouse is MouseTracking.NONE
    engine.feed(b"\x1b[?1;1004;1002;1006;2004;2026h\x1b=")
    modes = engine.modes
    assert modes.application_cursor
    assert modes.application_keypad
    assert modes.bracketed_paste
    assert modes.focus_events
    assert modes.synchronized_output
    assert (modes.mouse, modes.mouse_encoding) == (MouseTracking.DRAG, MouseEncoding.SGR)
    engine.feed(b"\x1b[?1;1004;1002;1006;2004;2026l\x1b>")
    assert engine.modes.mouse is MouseTracking.NONE
    assert not engine.modes.application_cursor


def test_the_alternate_screen_leaves_the_other_alone(engine: TerminalEngine) -> None:
    engine.feed(b"shell\x1b[?1049h\x1b[2J\x1b[Hvim")
    assert engine.modes.alternate_screen
    assert lines(engine)[0] == "vim"
    engine.feed(b"\x1b[?1049l")
    frame = engine.snapshot()
    assert not frame.modes.alternate_screen
    assert lines(engine)[0] == "shell"
    assert frame.cursor == Cursor(row=0, col=5)


def test_soft_reset_keeps_text_and_cursor(engine: TerminalEngine) -> None:
    engine.feed(b"text\x1b[?1h\x1b[?25l\x1b[2;4r\x1b[31m\x1b[4h\x1b[3;5H\x1b[!px")
    frame = engine.snapshot()
    assert not frame.modes.application_cursor
    assert frame.cursor == Cursor(row=2, col=5)
    assert lines(engine)[0] == "text"
    assert frame.changed[2] == "    x" + " " * 15
    engine.feed(b"\x1b[6;1Hbottom\r\nnext")
    assert lines(engine)[4:] == ["bottom", "next"]


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_soft_reset_split_between_chunks(engine: TerminalEngine, cut: int) -> None:
    engine.feed(b"\x1b[?1h" + b"\x1b[!p"[:cut])
    engine.feed(b"\x1b[!p"[cut:] + b"p")
    assert not engine.modes.application_cursor
    assert lines(engine)[0] == "p"


def test_cursor_shape_and_visibility(engine: TerminalEngine) -> None:
    for code, shape in ((2, CursorShape.BLOCK), (4, CursorShape.UNDERLINE), (6, CursorShape.BAR)):
        engine.feed(b"\x1b[%d q" % code)
        assert engine.snapshot().cursor.shape is shape
    engine.feed(b"\x1b[?25l")
    assert not engine.snapshot().cursor.visible


def test_scrollback(engine: TerminalEngine) -> None:
    engine.feed(b"".join(b"line %d\r\n" % number for number in range(20)))
    engine.snapshot()
    engine.scroll(5)
    frame = engine.snapshot()
    assert frame.scroll == Scroll(offset=5, history=15)
    assert lines(engine)[0] == "line 10"
    assert not frame.cursor.visible
    engine.scroll(10_000)
    assert engine.snapshot().scroll.top == 0
    assert lines(engine)[0] == "line 0"
    engine.scroll_to_bottom()
    assert engine.snapshot().scroll.offset == 0
    engine.scroll_to_top()
    assert engine.snapshot().scroll.offset == 15
    engine.scroll(-15)
    assert lines(engine)[4] == "line 19"


def test_output_does_not_move_what_is_scrolled_to(engine: TerminalEngine) -> None:
    engine.feed(b"".join(b"line %d\r\n" % number for number in range(20)))
    engine.scroll(5)
    before = engine.text()
    engine.feed(b"more\r\n" * 3)
    assert engine.text() == before
    assert engine.snapshot().scroll == Scroll(offset=8, history=18)


def test_as_many_rows_as_promised_are_kept(new_engine: EngineFactory) -> None:
    engine = new_engine(rows=10, cols=200, scrollback_rows=10_000)
    wide = engine.capabilities.exact
    row = b"\x1b[31m%06d" + (b"x" * 190 if wide else b"") + b"\r\n"
    for start in range(0, 12_000, 1000):
        engine.feed(b"".join(row % number for number in range(start, start + 1000)))
    history = engine.snapshot().scroll.history
    assert 10_000 <= history <= 11_500
    engine.scroll_to_top()
    assert lines(engine)[0].startswith(f"{12_000 - 9 - history:06d}")


def test_resize(engine: TerminalEngine) -> None:
    engine.feed(b"0123456789abcdefghij\r\nnext")
    engine.resize(4, 10)
    frame = engine.snapshot()
    assert (frame.rows, frame.cols, sorted(frame.changed)) == (4, 10, [0, 1, 2, 3])
    if engine.capabilities.reflow:
        assert lines(engine)[:3] == ["0123456789", "abcdefghij", "next"]
        engine.resize(6, 20)
        assert lines(engine)[:2] == ["0123456789abcdefghij", "next"]
    else:
        assert lines(engine)[:2] == ["0123456789", "next"]


def test_tiny_sizes(engine: TerminalEngine) -> None:
    for rows, cols in ((1, 1), (1, 2), (2, 1), (50, 300), (1, 1)):
        engine.resize(rows, cols)
        engine.feed("中中\x1b[9;9Hé\r\n\t\x1b[3L\x1b[2P".encode())
        frame = engine.snapshot()
        assert (frame.rows, frame.cols) == (rows, cols)


def test_selected_text(engine: TerminalEngine) -> None:
    engine.feed(b"".join(b"line %d\r\n" % number for number in range(20)))
    assert engine.text_range((3, 2), (4, 3)) == "ne 3\nline"
    assert engine.text_range((4, 3), (3, 2)) == "ne 3\nline"
    assert engine.text_range((19, 0), (900, 900)).rstrip("\n") == "line 19"
    assert engine.text_range((5, 5), (5, 5)) == "5"
    assert engine.text_range((900, 0), (901, 0)) == ""


def test_a_wrapped_line_is_selected_as_one(engine: TerminalEngine) -> None:
    engine.feed(b"x" * 25)
    selected = engine.text_range((0, 0), (1, 19))
    assert selected == ("x" * 25 if engine.capabilities.reflow else "x" * 20 + "\n" + "x" * 5)


def test_clipboard_requests_are_reported_not_done(engine: TerminalEngine) -> None:
    engine.feed(b"\x1b]52;c;aGVsbG8=\x07")
    assert engine.take_clipboard() == (Clip("c", "hello"),)
    assert engine.take_clipboard() == ()
    engine.feed(b"\x1b]52;c;" + b"QUFB" * CLIPBOARD_LIMIT + b"\x07after")
    assert engine.take_clipboard() == ()
    assert "after" in engine.text()


@pytest.mark.parametrize("names", ["c", "p", "s", "q", "0", "7", "", "s0", "pc"])
def test_a_text_keeps_the_name_of_its_selection(engine: TerminalEngine, names: str) -> None:
    engine.feed(f"\x1b]52;{names};aGk=\x07\x1b]52;c;aG8=\x1b\\".encode())
    assert engine.take_clipboard() == (Clip(names, "hi"), Clip("c", "ho"))


def test_of_many_texts_the_last_ones_are_kept_in_order(engine: TerminalEngine) -> None:
    engine.feed(b"".join(b"\x1b]52;p;" + base64.b64encode(b"%d" % number) + b"\x07" for number in range(100)))
    assert [clip.text for clip in engine.take_clipboard()] == [str(number) for number in range(100 - MOST_CLIPS, 100)]


def test_nothing_but_text_comes_of_a_hyperlink(engine: TerminalEngine) -> None:
    engine.feed(b"\x1b]8;;http://evil.example/\x1b\\click\x1b]8;;\x1b\\")
    assert engine.snapshot().changed[0] == "click" + " " * 15


def test_paste(engine: TerminalEngine) -> None:
    assert engine.encode_paste("a\nb\r\nc\x1b[201~\x03") == b"a\rb\rc [201~ "
    engine.feed(b"\x1b[?2004h")
    assert engine.encode_paste("a\n\x1b[201~x\x9b") == b"\x1b[200~a\n [201~x \x1b[201~"


def test_focus(engine: TerminalEngine) -> None:
    assert engine.encode_focus(True) == b""
    engine.feed(b"\x1b[?1004h")
    assert (engine.encode_focus(True), engine.encode_focus(False)) == (b"\x1b[I", b"\x1b[O")


def test_erased_cells_keep_their_background(engine: TerminalEngine) -> None:
    if engine.capabilities.exact:
        engine.feed(b"\x1b[44m\x1b[K\r\n\x1b[48;5;200m\x1b[K\r\n\x1b[48;2;9;8;7m\x1b[K")
        changed = engine.snapshot().changed
        for row, sgr in enumerate(("44", "48;5;200", "48;2;9;8;7")):
            assert changed[row] == f"\x1b[0;{sgr}m{' ' * 20}\x1b[0m"


@pytest.mark.parametrize("alternate", [b"", b"\x1b[?1049h"], ids=["primary", "alternate"])
def test_a_smaller_screen_loses_the_empty_rows_below_first(engine: TerminalEngine, alternate: bytes) -> None:
    engine.feed(alternate + b"\x1b[2J\x1b[Hone\r\ntwo\r\nthree")
    engine.resize(4, 20)
    engine.feed(b" and a half")
    assert engine.text().split("\n") == ["one", "two", "three and a half", ""]
    assert (engine.snapshot().cursor.row, engine.snapshot().cursor.col) == (2, 16)


def test_a_smaller_screen_moves_what_does_not_fit_into_history(engine: TerminalEngine) -> None:
    engine.feed(b"\r\n".join(b"row %d" % number for number in range(6)))
    before = engine.snapshot().scroll.history
    engine.resize(3, 20)
    engine.feed(b"!")
    assert engine.text().split("\n") == ["row 3", "row 4", "row 5!"]
    engine.scroll_to_top()
    assert engine.text().split("\n")[0] == "row 0"
    assert engine.snapshot().scroll.history == before + 3


def test_the_shell_below_an_editor_is_whole_after_a_smaller_screen(engine: TerminalEngine) -> None:
    engine.feed(b"\r\n".join(b"row %d" % number for number in range(6)) + b"\x1b[?1049h\x1b[2J\x1b[Heditor")
    engine.resize(3, 20)
    engine.feed(b"\x1b[?1049l!")
    assert engine.text().split("\n") == ["row 3", "row 4", "row 5!"]
