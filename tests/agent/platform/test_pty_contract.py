"""What every pty does, real or not."""

import asyncio
import errno
import os
from contextlib import suppress

import pytest

from natpass_agent.platform.programs import SpawnError
from natpass_agent.platform.pty import READ_BYTES, Pty, Size
from tests.agent.platform.pty_subjects import BIG_BYTES, Subject, subject
from tests.support.waiting import patience

pytestmark = pytest.mark.programs

#: Enough for a program that goes when it is told, and short enough to wait for one that does not.
GRACE = 0.3


@pytest.fixture(params=["posix", "posix without pidfd", "fake", "windows"])
async def ptys(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Subject:
    if request.param == "posix without pidfd":
        monkeypatch.setattr(os, "pidfd_open", no_pidfd)
    return subject(request.param, GRACE)


def no_pidfd(pid: int) -> int:
    """Be an old kernel."""
    raise OSError(errno.ENOSYS, "no pidfd_open")


async def read_until(pty: Pty, wanted: bytes) -> bytes:
    """Read until `wanted` was among it; return everything."""
    found = b""
    async with asyncio.timeout(patience()):
        while wanted not in found:
            data = await pty.read()
            assert data, found
            found += data
    return found


async def read_all(pty: Pty) -> bytes:
    found = b""
    async with asyncio.timeout(patience()):
        while data := await pty.read():
            assert len(data) <= READ_BYTES
            found += data
    return found


async def write_all(pty: Pty, data: bytes) -> None:
    async with asyncio.timeout(patience()):
        while data:
            data = data[await pty.write(data) :]


async def test_what_goes_in_comes_out_when_characters_are_cut(ptys: Subject) -> None:
    pty = ptys.spawn("echo")
    await read_until(pty, b"ready")
    text = "é中".encode()
    for at in range(len(text)):
        await write_all(pty, text[at : at + 1])
    assert text in await read_until(pty, text)
    await pty.close()


async def test_all_output_comes_before_the_end(ptys: Subject) -> None:
    pty = ptys.spawn("big")
    assert await read_all(pty) == b"x" * BIG_BYTES
    assert pty.status == 0
    assert await pty.read() == b""
    await pty.close()


async def test_the_status_is_the_programs(ptys: Subject) -> None:
    pty = ptys.spawn("exit3")
    assert await read_all(pty) == b"bye"
    assert pty.status == 3
    await pty.close()


async def test_the_size_is_there_from_the_start_and_changes(ptys: Subject) -> None:
    pty = ptys.spawn("sizes", Size(rows=31, cols=97))
    await read_until(pty, b"31 97")
    pty.resize(Size(rows=5, cols=65535))
    await write_all(pty, b"x")
    await read_until(pty, b"5 65535")
    await pty.close()


async def test_closing_ends_the_program_and_the_reading(ptys: Subject) -> None:
    pty = ptys.spawn("echo")
    await read_until(pty, b"ready")
    async with asyncio.timeout(patience()):
        await pty.close()
        assert await pty.read() == b""
        assert await pty.write(b"nobody reads this") > 0
        pty.resize(Size(rows=1, cols=1))
        await pty.close()


async def test_a_program_that_ignores_the_hang_up_is_killed(ptys: Subject) -> None:
    loop = asyncio.get_running_loop()
    pty = ptys.spawn("stubborn")
    await read_until(pty, b"ready")
    since = loop.time()
    async with asyncio.timeout(patience()):
        await pty.close()
    assert loop.time() - since >= GRACE * 0.9  # clocks differ by a tick


async def test_a_program_that_reads_nothing_makes_the_writer_wait(ptys: Subject) -> None:
    pty = ptys.spawn("deaf")
    await read_until(pty, b"ready")
    taken = 0
    with suppress(TimeoutError):
        while taken < 10_000_000:
            async with asyncio.timeout(0.2):
                taken += await pty.write(b"x" * 5_000)
    assert taken < 1_000_000
    async with asyncio.timeout(patience()):
        await pty.close()


async def test_a_missing_program_is_an_error_at_once(ptys: Subject) -> None:
    missing = Subject(ptys.name, ptys.ptys, lambda _: ("/no/such/program",))
    with pytest.raises(SpawnError, match="/no/such/program"):
        missing.spawn("echo")
