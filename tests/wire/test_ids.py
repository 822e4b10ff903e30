"""Ids: which are valid, and that no two share a file name."""

import string
import unicodedata

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from natpass_wire.errors import RemoteProtocolError
from natpass_wire.ids import as_file_name, check_client_id, client_id_fault, link_id_fault
from natpass_wire.text import is_printable, piles_marks, printable


@pytest.mark.parametrize(
    "client_id",
    [
        "a",
        "web-1",
        "web 1",
        "büro",
        "机器",
        "a.b",
        "a..b",
        "...",
        "site/web-1",
        "a-b",
        "a~",
        "x" * 64,
        "é" * 64,
        "👍",
        "servers",
        "tui-host-0123abcd",
        "א",
    ],
)
def test_good_ids(client_id: str) -> None:
    assert client_id_fault(client_id) is None
    assert check_client_id(client_id) == client_id


@pytest.mark.parametrize(
    ("client_id", "why"),
    [
        ("", "at least one"),
        ("x" * 65, "at most 64"),
        ("server", "relay's own"),
        ("SERVER", "relay's own"),
        ("ſerver", "relay's own"),  # a long s, which case folding makes an s
        (" a", "space"),
        ("a ", "space"),
        ("a\u3000", "space"),
        ("a\nb", "invisible"),
        ("a\tb", "invisible"),
        ("\x1b[31m", "invisible"),
        ("a\x7f", "invisible"),
        ("a\x9bb", "invisible"),
        ("a\0", "invisible"),
        ("a\u202eb", "invisible"),  # right-to-left override
        ("a\u2066b", "invisible"),
        ("a\u200bb", "invisible"),  # zero width space
        ("a\u200db", "invisible"),
        ("a\ufeffb", "invisible"),
        ("a\u2028b", "invisible"),
        ("a\udcffb", "invisible"),  # what argv makes of a byte that is no UTF-8
        ("a\ue000b", "invisible"),  # private use
        ("e\u0301", "normal form"),
        ("-rf", "option"),
        ("-", "option"),
        ("--help", "option"),
        ("..", "not a path"),
        (".", "not a path"),
        ("/etc", "not a path"),
        ("\\\\host\\share", "not a path"),
        ("~root", "not a path"),
        ("a/../../etc", "not a path"),
        ("a\\..", "not a path"),
        ("./a", "not a path"),
    ],
)
def test_bad_ids(client_id: str, why: str) -> None:
    assert why in (client_id_fault(client_id) or "")
    with pytest.raises(RemoteProtocolError, match=why):
        check_client_id(client_id)


@given(st.text(max_size=80))
def test_a_good_id_can_be_shown_as_it_is(text: str) -> None:
    if client_id_fault(text) is None:
        assert 1 <= len(text) <= 64
        assert printable(text) == text
        assert unicodedata.normalize("NFC", text) == text
        text.encode()


def test_link_ids() -> None:
    assert link_id_fault("0123456789abcdef") is None
    assert link_id_fault("x" * 64) is None
    assert "missing" in (link_id_fault("") or "")
    assert "at most" in (link_id_fault("x" * 65) or "")
    assert "at most" in (link_id_fault("é" * 33) or "")


ids = st.text(min_size=1, max_size=64).filter(lambda text: client_id_fault(text) is None)
PLAIN = set(string.ascii_lowercase + string.digits + "-_%~ABCDEF")


@given(ids, ids)
@example("A", "a")
@example("con", "CON")
@example("%41", "A")
@example("👍" * 63, "👍" * 64)
@example("👍" * 63 + "a", "👍" * 63 + "b")
def test_no_two_ids_share_a_file_name(one: str, other: str) -> None:
    """Not even where a file system takes upper and lower case for the same."""
    assume(one != other)
    assert as_file_name(one).lower() != as_file_name(other).lower()


@given(ids)
@example("👍" * 64)
@example("..")
@example("/etc/passwd")
@example("com1")
def test_a_file_name_is_one_everywhere(client_id: str) -> None:
    name = as_file_name(client_id)
    assert set(name) <= PLAIN
    assert 1 <= len(name) <= 200  # ext4, NTFS and APFS take 255, minus what callers append
    assert name not in {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))}
    assert as_file_name(client_id) == name


def test_file_names_stay_readable() -> None:
    assert as_file_name("web-1") == "web-1"
    assert as_file_name("Web.1") == "%57eb%2E1"
    assert as_file_name("nul") == "%6Eul"


PILE = "\u0301" * 5


@given(st.text(max_size=400) | st.text("a\u0301\u20dd\n\u202e", max_size=40), st.integers(1, 250) | st.integers(1, 20))
@example(f"a{PILE}", 20)
@example(f"a{PILE}bcdefghijk", 10)  # too long, and not once the pile is gone
@example(f"a{PILE}bcdef{PILE * 2}", 10)  # the second pile came into sight where the first one was
@example(f"abcdefgh{PILE}", 10)  # a pile that is cut
def test_printable_is_one_line_of_harmless_characters(text: str, limit: int) -> None:
    shown = printable(text, limit)
    assert len(shown) <= limit
    assert all(is_printable(character) for character in shown)
    assert len(shown.splitlines()) <= 1
    assert printable(shown, limit) == shown
    shown.encode()
    assert not piles_marks(shown)
    if len(text) <= limit:
        assert len(shown) == len(text) or (piles_marks(text) and len(shown) < len(text))
    else:
        assert shown.endswith("…")


def test_printable() -> None:
    assert printable("a\r\nb\tc") == "a  b c"
    assert printable("\x1b]0;x\x07") == "\ufffd]0;x\ufffd"
    assert printable("safe\u202etxt") == "safe\ufffdtxt"
    assert printable("x" * 201) == "x" * 199 + "…"
    assert printable("é中👍 \xa0") == "é中👍 \xa0"


@pytest.mark.parametrize(
    "invisible", ["\ufe0f", "\u3164", "\u2800", "\u034f", "\U000e0101", "\u180b", "\u115f", "\u0301" * 5]
)
def test_nothing_hides_in_an_id(invisible: str) -> None:
    assert client_id_fault(f"web-1{invisible}") is not None


@pytest.mark.parametrize("client_id", ["wéb-1", "网站", "हिन्दी", "tiếng-việt", "web 1"])
def test_languages_are_ids(client_id: str) -> None:
    assert client_id_fault(client_id) is None
