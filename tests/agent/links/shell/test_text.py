"""Shell output as text, for existing openers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from natpass_agent.links.shell.text import TextPieces, wants_text
from natpass_wire.pb.link_pb2 import ConnectShell

#: Bytes that are likely to be parts of characters: whole ones, cut ones, and any.
PARTS = st.one_of(st.binary(max_size=6), st.text(max_size=4).map(str.encode), st.sampled_from([b"\xf0\x9f", b"\xe4"]))


@given(st.lists(PARTS.filter(bool), max_size=30))
def test_however_output_is_cut_each_piece_is_utf_8_and_nothing_is_lost(parts: list[bytes]) -> None:
    text = TextPieces()
    pieces = [text.feed(part) for part in [*parts, b""]]
    assert "".join(piece.decode("utf-8") for piece in pieces) == b"".join(parts).decode("utf-8", "replace")


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=30), st.integers(12, 60 * 1024))
def test_no_piece_is_larger_than_the_room_for_it(parts: list[bytes], room: int) -> None:
    text = TextPieces()
    for part in [*(part[: text.input_for(room)] for part in parts), b""]:
        assert len(text.feed(part)) <= room


@given(st.lists(st.text(min_size=1), max_size=10).map("".join), st.integers(1, 9))
def test_at_most_three_bytes_wait(output: str, size: int) -> None:
    data = output.encode()
    text, given_bytes, got = TextPieces(), 0, 0
    for at in range(0, len(data), size):
        given_bytes += len(data[at : at + size])
        got += len(text.feed(data[at : at + size]))
        assert 0 <= given_bytes - got <= 3


@pytest.mark.parametrize(
    ("shell", "is_text"),
    [
        (ConnectShell(), True),
        (ConnectShell(exec="bash", env=["A=b"]), True),
        (ConnectShell(exec="bash", rows=24, cols=80), False),
        (ConnectShell(cols=80), False),
    ],
)
def test_who_gets_text(shell: ConnectShell, is_text: bool) -> None:
    assert wants_text(shell) is is_text
