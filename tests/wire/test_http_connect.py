"""What we say to an HTTP proxy, and what it may answer."""

import base64
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from natpass_wire.errors import RemoteProtocolError
from natpass_wire.http_connect import ProxyResponse, request

YES = b"HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n"


def test_requests() -> None:
    assert request("relay.example.org", 6154, None, None) == (
        b"CONNECT relay.example.org:6154 HTTP/1.1\r\nHost: relay.example.org:6154\r\n\r\n"
    )
    assert request("2001:db8::1", 1, None, None).startswith(b"CONNECT [2001:db8::1]:1 HTTP/1.1\r\n")
    assert request("bücher.example", 1, None, None).startswith(b"CONNECT xn--bcher-kva.example:1 ")
    (line,) = [line for line in request("h", 1, "ü", "p:w").split(b"\r\n") if line.startswith(b"Proxy-")]
    assert base64.b64decode(line.rpartition(b" ")[2]).decode() == "ü:p:w"


@pytest.mark.parametrize("host", ["", "a b", "a\r\nEvil: x", "a\0b", "a\x7fb", "x" * 64 + ".org", "a..b"])
def test_a_host_that_is_none_gets_no_request(host: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever its words are
        request(host, 1, None, None)


@given(st.lists(st.integers(1, len(YES) - 1), max_size=5))
def test_an_answer_may_come_in_any_pieces(cuts: list[int]) -> None:
    answer = ProxyResponse()
    edges = [0, *sorted(set(cuts)), len(YES)]
    said = [answer.receive(YES[start:end]) for start, end in pairwise(edges)]
    assert said == [None] * (len(said) - 1) + [""]


@pytest.mark.parametrize(
    ("answer", "refusal"),
    [
        (b"HTTP/1.0 403 Filtered\r\n\r\n<html>", "403 Filtered"),
        (b"HTTP/1.1 407\r\nProxy-Authenticate: Basic\r\n\r\n", "407"),
        (b"HTTP/1.1 502 \x1b[2J\xff\n\n", "502 \ufffd[2J\ufffd"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", ""),
    ],
)
def test_answers(answer: bytes, refusal: str) -> None:
    assert ProxyResponse().receive(answer) == refusal


@pytest.mark.parametrize(
    "answer", [b"\x05\x00\r\n\r\n", b"HTTP/2 200 OK\r\n\r\n", b"HTTP/1.1 600 X\r\n\r\n", YES + b"x"]
)
def test_what_is_no_answer(answer: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        ProxyResponse().receive(answer)


def test_an_answer_without_an_end_is_given_up() -> None:
    answer = ProxyResponse()
    assert answer.receive(b"x" * 16_000) is None
    with pytest.raises(RemoteProtocolError, match="no end"):
        answer.receive(b"x" * 1000)


@given(st.binary(max_size=200))
def test_whatever_comes_is_judged(data: bytes) -> None:
    try:
        refusal = ProxyResponse().receive(data)
    except RemoteProtocolError:
        return
    assert refusal is None or refusal.isprintable()
