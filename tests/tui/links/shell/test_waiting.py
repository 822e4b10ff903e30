"""How much input waits, in words."""

import pytest

from natpass_tui.links.shell.waiting import Pieces, amount, keys, waits


@pytest.mark.parametrize(
    ("data", "count"),
    [
        (b"", 0),
        (b"ls -l\r", 6),
        ("grüße 中".encode(), 7),
        (b"\x1b[A\x1b[1;5C\x1bOP\x1b[15~\x1b[97;5u", 5),  # arrows, function keys, the newer encoding
        (b"\x1bb\x1b\x7f\x1b", 3),  # alt and a character; escape alone
        (b"\x03\x03\x04", 3),
        (b"\x1b[200~two\x1b[201~", 3),  # a paste's brackets are no keys
        (b"\x1b[<35;10;20M\x1b[<0;10;20m\x1b[M !!", 0),  # the mouse
        (b"\x1b[I\x1b[O", 0),  # the focus
        (b"\x1b[?62;22c\x1b]11;rgb:00/00/00\x07\x1bP>|term\x1b\\", 0),  # answers
        (b"\xff\xfe\x80", 2),  # no UTF-8: still something, and no error
    ],
)
def test_keys_are_what_a_person_counts(data: bytes, count: int) -> None:
    assert keys(data) == count


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", ""),
        (b"\x1b[I", ""),
        (b"a", "1 key waits"),
        (b"a" * 14, "14 keys wait"),
        (b"a" * 999, "999 keys wait"),
        (b"a" * 2048, "2 KB wait"),
        (bytearray(b"a" * 1_540_000), "1.5 MB wait"),
    ],
)
def test_what_waits(data: bytes, text: str) -> None:
    split: list[Pieces] = [[data], [data[:1], data[1:]], [memoryview(data), b""]]
    for pieces in split:
        assert waits(pieces) == text
        assert text.startswith(amount(pieces))
