"""A command over a link without a network."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable

import pytest

from natpass_tui.links.exec import program as programs
from natpass_tui.links.exec.program import ExecProgram
from natpass_tui.links.exec.request import RemoteCommand
from natpass_tui.links.outcome import Outcome, outcome
from natpass_wire.errors import UserError
from natpass_wire.frame import MAX_DATA_BYTES
from natpass_wire.links import End
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.exec_pb2 import ExecOutput
from natpass_wire.pb.link_pb2 import ConnectRequest, LinkEnd
from tests.support.waiting import patience, wait_for
from tests.tui.fakes import FakeLink
from tests.tui.links.stdio import Stdin, Stdout


class Run:
    """A command that runs."""

    def __init__(self, timeout: float | None = None) -> None:
        self.link = FakeLink("box", ConnectRequest())
        self.stdin, self.out, self.err = Stdin(), Stdout(), Stdout()
        self.program = ExecProgram(self.link, self.stdin, self.out, self.err, timeout)
        self.task: asyncio.Task[Outcome] | None = None

    def says(self, data: bytes, stream: ExecOutput.Stream = ExecOutput.STDOUT) -> None:
        self.link.deliver(Msg(type=MsgType.exec_output, exec_output=ExecOutput(data=data, stream=stream)))

    @property
    def input(self) -> bytes:
        return b"".join(m.exec_input.data for m in self.link.sent if m.type == MsgType.exec_input)

    @property
    def signals(self) -> list[int]:
        return [m.exec_signal.number for m in self.link.sent if m.type == MsgType.exec_signal]

    async def outcome(self) -> Outcome:
        assert self.task is not None
        async with asyncio.timeout(patience(10)):
            return await self.task


@pytest.fixture
async def start() -> AsyncIterator[Callable[..., Run]]:
    async with asyncio.TaskGroup() as group:

        def start(timeout: float | None = None) -> Run:
            run = Run(timeout)
            run.task = group.create_task(run.program.run())
            return run

        yield start


Start = Callable[..., Run]


async def test_outputs_are_written_apart_and_the_status_is_the_commands(start: Start) -> None:
    run = start()
    run.says(b"out")
    run.says(b"err", ExecOutput.STDERR)
    run.says(b"OUT")
    run.link.finish(End(LinkEnd.EXITED, "", 3))
    assert await run.outcome() == Outcome(3)
    assert (run.out.data, run.err.data) == (b"outOUT", b"err")
    counts = run.program.counts
    assert (counts.bytes_out, counts.bytes_err) == (6, 3)


async def test_what_is_here_is_written_at_once_and_the_order_of_the_two_is_kept(start: Start) -> None:
    run = start()
    run.err.room.clear()
    out, err = ExecOutput.STDOUT, ExecOutput.STDERR
    for data, stream in [(b"1", out), (b"2", out), (b"3", err), (b"4", err), (b"5", out)]:
        run.says(data, stream)
    await wait_for(lambda: run.out.data == b"12")
    assert run.link.asked == 1
    assert run.err.data == b""
    run.err.room.set()
    await wait_for(lambda: run.out.data == b"125")
    assert run.err.data == b"34"
    run.link.finish(End(LinkEnd.EXITED, "", 0))
    await run.outcome()


async def test_the_next_batch_is_asked_for_when_the_last_is_written(start: Start) -> None:
    run = start()
    run.out.room.clear()
    run.says(b"1")
    await wait_for(lambda: run.link.asked == 1)
    run.says(b"2")
    for _ in range(10):
        await asyncio.sleep(0)
    assert run.link.asked == 1
    run.out.room.set()
    await wait_for(lambda: run.out.data == b"12")
    run.link.finish(End(LinkEnd.EXITED, "", 0))
    await run.outcome()


async def test_no_more_is_read_than_can_be_sent_and_the_end_is_sent(start: Start) -> None:
    run = start()
    run.link.most = 7
    run.stdin.chunks.put_nowait(b"1234567")
    run.stdin.chunks.put_nowait(b"8")
    run.stdin.chunks.put_nowait(b"")
    await wait_for(lambda: run.link.sent and run.link.sent[-1].exec_input.eof)
    assert run.input == b"12345678"
    assert set(run.stdin.asked[1:]) == {7}
    assert run.program.counts.bytes_in == 8
    run.link.finish(End(LinkEnd.EXITED, "", 0))
    assert await run.outcome() == Outcome(0)


async def test_a_fast_line_takes_several_messages_at_a_time_none_too_large(start: Start) -> None:
    run = start()
    content = os.urandom(3 * MAX_DATA_BYTES + 5)
    run.stdin.chunks.put_nowait(content)
    run.stdin.chunks.put_nowait(b"")
    await wait_for(lambda: run.link.sent and run.link.sent[-1].exec_input.eof)
    assert set(run.stdin.asked) == {programs.READ_MESSAGES * MAX_DATA_BYTES}
    assert run.input == content
    assert [len(m.exec_input.data) for m in run.link.sent] == [*[MAX_DATA_BYTES] * 3, 5, 0]
    assert run.program.counts.bytes_in == len(content)
    run.link.finish(End(LinkEnd.EXITED, "", 0))
    assert await run.outcome() == Outcome(0)


async def test_what_was_read_on_a_fast_line_is_cut_to_what_a_slow_one_takes(start: Start) -> None:
    run = start()
    await wait_for(lambda: run.stdin.asked)
    run.link.most = 1000
    run.stdin.chunks.put_nowait(bytes(2500))
    run.stdin.chunks.put_nowait(b"")
    await wait_for(lambda: run.link.sent and run.link.sent[-1].exec_input.eof)
    assert [len(m.exec_input.data) for m in run.link.sent] == [1000, 1000, 500, 0]
    run.link.finish(End(LinkEnd.EXITED, "", 0))
    await run.outcome()


async def test_nothing_is_read_while_nothing_can_be_sent(start: Start) -> None:
    run = start()
    run.link.detach()
    for _ in range(10):
        await asyncio.sleep(0)
    assert run.stdin.asked == []
    run.link.attach()
    await wait_for(lambda: run.stdin.asked)
    run.link.finish(End(LinkEnd.EXITED, "", 0))
    await run.outcome()


async def test_one_interrupt_is_sent_and_a_second_gives_up(start: Start) -> None:
    run = start()
    run.program.interrupt()
    await wait_for(lambda: run.signals == [2])
    closed_before = run.link.closed
    run.program.interrupt()
    assert await run.outcome() == Outcome(130)
    assert (closed_before, run.link.closed) == (False, True)
    assert run.signals == [2]


async def test_stopping_closes_the_link_even_while_stdout_takes_nothing(start: Start) -> None:
    run = start()
    run.out.room.clear()
    run.says(b"stuck")
    await wait_for(lambda: run.link.asked == 1)
    run.program.stop(143)
    assert await run.outcome() == Outcome(143)
    assert run.link.closed


async def test_a_broken_pipe_is_quiet_and_closes_the_link(start: Start) -> None:
    run = start()
    run.out.error = BrokenPipeError()
    run.says(b"x")
    assert await run.outcome() == Outcome(141)
    assert run.link.closed


async def test_a_full_disk_is_told(start: Start) -> None:
    run = start()
    run.out.error = OSError(28, "No space left on device")
    run.says(b"x")
    assert await run.outcome() == Outcome(255, "cannot write the command's output: No space left on device")


async def test_stdin_that_can_not_be_read_is_told(start: Start) -> None:
    run = start()
    run.stdin.chunks.put_nowait(IsADirectoryError(21, "Is a directory"))
    assert await run.outcome() == Outcome(255, "cannot read stdin: Is a directory")


async def test_an_agent_that_says_nothing_of_a_time_out_is_not_waited_for(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "BACKSTOP_SECONDS", 0.05)
    how = await start(0.05).outcome()
    assert how.status == 124
    assert "0.05 s" in how.text


@pytest.mark.parametrize(
    ("end", "how"),
    [
        (End(LinkEnd.EXITED, "", 0), Outcome(0)),
        (End(LinkEnd.EXITED, "", 255), Outcome(255)),
        (End(LinkEnd.EXITED, "", 256), Outcome(255)),
        (End(LinkEnd.EXITED, "", 3221225477), Outcome(255)),
        (End(LinkEnd.EXITED, "", -2), Outcome(130)),
        (End(LinkEnd.EXITED, "", -9), Outcome(137)),
        (End(LinkEnd.EXITED, "ended"), Outcome(255, "ended")),
        (End(LinkEnd.TIMED_OUT, "timed out after 5 s"), Outcome(124, "timed out after 5 s")),
        (End(LinkEnd.PEER_GONE, "box is gone"), Outcome(255, "box is gone")),
        (End(LinkEnd.CLOSED), Outcome(255, "the link ended without a reason")),
    ],
)
def test_what_an_end_means(end: End, how: Outcome) -> None:
    assert outcome(end) == how


def test_a_request_is_bytes() -> None:
    request = RemoteCommand.from_words(["ls", "\udcff"], "é", ["A=b=c"], 1.5)
    message = request.message()
    assert message.kind == ConnectRequest.exec
    assert list(message.cexec.argv) == [b"ls", b"\xff"]
    assert (message.cexec.cwd, list(message.cexec.env)) == (os.fsencode("é"), [b"A=b=c"])
    assert message.cexec.timeout_ms == 1500


@pytest.mark.parametrize("timeout", [0.0, -1.0, float("nan"), float("inf")])
def test_a_time_limit_is_a_number_of_seconds(timeout: float) -> None:
    with pytest.raises(UserError, match="--timeout"):
        RemoteCommand.from_words(["ls"], timeout=timeout)
