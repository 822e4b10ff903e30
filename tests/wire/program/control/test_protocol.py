"""What is said on a control socket; without a socket."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from natpass_wire.errors import RemoteProtocolError
from natpass_wire.program.control.protocol import MAX_ANSWER_BYTES, MAX_REQUEST_BYTES, ControlAnswer, Request

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.dictionaries(st.text(), VALUES, max_size=4)


@given(st.text(), FIELDS)
def test_a_request_arrives_as_it_was(command: str, arguments: dict[str, object]) -> None:
    request = Request(command, arguments)
    line = request.to_line()
    assert line.count(b"\n") == 1
    assert Request.from_line(line) == request


@given(FIELDS)
def test_a_result_arrives_as_it_was(result: dict[str, object]) -> None:
    assert ControlAnswer.from_line(ControlAnswer(result).to_line()) == ControlAnswer(result)


def test_an_error_arrives_safe_to_print() -> None:
    assert ControlAnswer.from_line(ControlAnswer({}, "no\n\x1b[31m").to_line()).error == "no �[31m"


@given(st.binary(max_size=200))
def test_any_bytes_are_a_request_or_a_protocol_error(line: bytes) -> None:
    for what in (Request, ControlAnswer):
        try:
            made: object = what.from_line(line + b"\n")
        except RemoteProtocolError as error:
            made = error
        assert str(made).isprintable()


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (b"", "not complete"),
        (b'{"control": 1, "command": "status"}', "not complete"),
        (b"status\n", "not JSON"),
        (b"[" * 30_000 + b"\n", "not JSON"),
        (b"[]\n", "not of this protocol"),
        (b"{}\n", "not of this protocol"),
        (b'{"control": true, "command": "status"}\n', "version True"),
        (b'{"control": 2, "command": "status"}\n', "version 2 of the control protocol is not supported here, only 1"),
        (b'{"control": 1}\n', "a command and its arguments"),
        (b'{"control": 1, "command": 7}\n', "a command and its arguments"),
        (b'{"control": 1, "command": "a", "arguments": []}\n', "a command and its arguments"),
        (b" " * MAX_REQUEST_BYTES + b"\n", f"at most {MAX_REQUEST_BYTES} bytes"),
    ],
)
def test_what_is_no_request_is_said(line: bytes, complaint: str) -> None:
    with pytest.raises(RemoteProtocolError, match=complaint):
        Request.from_line(line)


@pytest.mark.parametrize("fields", [{}, {"result": []}, {"error": 7}, {"error": ""}])
def test_what_is_no_answer_is_said(fields: dict[str, object]) -> None:
    with pytest.raises(RemoteProtocolError, match="a result or an error"):
        ControlAnswer.from_line(json.dumps({"control": 1, **fields}).encode() + b"\n")
    with pytest.raises(RemoteProtocolError, match="at most"):
        ControlAnswer.from_line(b" " * MAX_ANSWER_BYTES + b"\n")


def test_names_that_are_not_known_are_ignored() -> None:
    assert Request.from_line(b'{"control": 1, "command": "a", "new": 1}\n') == Request("a", {})
