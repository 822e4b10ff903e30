"""Requests that are too long for one message, at the console."""

from hypothesis import given
from hypothesis import strategies as st

from natpass_tui.links.exec.request import RemoteCommand
from natpass_tui.links.long_request import LongRequest, refusal_of
from natpass_tui.tty.request import ShellRequest
from natpass_wire.frame import MAX_DATA_BYTES
from natpass_wire.pb.envelope_pb2 import MsgType
from natpass_wire.pb.exec_pb2 import ConnectExec
from natpass_wire.pb.link_pb2 import ConnectShell


@given(st.binary(max_size=100), st.lists(st.integers(1, 40), min_size=1))
def test_the_pieces_are_the_request(data: bytes, rooms: list[int]) -> None:
    request, came = LongRequest(data), bytearray()
    at = 0
    while request:
        message = request.take(most := rooms[at % len(rooms)])
        assert message.type == MsgType.exec_request
        assert 0 < len(message.exec_request.data) <= most
        came += message.exec_request.data
        at += 1
    assert came == data


@given(st.integers(0, 200))
def test_a_command_is_sent_whole_or_announced_and_never_both(above: int) -> None:
    words = (b"printf", b"x" * (MAX_DATA_BYTES - 150 + above))
    shell, plain = ShellRequest(argv=words, cwd=b"d", timeout=2.0), RemoteCommand(argv=words)
    shown, run = shell.message(24, 80), plain.message()
    assert shown.ByteSize() <= MAX_DATA_BYTES
    assert (shown.cshell.rows, shown.cshell.cols) == (24, 80)
    if following := shell.following():
        assert (list(shown.cshell.argv), shown.cshell.follows) == ([b""], len(following))
        sent = ConnectShell.FromString(following)
        assert (tuple(sent.argv), sent.cwd, sent.timeout_ms, sent.rows) == (words, b"d", 2000, 0)
    else:
        assert tuple(shown.cshell.argv) == words
        assert not shown.cshell.follows
    if rest := plain.following():
        assert (list(run.cexec.argv), run.cexec.follows) == ([], len(rest))
        assert tuple(ConnectExec.FromString(rest).argv) == words
    else:
        assert tuple(run.cexec.argv) == words


def test_an_older_agent_is_named_as_the_reason_and_others_keep_theirs() -> None:
    older = f"the natpass-agent there is older, and takes commands of at most {MAX_DATA_BYTES} bytes, not 131072"
    assert refusal_of("which command?", 131072) == older
    assert refusal_of("which command?", 0) == "which command?"
    assert refusal_of("no such program: x", 131072) == "no such program: x"
