"""What is special about ptys of Windows, asked of a pywinpty that is not one."""

import asyncio
from collections.abc import Generator

import pytest

from natpass_agent.platform.pty import READ_BYTES, PtyCommand, Size
from natpass_agent.platform.pty.windows import WindowsPtys
from tests.agent.platform.winpty_fake import FakeWinpty, fake_api
from tests.support.waiting import patience


def echo(terminal: FakeWinpty) -> Generator[str, str | None, int]:
    text = yield ""
    while True:
        text = yield (text or "")


def silent_then_deaf(terminal: FakeWinpty) -> Generator[str, str | None, int]:
    terminal.reads_input.clear()
    text = yield ""
    while True:
        yield f"got {text}"
        text = yield ""


def command(*argv: str) -> PtyCommand:
    return PtyCommand(argv, {"PATH": "C:\\", "NAME": "é"}, "C:\\Users", Size(rows=31, cols=97))


async def test_the_program_gets_its_arguments_environment_folder_and_size() -> None:
    api, terminals = fake_api({"tool.exe": echo})
    pty = WindowsPtys(api).spawn(command("tool.exe", "two words", "x"))
    terminal = terminals[pty.pid]
    assert terminal.spawned_with == ("tool.exe", ' "two words" x', "C:\\Users", "PATH=C:\\\0NAME=é\0\0")
    assert (terminal.rows, terminal.cols) == (31, 97)
    await pty.close()


async def test_a_character_that_was_cut_waits_for_its_other_half() -> None:
    api, _ = fake_api({"echo": echo})
    pty = WindowsPtys(api).spawn(command("echo"))
    data = "中".encode()
    assert await pty.write(data[:2]) == 2
    assert await pty.write(data[2:]) == 1
    async with asyncio.timeout(patience()):
        assert await pty.read() == data
    await pty.close()


async def test_a_long_read_is_handed_on_in_pieces() -> None:
    api, _ = fake_api({"echo": echo})
    pty = WindowsPtys(api).spawn(command("echo"))
    await pty.write(b"x" * (READ_BYTES + 1))
    async with asyncio.timeout(patience()):
        assert [len(await pty.read()), len(await pty.read())] == [READ_BYTES, 1]
    await pty.close()


async def test_input_whose_writer_gave_up_waiting_is_written_once() -> None:
    api, terminals = fake_api({"deaf": silent_then_deaf})
    pty = WindowsPtys(api).spawn(command("deaf"))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(pty.write(b"hello"), 0.1)
    terminals[pty.pid].reads_input.set()
    async with asyncio.timeout(patience()):
        assert await pty.write(b"hello") == 5
        assert await pty.read() == b"got hello"
    await pty.close()


async def test_input_behind_some_whose_writer_gave_up_is_not_lost() -> None:
    api, terminals = fake_api({"deaf": silent_then_deaf})
    pty = WindowsPtys(api).spawn(command("deaf"))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(pty.write(b"an answer"), 0.1)
    terminals[pty.pid].reads_input.set()
    async with asyncio.timeout(patience()):
        assert await pty.write(b"a key") == 5
        said = b""
        while b"got a key" not in said:
            said += await pty.read()
    await pty.close()
