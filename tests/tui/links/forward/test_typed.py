"""Rules as they are typed in the tab, and what they mean in words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from natpass_tui.links.forward.rules import Direction, parse
from natpass_tui.links.forward.typed import EXAMPLES, examples, hint, meaning, parse_typed, typed_text
from natpass_wire.errors import UserError
from natpass_wire.text import is_printable


@pytest.mark.parametrize("typed", ["L 8080:localhost:80", " -L  8080:localhost:80 ", "l 8080:localhost:80"])
def test_a_rule_is_a_letter_and_its_text(typed: str) -> None:
    rule = parse_typed(typed)
    assert rule == parse(Direction.LOCAL, "8080:localhost:80")
    assert typed_text(rule) == "L 8080:localhost:80"
    assert parse_typed(typed_text(rule)) == rule


@pytest.mark.parametrize(
    ("typed", "fault"),
    [
        ("", "begin with L (local), R (remote), D (proxy) or U (UDP)"),
        ("8080:localhost:80", "begin with L"),
        ("L8080:localhost:80", "begin with L"),
        ("X 8080:localhost:80", "begin with L"),
        ("R", "the rule is missing, as in R 9000:localhost:3000"),
        ("D ", "the rule is missing, as in D 1080"),
        ("L 8080:localhost", "-L 8080:localhost: "),
        ("L 70000:localhost:80", "port 70000"),
    ],
)
def test_what_is_no_rule_is_said_in_one_line(typed: str, fault: str) -> None:
    with pytest.raises(UserError) as raised:
        parse_typed(typed)
    assert fault in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("typed", "means"),
    [
        ("L 8080:localhost:80", "port 8080 here leads to localhost:80 at web"),
        ("L *:8080:localhost:80", "port 8080 of all addresses here leads to localhost:80 at web"),
        ("L 10.0.0.9:8080:[::1]:80", "10.0.0.9:8080 here leads to [::1]:80 at web"),
        ("L 0:/run/db.sock", "a free port here leads to /run/db.sock at web"),
        ("R 9000:localhost:3000", "port 9000 at web leads to localhost:3000 here"),
        ("D 1080", "port 1080 here is a SOCKS and HTTP proxy; web connects"),
        ("U 5353:10.0.0.1:53", "datagrams to port 5353 here go to 10.0.0.1:53 at web"),
    ],
)
def test_a_rule_is_told_in_words(typed: str, means: str) -> None:
    assert meaning(parse_typed(typed), "web") == means
    assert hint(typed, "web") == (means, False)


def test_the_examples_are_rules_and_fit_in_eighty_columns() -> None:
    assert {parse_typed(rule).direction for rule, _ in EXAMPLES} == set(Direction)
    assert max(map(len, examples("web-1").splitlines())) <= 80 - 2 - 4


def test_an_empty_line_shows_the_examples() -> None:
    assert hint(" ", "web") == (examples("web"), False)
    assert hint("nonsense", "web")[1]


@given(st.text(max_size=60))
def test_whatever_is_typed_gives_a_text_that_is_safe_to_print(typed: str) -> None:
    for text in (typed, f"L {typed}", f"U {typed}"):
        shown, _ = hint(text, "web")
        assert all(is_printable(character) for character in shown.replace("\n", ""))
