"""Our own streams: threads that block in the event loop's place."""

import asyncio
import os
import sys
from collections.abc import Iterator

import pytest

from natpass_tui.links.streams import Reader, Writer

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
