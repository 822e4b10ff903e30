"""What real processes do on POSIX beyond the contract."""

import asyncio
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from natpass_agent.platform.processes import Output, Process, ProcessCommand, service
from natpass_agent.platform.programs import SpawnError
from tests.agent.processes import is_gone
from tests.support.leaks import children, descriptors
from tests.support.waiting import patience, wait_for

assert sys.platform != "win32"

pytestmark = pytest.mark.programs

GRACE, LINGER = 0.3, 0.3


async def spawn(script: str, cwd: str = "/", env: dict[str, str] | None = None) -> Process:
    processes = service(grace_seconds=GRACE, linger_seconds=LINGER)
    return await processes.spawn(ProcessCommand(("/bin/sh", "-c", script), env or {"PATH": os.environ["PATH"]}, cwd))


async def output(process: Process) -> bytes:
    found = b""
    async with asyncio.timeout(patience()):
        while data := await process.read(Output.STDOUT):
            found += data
    return found


async def finished(process: Process) -> bytes:
    """Return all that it wrote, when it has ended."""
    found = await output(process)
    async with asyncio.timeout(patience()):
        await process.exited()
        await process.close()
    return found


async def test_it_has_a_session_of_its_own_and_no_terminal() -> None:
    process = await spawn("exec ps -o sid=,pgid=,tty= -p $$")
    session, group, terminal = (await finished(process)).split()
    assert int(session) == int(group) == process.pid
    assert terminal == b"?"


async def test_signals_that_are_ignored_here_are_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        found = await finished(await spawn("grep -E 'SigIgn|SigBlk' /proc/self/status"))
    finally:
        signal.signal(signal.SIGHUP, before)
    masks = [int(line.split()[1], 16) for line in found.splitlines()]
    settable = sum(1 << (number - 1) for number in signal.valid_signals())
    assert [mask & settable for mask in masks] == [0, 0]


async def test_it_gets_none_of_our_descriptors(tmp_path: Path) -> None:
    kept = os.open(tmp_path, os.O_RDONLY)
    os.set_inheritable(kept, True)
    try:
        found = await finished(await spawn("exec ls /proc/self/fd"))
    finally:
        os.close(kept)
    assert found.split() == [b"0", b"1", b"2", b"3"]  # 3 is the directory that ls reads


async def test_bytes_that_are_no_text_get_there() -> None:
    value = os.fsdecode(b"\xfe=\n")
    processes = service()
    command = ProcessCommand(
        ("/bin/sh", "-c", 'printf %s "$1"; env -0', "sh", os.fsdecode(b"\xc3(")), {"NAME": value}, "/"
    )
    found = await finished(await processes.spawn(command))
    assert found.startswith(b"\xc3(")
    assert b"NAME=\xfe=\n\0" in found


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (ProcessCommand(("/bin/sh",), {}, "/no/such/directory"), "No such file or directory"),
        (ProcessCommand(("/etc/passwd",), {}, "/"), "Permission denied"),
        (ProcessCommand(("/bin/sh", "a\0b"), {}, "/"), "NUL"),
        (ProcessCommand(("/bin/sh",), {"A": "\0"}, "/"), "NUL"),
    ],
)
async def test_what_can_not_be_started_is_an_error_with_the_reason(command: ProcessCommand, reason: str) -> None:
    with pytest.raises(SpawnError, match=reason):
        await service().spawn(command)


async def test_the_whole_group_ends() -> None:
    process = await spawn("sleep 1000 & sleep 1000")
    await wait_for(lambda: len(psutil.Process().children(recursive=True)) == 3)
    group = psutil.Process().children(recursive=True)
    await process.close()
    await wait_for(lambda: all(is_gone(each) for each in group))


async def test_a_stopped_group_that_ignores_term_is_killed() -> None:
    process = await spawn("trap '' TERM; sleep 1000 & echo ready; kill -STOP $$; sleep 1000")
    assert await process.read(Output.STDOUT) == b"ready\n"
    group = psutil.Process().children(recursive=True)
    await process.close()
    await wait_for(lambda: all(is_gone(each) for each in group))
    assert process.status == -9


async def test_outputs_that_a_background_job_keeps_open_end_after_a_moment() -> None:
    process = await spawn("sleep 1000 & echo $!; exit 5")
    job = psutil.Process(int(await output(process)))
    await process.exited()
    assert process.status == 5
    await process.close()
    try:
        assert job.is_running()  # it is how daemons are started
    finally:
        with suppress(psutil.NoSuchProcess):
            job.kill()


async def test_a_background_job_that_never_stops_talking_does_not_keep_the_outputs() -> None:
    process = await spawn("yes & echo $! >&2; exit 5")
    pid = int(await process.read(Output.STDERR))
    try:
        async with asyncio.timeout(patience()):
            while await process.read(Output.STDOUT):
                continue
            await process.exited()
            await process.close()
        await wait_for(lambda: not psutil.pid_exists(pid) or is_gone(psutil.Process(pid)))  # its pipe is broken
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


async def test_what_the_program_wrote_last_is_read_however_late() -> None:
    process = await spawn("sleep 1000 & echo $! >&2; head -c 60000 /dev/zero")
    job = psutil.Process(int(await process.read(Output.STDERR)))
    try:
        await process.exited()
        loop = asyncio.get_running_loop()
        late = loop.time() + 2 * LINGER
        await wait_for(lambda: loop.time() > late)
        found = b""
        while data := await process.read(Output.STDOUT, 1000):
            found += data
        assert len(found) == 60_000
        await process.close()
    finally:
        job.kill()


async def test_cancelled_while_closing_it_is_killed_at_once() -> None:
    process = await spawn("trap '' TERM; echo ready; while :; do sleep 1000; done")
    await process.read(Output.STDOUT)
    with suppress(TimeoutError):
        async with asyncio.timeout(0.05):
            await process.close()
    await wait_for(lambda: process.status == -9 and not children())


async def test_a_hundred_leave_nothing_behind() -> None:
    await finished(await spawn(":"))
    before = descriptors()
    for _ in range(5):
        processes = [await spawn("exec cat" if number % 2 else ":") for number in range(20)]
        async with asyncio.TaskGroup() as group:
            for process in processes:
                group.create_task(process.close())
        assert not children()
    assert descriptors() == before


async def test_our_ends_alone_do_not_block() -> None:
    process = await spawn("exec cat /proc/self/fdinfo/0 /proc/self/fdinfo/1")
    flags = [int(line.split()[1], 8) for line in (await finished(process)).splitlines() if line.startswith(b"flags")]
    assert flags
    assert not any(flag & os.O_NONBLOCK for flag in flags)
