import os

import pytest

from natpass_agent.links.exec.request import AskedCommand, parse
from natpass_agent.links.request import BadRequestError
from natpass_wire.pb.exec_pb2 import ConnectExec


def test_bytes_that_are_no_text_are_kept() -> None:
    asked = parse(ConnectExec(argv=[b"ls", b"\xff", b""], cwd=b"\xfe", env=[b"A=\xc3(", b"B=1=2"], timeout_ms=1500))
    assert asked == AskedCommand(("ls", "\udcff", ""), "\udcfe", {"A": "\udcc3(", "B": "1=2"}, 1.5)
    assert os.fsencode(asked.argv[1]) == b"\xff"


@pytest.mark.parametrize(("milliseconds", "seconds"), [(0, None), (1, 0.001), (2**64 - 1, None)])
def test_a_time_limit_of_centuries_is_none(milliseconds: int, seconds: float | None) -> None:
    assert parse(ConnectExec(argv=[b"x"], timeout_ms=milliseconds)).timeout == seconds


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (ConnectExec(), "which command"),
        (ConnectExec(argv=[b""]), "which command"),
        (ConnectExec(argv=[b"a\0b"]), "an argument holds a NUL character"),
        (ConnectExec(argv=[b"a"], cwd=b"\0"), "the directory holds a NUL character"),
        (ConnectExec(argv=[b"a"], env=[b"A=\0"]), "a variable holds a NUL character"),
        (ConnectExec(argv=[b"a"], env=[b"=\x1b[2J"]), "malformed env entry"),
    ],
)
def test_what_makes_no_sense_is_told(message: ConnectExec, reason: str) -> None:
    with pytest.raises(BadRequestError, match=reason) as caught:
        parse(message)
    assert str(caught.value).isprintable()
