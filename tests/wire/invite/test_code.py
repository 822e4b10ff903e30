"""One-time codes, as they are made and as people type them."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from natpass_wire.errors import UserError
from natpass_wire.invite.code import MOST_NAMEPLATE, RANDOM_BYTES, WORD_COUNT, Code
from natpass_wire.invite.words import WORDS

RANDOM = st.binary(min_size=RANDOM_BYTES, max_size=RANDOM_BYTES)


def distance_is_one(one: str, two: str) -> bool:
    """Tell whether one letter more, less or other makes one word of the other."""
    if abs(len(one) - len(two)) > 1:
        return False
    if len(one) == len(two):
        return sum(a != b for a, b in zip(one, two, strict=True)) == 1
    short, long = sorted((one, two), key=len)
    return any(long[:at] + long[at + 1 :] == short for at in range(len(long)))


def test_the_words_are_256_that_are_not_mistaken_for_one_another() -> None:
    assert len(set(WORDS)) == len(WORDS) == 256
    assert all(word.isascii() and word.isalpha() and word.islower() for word in WORDS)
    assert len({word[:4] for word in WORDS}) == 256
    assert not [pair for pair in itertools.combinations(WORDS, 2) if distance_is_one(*pair)]


@given(RANDOM)
def test_a_code_is_read_as_it_was_made(random: bytes) -> None:
    code = Code.make(random)
    assert 1 <= code.nameplate <= MOST_NAMEPLATE
    assert Code.parse(str(code)) == code


@given(
    RANDOM, st.lists(st.sampled_from(["-", " ", "  ", " - ", "_", "\t", "."]), min_size=5, max_size=5), st.booleans()
)
def test_case_and_what_stands_between_do_not_matter(random: bytes, between: list[str], upper: bool) -> None:
    code = Code.make(random)
    parts = str(code).split("-")
    text = between[4] + "".join(part + sep for part, sep in zip(parts, between, strict=False))
    assert Code.parse(text.upper() if upper else text.title()) == code


@given(RANDOM, st.integers(0, WORD_COUNT - 1), st.integers(1, 255))
def test_each_word_matters(random: bytes, at: int, by: int) -> None:
    other = bytearray(random)
    other[at] = (other[at] + by) % 256
    assert Code.make(bytes(other)).words != Code.make(random).words


@given(st.text(max_size=300))
def test_nonsense_is_one_line(text: str) -> None:
    with pytest.raises(UserError) as refused:
        Code.parse(text)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "a number and 3 words"),
        ("acorn-acorn-acorn", "a number and 3 words"),
        ("5-acorn-acorn", "a number and 3 words"),
        ("5-acorn-acorn-acorn-acorn", "a number and 3 words"),
        ("0-acorn-acorn-acorn", "between 1 and 9999"),
        ("10000-acorn-acorn-acorn", "between 1 and 9999"),
        ("²-acorn-acorn-acorn", "a number and"),
        ("5-acorn-accorn-acorn", "'accorn' is in no invite code: acorn"),
        ("5-acorn-\x1b[31m-acorn", "no invite code"),
    ],
)
def test_what_is_no_code(text: str, complaint: str) -> None:
    with pytest.raises(UserError, match=complaint):
        Code.parse(text)


def test_the_words_do_not_show() -> None:
    assert "acorn" not in repr(Code.parse("5-acorn-acorn-acorn"))
