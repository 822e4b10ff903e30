import pytest
from hypothesis import given
from hypothesis import strategies as st

from natpass_tui.tty.escape import HELP_LINES, Escape, EscapeAction

LEAVE, HELP, SUSPEND = [EscapeAction.LEAVE], [EscapeAction.HELP], [EscapeAction.SUSPEND]


@pytest.mark.parametrize(
    ("typed", "passed", "asked"),
    [
        (b"~.", b"", LEAVE),
        (b"ls\r~.", b"ls\r", LEAVE),
        (b"ls\n~.more", b"ls\n", LEAVE),
        (b"a~.", b"a~.", []),
        (b"\r~~.", b"\r~.", []),
        (b"\r~/bin\r", b"\r~/bin\r", []),
        (b"\r~\r~.", b"\r~\r", LEAVE),
        (b"plain\r", b"plain\r", []),
        (b"~?", b"", HELP),
        (b"~?~\x1a~?ls\r", b"ls\r", HELP + SUSPEND + HELP),
        (b"a~?\r~?~.~?", b"a~?\r", HELP + LEAVE),
        (b"\x1a?", b"\x1a?", []),
    ],
)
def test_what_is_asked_for_behind_a_tilde_at_the_beginning_of_a_line(
    typed: bytes, passed: bytes, asked: list[EscapeAction]
) -> None:
    assert Escape().feed(typed) == (passed, asked)
    assert piecemeal([bytes([byte]) for byte in typed]) == (passed, asked)


def piecemeal(pieces: list[bytes]) -> tuple[bytes, list[EscapeAction]]:
    escape, found = Escape(), b""
    asked: list[EscapeAction] = []
    for piece in pieces:
        part, more = escape.feed(piece)
        found += part
        asked += more
        if EscapeAction.LEAVE in more:
            break
    return found, asked


@given(st.lists(st.sampled_from([b"~", b".", b"?", b"\x1a", b"\r", b"\n", b"a", b"~~", b"ab\r"]), max_size=20))
def test_however_it_is_cut_it_is_the_same(pieces: list[bytes]) -> None:
    assert Escape().feed(b"".join(pieces)) == piecemeal(pieces)


def test_the_list_names_each_of_them() -> None:
    text = "\n".join(HELP_LINES)
    assert all(f"~{'^Z' if asked is EscapeAction.SUSPEND else chr(asked.value)} " in text for asked in EscapeAction)
