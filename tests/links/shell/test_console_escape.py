import pytest
from hypothesis import given
from hypothesis import strategies as st

from natpass_tui.links.shell.escape import Escape


@pytest.mark.parametrize(
    ("typed", "passed", "leaves"),
    [
        (b"~.", b"", True),
        (b"ls\r~.", b"ls\r", True),
        (b"ls\n~.more", b"ls\n", True),
        (b"a~.", b"a~.", False),
        (b"\r~~.", b"\r~.", False),
        (b"\r~/bin\r", b"\r~/bin\r", False),
        (b"\r~\r~.", b"\r~\r", True),
        (b"plain\r", b"plain\r", False),
    ],
)
def test_a_tilde_and_a_dot_at_the_beginning_of_a_line_leave(typed: bytes, passed: bytes, leaves: bool) -> None:
    assert Escape().feed(typed) == (passed, leaves)
    escape, found, left = Escape(), b"", False
    for byte in typed:
        if left:
            break
        part, left = escape.feed(bytes([byte]))
        found += part
    assert (found, left) == (passed, leaves)


@given(st.lists(st.sampled_from([b"~", b".", b"\r", b"\n", b"a", b"~~", b"ab\r"]), max_size=20))
def test_however_it_is_cut_it_is_the_same(pieces: list[bytes]) -> None:
    whole = Escape().feed(b"".join(pieces))
    escape, found = Escape(), b""
    for piece in pieces:
        part, leaves = escape.feed(piece)
        found += part
        if leaves:
            assert whole == (found, True)
            return
    assert whole == (found, False)
