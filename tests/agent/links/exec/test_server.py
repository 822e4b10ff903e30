"""Commands as real processes, over a link without a network."""

import asyncio
import logging
import os
import re
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psutil
import pytest

from natpass_agent.links.exec.server import ExecServer
from natpass_agent.platform.environment import Account
from natpass_agent.platform.processes import service
from natpass_agent.platform.processes.fake import FakeProcesses, FakeStdio
from natpass_agent.platform.programs import FakePrograms, PosixPrograms
from natpass_wire.aio.tasks import Tasks
from natpass_wire.identity import fingerprint
from natpass_wire.identity.authorized import Rights
from natpass_wire.identity.keys import PublicKey
from natpass_wire.links import End
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.exec_pb2 import ConnectExec, ExecInput, ExecOutput, ExecSignal
from natpass_wire.pb.link_pb2 import ConnectRequest, LinkEnd
from tests.agent.fake_link import FakeOpener
from tests.agent.processes import is_gone
from tests.support.leaks import children
from tests.support.waiting import patience, wait_for

assert sys.platform != "win32"

pytestmark = pytest.mark.programs

GRACE = 0.3


class ExecOpener(FakeOpener):
    """An opener of a command."""

    def give(self, data: bytes = b"", *, eof: bool = False) -> None:
        self.deliver(Msg(type=MsgType.exec_input, exec_input=ExecInput(data=data, eof=eof)))

    def signal(self, number: int) -> None:
        self.overtake(Msg(type=MsgType.exec_signal, exec_signal=ExecSignal(number=number)))

    def said(self, stream: ExecOutput.Stream = ExecOutput.STDOUT) -> bytes:
        outputs = [message.exec_output for message in self.sent if message.type == MsgType.exec_output]
        return b"".join(output.data for output in outputs if output.stream == stream)


Open = Callable[..., ExecOpener]


@pytest.fixture
def server(tmp_path: Path) -> ExecServer:
    programs = PosixPrograms({"TERM": "agents-own", "NATPASS_SECRET": "secret"}, account=Account(home=str(tmp_path)))
    return ExecServer(service(grace_seconds=GRACE, linger_seconds=GRACE), programs)


@pytest.fixture
async def run(server: ExecServer) -> AsyncIterator[Open]:
    tasks = Tasks()

    def run(*argv: str | bytes, cwd: bytes = b"", env: tuple[bytes, ...] = (), timeout_ms: int = 0) -> ExecOpener:
        words = [os.fsencode(word) for word in argv]
        asked = ConnectExec(argv=words, cwd=cwd, env=env, timeout_ms=timeout_ms)
        opener = ExecOpener(ConnectRequest(kind=ConnectRequest.exec, cexec=asked))
        tasks.start(server.serve(opener.link, opener.request), "exec")
        return opener

    yield run
    async with asyncio.timeout(patience()):
        await tasks.close()


async def ended(opener: ExecOpener) -> End:
    end = await wait_for(lambda: opener.end)
    assert end is not None
    return end


async def accepted(opener: ExecOpener) -> ExecOpener:
    answer = await wait_for(lambda: opener.answer)
    assert answer is not None
    assert answer.ok
    return opener


async def refusal(opener: ExecOpener) -> str:
    answer = await wait_for(lambda: opener.answer)
    assert answer is not None
    assert not answer.ok
    return answer.msg


async def test_outputs_are_apart_and_the_end_comes_behind_them(run: Open) -> None:
    opener = run("sh", "-c", "seq 1 20000; echo err >&2; exit 3")
    assert await ended(opener) == End(LinkEnd.EXITED, "exited with status 3", 3)
    assert opener.said().split() == [b"%d" % number for number in range(1, 20001)]
    assert opener.said(ExecOutput.STDERR) == b"err\n"
    assert [opener.sent[at].type for at in (0, -1)] == [MsgType.connect_rep, MsgType.disconnect]


async def test_the_log_names_the_program_and_none_of_its_arguments(run: Open, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    assert (await ended(run("sh", "-c", ":", "sh", "--password=geheim"))).status == 0
    assert any(re.search(r"command for .*: sh with 4 arguments \(pid", line) for line in caplog.messages)
    assert "no such program" in await refusal(run("mysql --password=geheim"))
    assert "NUL" in await refusal(run("sh", "geheim\0"))
    assert "geheim" not in caplog.text
    assert [line.rsplit(": ", 1)[1] for line in caplog.messages if line.startswith("no command")] == [
        "no such program",
        "an invalid request",
    ]


async def test_who_asks_for_debug_logs_gets_the_arguments(run: Open, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    assert (await ended(run("sh", "-c", ":", "a\nb"))).status == 0
    assert any(re.fullmatch(r"pid \d+ is sh -c : 'a b'", line) for line in caplog.messages), caplog.messages


async def test_the_log_names_the_key_of_who_came(server: ExecServer, caplog: pytest.LogCaptureFixture) -> None:
    """An id is chosen by whoever has the secret, the key is proved."""
    caplog.set_level(logging.INFO)
    opener = ExecOpener(ConnectRequest(kind=ConnectRequest.exec, cexec=ConnectExec(argv=[b"true"])))
    opener.link.key = bytes(32)
    await server.serve(opener.link, opener.request)
    name = fingerprint.short(PublicKey(bytes(32)))
    assert any(line.startswith(f"command for opener (key {name}): ") for line in caplog.messages)


async def test_input_and_its_end(run: Open) -> None:
    opener = await accepted(run("cat"))
    data = bytes(range(256)) * 1000
    for at in range(0, len(data), 50_000):
        opener.give(data[at : at + 50_000])
    opener.give(b"last", eof=True)
    opener.give(b"too late")
    assert (await ended(opener)).status == 0
    assert opener.said() == data + b"last"


async def test_a_signal_goes_to_the_whole_group(run: Open) -> None:
    opener = run("sh", "-c", "sleep 1000 & echo ready; wait; sleep 1000")
    await wait_for(lambda: opener.said() == b"ready\n")
    opener.signal(15)
    assert await ended(opener) == End(LinkEnd.EXITED, "ended by signal 15 (SIGTERM)", -15)
    await wait_for(lambda: not children())


async def test_a_signal_that_comes_in_its_turn_is_one_too(run: Open) -> None:
    opener = await accepted(run("sleep", "1000"))
    opener.deliver(Msg(type=MsgType.exec_signal, exec_signal=ExecSignal(number=15)))
    assert (await ended(opener)).status == -15


async def test_a_signal_does_not_wait_behind_input_that_nobody_reads(run: Open) -> None:
    opener = await accepted(run("sleep", "1000"))
    for _ in range(20):
        opener.give(bytes(50_000))
    await wait_for(lambda: opener.holds, "the input to be left")
    opener.signal(2)
    assert await ended(opener) == End(LinkEnd.EXITED, "ended by signal 2 (SIGINT)", -2)


async def test_signals_that_do_not_exist_do_nothing(run: Open) -> None:
    opener = await accepted(run("cat"))
    for number in (0, 4711, 2**32 - 1):
        opener.signal(number)
    opener.give(b"alive", eof=True)
    assert (await ended(opener)).status == 0
    assert opener.said() == b"alive"


async def test_there_is_no_terminal_and_no_shell_between(run: Open, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    opener = run("sh", "-c", 'env; pwd; printf %s "$1"; test -t 0', "sh", b"$HOME \xff", cwd=b"sub", env=(b"A=\xfe",))
    end = await ended(opener)
    lines = opener.said().split(b"\n")
    assert end.status == 1
    assert lines[-1] == b"$HOME \xff"
    assert str(tmp_path / "sub").encode() in lines
    assert b"A=\xfe" in lines
    assert not [line for line in lines if line.startswith((b"TERM=", b"COLORTERM=", b"NATPASS_"))]


async def test_a_terminal_that_the_opener_names_is_kept(run: Open) -> None:
    opener = run("env", env=(b"TERM=dumb",))
    await ended(opener)
    assert b"TERM=dumb" in opener.said().split(b"\n")


async def test_a_program_is_found_in_its_own_path(run: Open, tmp_path: Path) -> None:
    program = tmp_path / "own"
    program.write_text("#!/bin/sh\necho mine\n")
    program.chmod(0o755)
    opener = run("own", env=(f"PATH={tmp_path}".encode(),))
    await ended(opener)
    assert opener.said() == b"mine\n"


@pytest.mark.parametrize(
    ("argv", "cwd", "reason"),
    [
        (("no-such-program",), b"", "no such program: no-such-program"),
        (("/tmp",), b"", "/tmp is a directory"),
        (("ls",), b"/no/such", "no such directory: /no/such"),
        (("ls",), b"/etc/passwd", "no such directory: /etc/passwd"),
        (("ls",), b"x" * 5000, "cannot use directory"),
        ((), b"", "which command?"),
        (("\x1b[31mred",), b"", "no such program: \ufffd[31mred"),
    ],
)
async def test_what_can_not_run_is_refused_with_the_reason(
    run: Open, argv: tuple[str, ...], cwd: bytes, reason: str
) -> None:
    assert reason in await refusal(run(*argv, cwd=cwd))


async def test_hanging_up_ends_the_whole_group(run: Open) -> None:
    opener = run("sh", "-c", "trap '' TERM; sleep 1000 & echo ready; while :; do sleep 1000; done")
    await wait_for(lambda: opener.said() == b"ready\n")
    group = psutil.Process().children(recursive=True)
    assert len(group) >= 2
    opener.hang_up()
    await wait_for(lambda: all(is_gone(each) for each in group))
    assert opener.end is None


async def test_the_time_limit_ends_it_and_what_it_said_is_sent(run: Open) -> None:
    opener = run(
        "sh", "-c", "trap 'echo last words; exit 1' TERM; echo ready; while :; do sleep 0.01; done", timeout_ms=300
    )
    assert await ended(opener) == End(LinkEnd.TIMED_OUT, "timed out after 0.3 s")
    assert opener.said() == b"ready\nlast words\n"
    await wait_for(lambda: not children())


async def test_the_time_limit_does_not_wait_for_an_opener_that_reads_nothing(run: Open) -> None:
    opener = run("yes", timeout_ms=300)
    await wait_for(opener.said)
    opener.take_nothing()
    assert (await ended(opener)).cause == LinkEnd.TIMED_OUT
    await wait_for(lambda: not children())


async def test_a_command_that_talks_waits_for_a_slow_network(run: Open) -> None:
    opener = run("yes")
    await wait_for(lambda: len(opener.said()) > 100_000)
    opener.take_nothing()
    (process,) = psutil.Process().children()
    await wait_for(lambda: process.status() == psutil.STATUS_SLEEPING)
    before = len(opener.sent)
    opener.take_again()
    await wait_for(lambda: len(opener.sent) > before + 10)
    opener.hang_up()
    await wait_for(lambda: not children())


async def test_input_waits_in_the_link_while_the_command_takes_none() -> None:
    async def sleeps(stdio: FakeStdio) -> int:
        await stdio.wait()
        return 0

    processes = FakeProcesses({"sleeps": sleeps})
    server = ExecServer(processes, FakePrograms({"sleeps"}))
    asked = ConnectExec(argv=[b"sleeps"], cwd=b"/")  # the fake's home does not exist
    opener = ExecOpener(ConnectRequest(kind=ConnectRequest.exec, cexec=asked))
    tasks = Tasks()
    tasks.start(server.serve(opener.link, opener.request), "exec")
    await wait_for(lambda: opener.answer)
    for _ in range(20):
        opener.give(bytes(50_000))
    await wait_for(lambda: opener.holds)
    (process,) = processes.spawned
    assert len(process.stdio.input) <= 64 * 1024
    opener.hang_up()
    await wait_for(lambda: process.is_closed)
    await tasks.close()


async def test_an_opener_that_gives_up_while_it_is_asked_gets_no_process(run: Open) -> None:
    opener = run("sleep", "1000")
    opener.hang_up()
    await asyncio.sleep(0)
    await wait_for(lambda: not children())
    assert opener.answer is None


async def test_no_command_runs_for_who_may_only_look(server: ExecServer) -> None:
    opener = ExecOpener(ConnectRequest(kind=ConnectRequest.exec, cexec=ConnectExec(argv=[b"true"])))
    await server.serve(opener.link, opener.request, Rights(read_only=True))
    assert "read-only" in await refusal(opener)
