import pytest
from hypothesis import given
from hypothesis import strategies as st

from natpass_agent.links.shell.request import BadRequestError, additions, end_text, resize_of, size_of
from natpass_agent.platform.pty import Size
from natpass_wire.pb.shell_pb2 import ShellResize


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


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_a_size_is_one_the_kernel_can_keep_or_none(rows: int, cols: int) -> None:
    size = resize_of(ShellResize(rows=rows, cols=cols))
    assert size == (Size(rows, cols) if 0 < rows < 65536 and 0 < cols < 65536 else None)
    assert size == size_of(rows, cols)


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
