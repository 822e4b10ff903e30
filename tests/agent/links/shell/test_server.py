"""Shells on real ptys, over a link without a network."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from natpass_agent.links.shell import pump
from natpass_agent.links.shell.server import ShellServer
from natpass_agent.platform.environment import Account
from natpass_agent.platform.programs import FakePrograms, PosixPrograms
from natpass_agent.platform.pty import PtyCommand, service
from natpass_agent.platform.pty.fake import FakePty, FakePtys, FakeTerminal
from natpass_wire.aio.tasks import Tasks
from natpass_wire.identity.authorized import Rights
from natpass_wire.links import End
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.link_pb2 import ConnectRequest, ConnectShell, LinkEnd
from tests.agent.fake_link import FakeOpener
from tests.agent.processes import is_gone
from tests.support.leaks import children, descriptors
from tests.support.waiting import patience, wait_for

assert sys.platform != "win32"

pytestmark = pytest.mark.programs

GRACE = 0.3
Open = Callable[..., FakeOpener]


@pytest.fixture
def server(tmp_path: Path) -> ShellServer:
    inherited = {"LANG": "C.UTF-8", "NATPASS_SECRET": "do not tell", "TMUX": "x", "NOTIFY_SOCKET": "y"}
    programs = PosixPrograms(inherited, account=Account(home=str(tmp_path)))
    return ShellServer(service(grace_seconds=GRACE), programs)


@pytest.fixture
async def open_shell(server: ShellServer) -> AsyncIterator[Open]:
    tasks = Tasks()

    def open_shell(exec_: str = "", *env: str, rows: int = 0, cols: int = 0) -> FakeOpener:
        shell = ConnectShell(exec=exec_, env=env, rows=rows, cols=cols)
        opener = FakeOpener(ConnectRequest(kind=ConnectRequest.shell, cshell=shell))
        tasks.start(server.serve(opener.link, opener.request), "shell")
        return opener

    yield open_shell
    async with asyncio.timeout(patience()):
        await tasks.close()


async def said(opener: FakeOpener, wanted: bytes) -> bytes:
    """Wait until the program has said `wanted`; return all it said."""
    await wait_for(lambda: wanted in opener.output or opener.end or (opener.answer and not opener.answer.ok))
    assert wanted in opener.output, (opener.output[-500:], opener.end, opener.answer)
    return opener.output


async def accepted(opener: FakeOpener) -> FakeOpener:
    answer = await wait_for(lambda: opener.answer)
    assert answer is not None
    assert answer.ok, answer
    return opener


async def ended(opener: FakeOpener) -> End:
    end = await wait_for(lambda: opener.end)
    assert end is not None
    return end


async def refusal(opener: FakeOpener) -> str:
    answer = await wait_for(lambda: opener.answer)
    assert answer is not None
    assert not answer.ok
    return answer.msg


def sh(script: str) -> str:
    return f"sh -c '{script}'"


async def test_a_program_runs_and_its_end_is_told_after_its_output(open_shell: Open) -> None:
    opener = open_shell(sh("seq 1 20000; exit 3"))
    end = await ended(opener)
    assert end == End(LinkEnd.EXITED, "exited with status 3", 3)
    assert opener.output.split() == [b"%d" % number for number in range(1, 20001)]
    assert [message.type for message in opener.sent[:1] + opener.sent[-1:]] == [
        MsgType.connect_rep,
        MsgType.disconnect,
    ]


async def test_a_signal_is_a_negative_status(open_shell: Open) -> None:
    end = await ended(open_shell(sh("kill -KILL $$")))
    assert end == End(LinkEnd.EXITED, "ended by signal 9 (SIGKILL)", -9)


async def test_without_exec_it_is_bash_as_a_login_shell(open_shell: Open, tmp_path: Path) -> None:
    (tmp_path / ".bash_profile").write_text("GREETING=from-the-profile\n")
    opener = await accepted(open_shell())
    opener.say(b"echo $GREETING $((6*7)) $BASH_VERSION$0 $PWD\nexit\n")
    output = await said(opener, b"from-the-profile 42")
    assert b"bash" in output
    assert str(tmp_path).encode() in output
    assert (await ended(opener)).status == 0


async def test_without_bash_it_is_sh(open_shell: Open, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "sh").symlink_to("/bin/sh")
    opener = await accepted(open_shell("", f"PATH={tmp_path}/bin"))
    opener.say(b'echo "$0 ${BASH_VERSION:-not bash}"; exit\n')
    await said(opener, b"/bin/sh not bash")
    await ended(opener)


async def test_without_any_shell_the_reason_names_both(open_shell: Open) -> None:
    assert await refusal(open_shell("", "PATH=/nowhere")) == "no such program: bash or sh"


async def test_the_environment_is_ours_without_secrets_and_with_what_the_opener_adds(open_shell: Open) -> None:
    opener = open_shell("env", "GREETING=é中 = 1", "TERM=vt100", "NATPASS_OF_THE_OPENER=1")
    await ended(opener)
    lines = opener.output.decode().splitlines()
    variables = dict(line.split("=", 1) for line in lines)
    assert variables["GREETING"] == "é中 = 1"
    assert variables["TERM"] == "vt100"
    assert variables["COLORTERM"] == "truecolor"
    assert variables["LANG"] == "C.UTF-8"
    assert variables["NATPASS_OF_THE_OPENER"] == "1"
    assert not {"NATPASS_SECRET", "TMUX", "NOTIFY_SOCKET"} & set(variables)


async def test_a_malformed_variable_is_refused_with_the_reason(open_shell: Open) -> None:
    assert "malformed env entry 'NOVALUE'" in await refusal(open_shell("env", "NOVALUE"))


async def test_exec_is_a_program_a_path_or_a_command_line(open_shell: Open, tmp_path: Path) -> None:
    program = tmp_path / "two words"
    program.write_text('#!/bin/sh\necho it is $0 "$@"\n')
    program.chmod(0o755)
    await said(open_shell(str(program)), b"two words")
    await said(open_shell("./two words"), b"two words")
    await said(open_shell(f"'{program}' 'and an' argument"), b"two words and an argument")
    await said(open_shell("echo 'a  b' \"c\""), b"a  b c")


@pytest.mark.parametrize(
    ("exec_", "reason"),
    [
        ("no-such-program", "no such program: no-such-program"),
        ("no-such-program with arguments", "no such program: no-such-program"),
        ("/no/such/path", "no such program: /no/such/path"),
        ("an 'open quote", "no such program: an 'open quote"),
        ("/tmp", "/tmp is a directory"),
        ("/etc/passwd", "/etc/passwd is not executable"),
        ("  ", "no such program:   "),
        ("a\0b", "a program's name can't hold a NUL character"),
        ("echo a\0b", "an argument or a variable holds a NUL character"),
        ("\x1b[31mred", "no such program: \ufffd[31mred"),
    ],
)
async def test_a_program_that_can_not_run_is_refused_with_the_reason(open_shell: Open, exec_: str, reason: str) -> None:
    if os.access("/etc/passwd", os.X_OK):
        pytest.skip("everything is executable here")
    assert await refusal(open_shell(exec_)) == reason


async def test_a_program_that_the_kernel_can_not_run_is_refused_with_the_reason(
    open_shell: Open, tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    broken.write_text("#!/no/such/interpreter\n")
    broken.chmod(0o755)
    assert "cannot start" in await refusal(open_shell(str(broken)))
    broken.write_bytes(b"\x7fELF but no program")
    assert "Exec format error" in await refusal(open_shell(str(broken)))


async def test_the_size_is_the_openers_or_24_by_80(open_shell: Open) -> None:
    await said(open_shell("stty size"), b"24 80\r\n")
    await said(open_shell("stty size", rows=31, cols=97), b"31 97\r\n")
    await said(open_shell("stty size", rows=31), b"24 80\r\n")
    await said(open_shell("stty size", rows=70_000, cols=80), b"24 80\r\n")


async def test_resizes_are_applied_and_impossible_ones_ignored(open_shell: Open) -> None:
    opener = open_shell(sh("stty -echo; printf ready; while read line; do stty size; done"))
    await said(opener, b"ready")
    for rows, cols in ((40, 120), (0, 0), (0, 5), (5, 0), (65536, 80)):
        opener.resize(rows, cols)
    opener.say(b"\n")
    assert (await said(opener, b"\r\n")).strip() == b"ready40 120"
    opener.resize(65535, 1)
    opener.say(b"\n")
    await said(opener, b"65535 1\r\n")


async def test_bytes_are_unchanged_both_ways(open_shell: Open) -> None:
    opener = open_shell(sh("stty raw -echo; printf ready; exec cat"), rows=24, cols=80)
    await said(opener, b"ready")
    every_byte = bytes(range(256)) * 64
    text = "é中".encode() + b"\xff\xfe\xc3("
    for at in range(len(text)):
        opener.say(text[at : at + 1])
    opener.say(every_byte)
    expected = b"ready" + text + every_byte
    await wait_for(lambda: len(opener.output) >= len(expected))
    assert opener.output == expected


async def test_closing_the_link_ends_the_child_and_its_group(open_shell: Open) -> None:
    opener = open_shell(sh("sleep 1000 & sleep 1000"))
    await wait_for(lambda: opener.answer)
    group = await wait_for(lambda: [p for p in psutil.Process().children(recursive=True) if p.name() == "sleep"])
    await wait_for(lambda: len(psutil.Process().children(recursive=True)) == 3)
    opener.hang_up()
    await wait_for(lambda: not children() and all(is_gone(p) for p in group))


async def test_a_whole_group_that_ignores_the_hang_up_is_killed(open_shell: Open) -> None:
    opener = open_shell(sh('trap "" HUP; sleep 1000 & echo ready; wait'))
    await said(opener, b"ready")
    processes = psutil.Process().children(recursive=True)
    assert len(processes) == 2
    opener.hang_up()
    await wait_for(lambda: all(is_gone(p) for p in processes))
    assert opener.end is None


async def test_a_stopped_program_is_ended_as_well(open_shell: Open) -> None:
    opener = open_shell("sleep 1000")
    await wait_for(lambda: opener.answer)
    (process,) = psutil.Process().children()
    process.suspend()
    await wait_for(lambda: process.status() == psutil.STATUS_STOPPED)
    opener.hang_up()
    await wait_for(lambda: is_gone(process))


async def test_what_runs_in_front_of_an_interactive_shell_is_killed_with_it(open_shell: Open) -> None:
    opener = await accepted(open_shell("bash --norc -i"))
    opener.say(b"sh -c 'trap \"\" HUP; echo in''-front; while :; do sleep 1000; done'\n")
    await said(opener, b"in-front")
    await wait_for(lambda: len(psutil.Process().children(recursive=True)) == 3)  # bash, sh, sleep
    processes = psutil.Process().children(recursive=True)
    opener.hang_up()
    await wait_for(lambda: all(is_gone(process) for process in processes))


async def test_a_job_that_was_started_to_outlive_its_terminal_does(open_shell: Open) -> None:
    opener = await accepted(open_shell("bash --norc -i"))
    opener.say(b"nohup sleep 1000 >/dev/null 2>&1 & echo job-$!-\n")
    await wait_for(lambda: re.search(rb"job-(\d+)-", opener.output))  # not the echo of what was typed
    found = re.search(rb"job-(\d+)-", opener.output)
    assert found is not None
    job = psutil.Process(int(found[1]))
    await wait_for(lambda: job.name() == "sleep")  # nohup has done its part
    opener.hang_up()
    try:
        await wait_for(lambda: not children())
        assert job.is_running()
    finally:
        with suppress(psutil.NoSuchProcess):
            job.kill()


async def test_what_a_program_leaves_behind_ends_with_it(open_shell: Open) -> None:
    opener = open_shell(sh('trap "" HUP; yes & sleep 0.1; exit 5'))
    end = await ended(opener)
    assert end.status == 5
    await wait_for(lambda: not [p for p in psutil.process_iter(["name"]) if p.info["name"] == "yes" and not is_gone(p)])


async def test_a_program_that_closes_its_terminal_is_waited_for(open_shell: Open) -> None:
    opener = open_shell(sh("exec </dev/null >/dev/null 2>&1; sleep 0.3; exit 4"))
    assert (await ended(opener)).status == 4


async def test_signals_that_python_ignores_are_not_ignored_by_programs(open_shell: Open) -> None:
    opener = open_shell("grep -E SigIgn|SigBlk /proc/self/status")
    await ended(opener)
    masks = [line.split()[1] for line in opener.output.splitlines()]
    assert len(masks) == 2
    # Two numbers belong to the C library: nobody can set them, and make hands them on ignored.
    settable = sum(1 << (number - 1) for number in signal.valid_signals())
    assert all(int(mask, 16) & settable == 0 for mask in masks)


async def test_programs_get_none_of_our_descriptors(open_shell: Open, tmp_path: Path) -> None:
    kept = os.open(tmp_path, os.O_RDONLY)
    os.set_inheritable(kept, True)
    try:
        opener = open_shell("ls /proc/self/fd")
        await ended(opener)
    finally:
        os.close(kept)
    assert opener.output.split() == [b"0", b"1", b"2", b"3"]  # 3 is the directory that ls reads


async def test_a_hundred_shells_leave_nothing_behind(open_shell: Open) -> None:
    await ended(open_shell(sh("exit 0")))
    await wait_for(lambda: not children())
    before = descriptors()  # the first one's terminal may be among them
    for batch in range(5):
        openers = [open_shell("cat") if number % 2 else open_shell(sh("exit 0")) for number in range(20)]
        for opener in openers:
            (await accepted(opener)).hang_up()
        await wait_for(lambda: not children(), f"batch {batch}")
    assert descriptors() <= before


async def test_a_program_that_talks_waits_for_a_slow_network(open_shell: Open) -> None:
    opener = open_shell("yes")
    await wait_for(lambda: len(opener.output) > 100_000)
    opener.take_nothing()
    (process,) = psutil.Process().children()
    await wait_for(lambda: process.status() == psutil.STATUS_SLEEPING)
    count, memory = len(opener.sent), psutil.Process().memory_info().rss
    times = process.cpu_times()
    with suppress(AssertionError):
        await wait_for(
            lambda: len(opener.sent) > count + 1 or process.cpu_times().user > times.user + 0.05, timeout=0.5
        )
    assert len(opener.sent) <= count + 1  # one read may have had room already
    assert psutil.Process().memory_info().rss - memory < 10_000_000
    opener.take_again()
    await wait_for(lambda: len(opener.sent) > count + 10)


async def test_a_talking_program_leaves_the_loop_to_others(open_shell: Open) -> None:
    opener = open_shell("yes")
    other = open_shell(sh("stty raw -echo; printf ready; exec cat"))
    await said(other, b"ready")
    other.say(b"x")
    await said(other, b"readyx")
    assert opener.end is None


async def test_a_program_that_reads_nothing_stops_the_link_and_its_end_is_still_seen(open_shell: Open) -> None:
    opener = open_shell(sh("stty raw -echo; printf ready; exec sleep 1000"))
    await said(opener, b"ready")
    for _ in range(100):
        opener.say(b"x" * 10_000)
        await asyncio.sleep(0)
    assert opener.holds
    opener.hang_up()
    await wait_for(lambda: not children())
    assert not opener.holds


async def test_a_program_that_holds_up_everybody_is_given_up(open_shell: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pump.carry, "__kwdefaults__", {"stalled_seconds": 0.2, "valid_seconds": 2.0})
    opener = open_shell(sh("stty raw -echo; printf ready; exec sleep 1000"))
    await said(opener, b"ready")
    for _ in range(100):
        opener.say(b"x" * 10_000)
    end = await ended(opener)
    assert end.cause == LinkEnd.FAILED
    assert "has read no input" in end.text
    await wait_for(lambda: not children())


async def test_input_waits_for_a_program_that_reads_late(open_shell: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pump.carry, "__kwdefaults__", {"stalled_seconds": 0.1, "valid_seconds": 2.0})
    opener = open_shell(sh("stty raw -echo; printf ready; sleep 0.5; exec wc -c"))
    await said(opener, b"ready")
    for _ in range(20):
        opener.say(b"x" * 10_000)  # less than makes the connection wait
    assert not opener.holds
    await wait_for(lambda: not opener.link._unread)
    opener.hang_up()


async def test_messages_that_a_shell_has_no_use_for_are_ignored(open_shell: Open) -> None:
    opener = open_shell("cat")
    await accepted(opener)
    opener.deliver(Msg(type=MsgType.vnc_cad))
    opener.deliver(Msg(type=MsgType.forward))
    opener.say(b"still here\n")
    await said(opener, b"still here\r\nstill here")


async def test_a_link_that_is_given_up_before_its_turn_starts_nothing(server: ShellServer) -> None:
    opener = FakeOpener(ConnectRequest(kind=ConnectRequest.shell, cshell=ConnectShell(exec="cat")))
    opener.hang_up()
    await server.serve(opener.link, opener.request)
    assert opener.sent == []


async def test_the_loop_has_a_turn_between_two_starts(tmp_path: Path) -> None:
    turns: list[int] = [0]
    seen: list[int] = []

    async def count_turns() -> None:
        while True:
            turns[0] += 1
            await asyncio.sleep(0)

    class Busy(FakePtys):
        def spawn(self, command: PtyCommand) -> FakePty:
            seen.append(turns[0])
            return super().spawn(command)

    async def ends_at_once(terminal: FakeTerminal) -> int:
        return 0

    server = ShellServer(Busy({"sh": ends_at_once}), FakePrograms({"sh"}))
    async with asyncio.timeout(patience()), asyncio.TaskGroup() as group:
        counter = group.create_task(count_turns())
        openers = [FakeOpener(ConnectRequest(kind=ConnectRequest.shell)) for _ in range(20)]
        shells = [group.create_task(server.serve(opener.link, opener.request)) for opener in openers]
        await asyncio.wait(shells)
        counter.cancel()
    assert len(set(seen)) == len(openers)  # late openers can be answered meanwhile


async def test_stopping_the_agent_ends_its_programs(open_shell: Open) -> None:
    opener = open_shell(sh('trap "" HUP; echo ready; while :; do sleep 1000; done'))
    await said(opener, b"ready")
    # The fixture cancels, and the watch for what a test leaves behind finds nothing.


async def test_no_shell_runs_for_who_may_only_look(server: ShellServer) -> None:
    opener = FakeOpener(ConnectRequest(kind=ConnectRequest.shell, cshell=ConnectShell()))
    await server.serve(opener.link, opener.request, Rights(read_only=True))
    assert "read-only" in await refusal(opener)
