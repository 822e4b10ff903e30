"""What every process does, real or not."""

import asyncio
import errno
import os
from contextlib import suppress

import pytest

from natpass_agent.platform.processes import READ_BYTES, Output, Process
from natpass_agent.platform.programs import SpawnError
from tests.agent.platform.process_subjects import BIG_BYTES, Subject, subject
from tests.support.waiting import patience

pytestmark = pytest.mark.programs

#: Enough for a program that goes when it is told, and short enough to wait for one that does not.
GRACE = 0.3


@pytest.fixture(params=["posix", "posix without pidfd", "fake", "windows"])
async def processes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Subject:
    if request.param == "posix without pidfd":
        monkeypatch.setattr(os, "pidfd_open", no_pidfd)
    return subject(request.param, GRACE)


def no_pidfd(pid: int) -> int:
    """Be an old kernel."""
    raise OSError(errno.ENOSYS, "no pidfd_open")


async def read_all(process: Process, output: Output = Output.STDOUT) -> bytes:
    found = bytearray()
    async with asyncio.timeout(patience()):
        while data := await process.read(output):
            assert len(data) <= READ_BYTES
            found += data
    return bytes(found)


async def read_until(process: Process, wanted: bytes) -> bytes:
    found = b""
    async with asyncio.timeout(patience()):
        while wanted not in found:
            data = await process.read(Output.STDOUT)
            assert data, found
            found += data
    return found


async def write_all(process: Process, data: bytes) -> None:
    async with asyncio.timeout(patience()):
        while data:
            data = data[await process.write(data) :]


async def ended(process: Process) -> int | None:
    async with asyncio.timeout(patience()):
        await process.exited()
    return process.status


async def test_bytes_go_through_unchanged_until_the_inputs_end(processes: Subject) -> None:
    process = await processes.spawn("cat")
    data = bytes(range(256)) * 4000

    async def feed() -> None:
        await write_all(process, data)
        process.close_input()
        process.close_input()

    async with asyncio.TaskGroup() as group:
        group.create_task(feed())
        reading = group.create_task(read_all(process))
    assert reading.result() == data
    assert await ended(process) == 0
    await process.close()


async def test_outputs_stay_apart(processes: Subject) -> None:
    process = await processes.spawn("apart")
    assert await read_all(process) == b"outOUT"
    assert await read_all(process, Output.STDERR) == b"err"
    assert await ended(process) == 0
    await process.close()


async def test_all_output_comes_before_the_end(processes: Subject) -> None:
    process = await processes.spawn("big")
    async with asyncio.TaskGroup() as group:
        out = group.create_task(read_all(process))
        err = group.create_task(read_all(process, Output.STDERR))
    assert out.result() == err.result() == bytes(BIG_BYTES)
    assert await process.read(Output.STDOUT) == b""
    assert await ended(process) == 0
    await process.close()


async def test_no_more_is_read_than_was_asked_for(processes: Subject) -> None:
    process = await processes.spawn("exit3")
    assert await process.read(Output.STDOUT, 2) == b"by"
    assert await read_all(process) == b"e"
    await process.close()


async def test_the_status_is_the_programs(processes: Subject) -> None:
    process = await processes.spawn("exit3")
    assert await read_all(process) == b"bye"
    assert await ended(process) == 3
    await process.close()
    assert process.status == 3


async def test_a_signal_can_be_caught(processes: Subject) -> None:
    if processes.name == "windows":
        pytest.skip("there is one signal only there")
    process = await processes.spawn("catches")
    await read_until(process, b"ready")
    process.signal(2)
    assert await read_all(process) == b"caught"
    assert await ended(process) == 7
    process.signal(2)
    process.signal(0)
    process.signal(4711)
    await process.close()


async def test_a_signal_that_ends_the_program_is_a_negative_status(processes: Subject) -> None:
    process = await processes.spawn("deaf")
    await read_until(process, b"ready")
    process.signal(15)
    assert await ended(process) == -15
    await process.close()


async def test_ending_asks_and_what_was_written_can_still_be_read(processes: Subject) -> None:
    process = await processes.spawn("deaf")
    async with asyncio.timeout(patience()):
        await read_until(process, b"ready")
        await process.end()
        assert await process.read(Output.STDOUT) == b""
    assert process.status == -15
    await process.close()


async def test_a_program_that_does_not_go_is_killed(processes: Subject) -> None:
    loop = asyncio.get_running_loop()
    process = await processes.spawn("stubborn")
    await read_until(process, b"ready")
    since = loop.time()
    async with asyncio.timeout(patience()):
        await process.end()
    assert loop.time() - since >= GRACE * 0.9  # clocks differ by a tick
    assert await ended(process) == -9
    await process.close()


async def test_closing_ends_the_program_and_the_reading(processes: Subject) -> None:
    process = await processes.spawn("deaf")
    await read_until(process, b"ready")
    async with asyncio.timeout(patience()):
        await process.close()
        assert await process.read(Output.STDOUT) == b""
        assert await process.read(Output.STDERR) == b""
        await process.close()
    assert process.status == -15


async def test_a_program_that_reads_nothing_makes_the_writer_wait(processes: Subject) -> None:
    process = await processes.spawn("deaf")
    await read_until(process, b"ready")
    taken = 0
    with suppress(TimeoutError):
        while taken < 10_000_000:
            async with asyncio.timeout(0.2):
                taken += await process.write(b"x" * 5_000)
    assert 0 < taken < 1_000_000
    async with asyncio.timeout(patience()):
        await process.close()


async def test_nobody_waits_for_a_program_that_has_closed_its_input(processes: Subject) -> None:
    if processes.name == "windows":
        pytest.skip("a broken pipe shows only at the next write there")
    process = await processes.spawn("closes")
    await read_until(process, b"ready")
    await write_all(process, b"x" * 1_000_000)
    await process.close()


async def test_closing_while_output_waits(processes: Subject) -> None:
    process = await processes.spawn("endless")
    async with asyncio.timeout(patience()):
        await process.read(Output.STDOUT)
        await process.close()


async def test_a_missing_program_is_an_error(processes: Subject) -> None:
    missing = Subject(processes.name, processes.processes, lambda _: ("/no/such/program",))
    with pytest.raises(SpawnError, match="/no/such/program"):
        await missing.spawn("cat")
