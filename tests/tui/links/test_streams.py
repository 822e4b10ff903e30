"""Our own streams: threads that block in the event loop's place."""

import asyncio
import os
import sys
import tty
from collections.abc import Iterator

import pytest

from natpass_tui.links.streams import Filtered, Reader, Writer, outputs
from tests.support.waiting import patience

assert sys.platform != "win32"

Pipe = tuple[int, int]


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    reading, writing = os.pipe()
    yield reading, writing
    for descriptor in (reading, writing):
        try:
            os.close(descriptor)
        except OSError:
            continue


async def test_reading_waits_without_holding_up_the_loop(pipe: Pipe) -> None:
    reader = Reader(pipe[0])
    async with asyncio.TaskGroup() as group:
        reading = group.create_task(reader.read(3))
        for _ in range(10):
            await asyncio.sleep(0)
        assert not reading.done()
        os.write(pipe[1], b"12345")
    assert reading.result() == b"123"
    assert await reader.read(10) == b"45"
    os.close(pipe[1])
    assert await reader.read(10) == b""


async def test_writing_waits_without_holding_up_the_loop(pipe: Pipe) -> None:
    data = bytes(range(256)) * 4000
    async with asyncio.TaskGroup() as group:
        group.create_task(write(pipe[1], data))
        reader = Reader(pipe[0])
        found = b""
        while len(found) < len(data):
            found += await reader.read(50_000)
    assert found == data


async def test_descriptors_that_somebody_has_made_non_blocking_work_as_well(pipe: Pipe) -> None:
    for descriptor in pipe:
        os.set_blocking(descriptor, False)
    data = bytes(300_000)
    async with asyncio.TaskGroup() as group:
        group.create_task(write(pipe[1], data))
        reader = Reader(pipe[0])
        found = 0
        while found < len(data):
            found += len(await reader.read(50_000))
    assert found == len(data)


async def write(descriptor: int, data: bytes) -> None:
    writer = Writer(descriptor)
    await writer.write(data)
    await writer.flush()


async def test_errors_are_the_callers(pipe: Pipe) -> None:
    os.close(pipe[0])
    with pytest.raises(BrokenPipeError):
        await write(pipe[1], b"x")
    directory = os.open("/", os.O_RDONLY)
    try:
        with pytest.raises(IsADirectoryError):
            await Reader(directory).read(1)
    finally:
        os.close(directory)


async def test_who_is_cancelled_leaves_the_others_alone(pipe: Pipe) -> None:
    reader = Reader(pipe[0])
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await reader.read(1)
    os.write(pipe[1], b"12")
    assert await reader.read(1) == b"2"  # the first was read for the one that is gone


async def test_two_outputs_to_one_terminal_that_stands_still_never_cut_each_others_sequences() -> None:
    """As it was found: a terminal made non-blocking takes half a sequence, and another thread writes in between."""
    master, terminal = os.openpty()
    other = os.dup(terminal)
    tty.setraw(terminal)
    os.set_blocking(terminal, False)
    try:
        out, err = outputs(terminal, other)
        assert isinstance(out, Filtered)
        assert isinstance(err, Filtered)
        coloured = b"\x1b[38;2;111;122;133mx" * 2000  # more than a terminal takes
        await out.write(coloured)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await out.flush()  # whoever waits is cancelled when the command is given up
        await err.write(b"\x1b[?25lerror")
        wanted = coloured + b"\x1b[?25lerror"
        reader, found = Reader(master), b""
        async with asyncio.timeout(patience()):
            while len(found) < len(wanted):
                found += await reader.read(4096)
        assert found == wanted
        await asyncio.gather(out.flush(), err.flush())
    finally:
        for descriptor in (master, terminal, other):
            os.close(descriptor)


async def test_pipes_and_files_are_exact_and_have_a_writer_each(pipe: Pipe) -> None:
    out, err = outputs(pipe[1], pipe[1])
    assert isinstance(out, Writer)
    assert isinstance(err, Writer)
    assert out is not err
