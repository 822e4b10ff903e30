"""What the requests of several kinds have in common."""

import pytest

from natpass_agent.links.request import BadRequestError, additions, end_text


def test_variables_are_split_at_the_first_equals_sign_and_the_last_of_a_name_counts() -> None:
    assert additions(["A=1", "B==x=", "C=", "A=2"]) == {"A": "2", "B": "=x=", "C": ""}


@pytest.mark.parametrize("entry", ["", "A", "=1", "A=\0", "A\0=1"])
def test_a_malformed_variable_is_named(entry: str) -> None:
    with pytest.raises(BadRequestError, match="malformed env entry"):
        additions(["GOOD=1", entry])


def test_a_hostile_variable_can_not_write_to_the_terminal() -> None:
    with pytest.raises(BadRequestError) as caught:
        additions(["\x1b]0;title\x07" * 100])
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 150


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (0, "exited with status 0"),
        (3, "exited with status 3"),
        (-9, "ended by signal 9 (SIGKILL)"),
        (-250, "ended by signal 250"),
        (None, "ended"),
    ],
)
def test_the_end_is_told_to_a_person(status: int | None, text: str) -> None:
    assert end_text(status) == text
