"""What is special about real ptys."""

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from natpass_agent.platform.programs import SpawnError
from natpass_agent.platform.pty import InputMode, Pty, PtyCommand, Size, service
from tests.agent.platform.test_pty_contract import no_pidfd
from tests.agent.processes import is_gone
from tests.support.leaks import children, descriptors
from tests.support.waiting import PATIENCE, patience, wait_for

assert sys.platform != "win32"

pytestmark = pytest.mark.programs

ENV = {"PATH": "/usr/bin:/bin"}


def sh(script: str, cwd: str = "/") -> PtyCommand:
    return PtyCommand(("/bin/sh", "-c", script), ENV, cwd, Size(24, 80))


@pytest.fixture
def _hang_ups_ignored() -> Iterator[None]:
    """Be as a program under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("_hang_ups_ignored")
async def test_programs_of_an_agent_under_nohup_are_hung_up_all_the_same() -> None:
    pty = service(grace_seconds=PATIENCE * 2).spawn(sh("exec sleep 1000"))
    async with asyncio.timeout(patience()):
        await pty.close()
    assert pty.status == -signal.SIGHUP


async def test_what_can_not_be_executed_leaves_nothing_behind(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_bytes(b"\x7fELF but no program")
    broken.chmod(0o755)
    before = descriptors(), children()
    for argv, cwd in (((str(broken),), "/"), (("/bin/sh",), "/no/such/folder"), (("/bin/sh", "a\0b"), "/")):
        with pytest.raises(SpawnError) as caught:
            service().spawn(PtyCommand(argv, ENV, cwd, Size(24, 80)))
        assert str(caught.value).isprintable()
        del caught
    assert (descriptors(), children()) == before


async def test_a_program_starts_where_it_should(tmp_path: Path) -> None:
    pty = service().spawn(sh("pwd", str(tmp_path)))
    assert (await pty.read()).decode().strip() == str(tmp_path)
    await pty.close()


async def test_closing_that_is_cancelled_kills_at_once() -> None:
    pty = service(grace_seconds=PATIENCE * 2).spawn(sh("trap '' HUP; echo ready; while :; do sleep 1000; done"))
    assert b"ready" in await pty.read()
    (process,) = psutil.Process().children()
    async with asyncio.TaskGroup() as group:
        closing = group.create_task(pty.close())
        await asyncio.sleep(0)
        closing.cancel()
    async with asyncio.timeout(patience()):
        await wait_for(lambda: is_gone(process))


async def test_a_child_whose_status_somebody_else_took_has_ended_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "pidfd_open", no_pidfd)
    pty = service().spawn(sh("exit 3"))
    os.waitpid(pty.pid, 0)  # noqa: ASYNC222 - it ends at once
    async with asyncio.timeout(patience()):
        while await pty.read():
            pass
        await pty.close()
    assert pty.status is None


async def until(pty: Pty, wanted: bytes) -> None:
    """Read until the program has said it."""
    said = b""
    async with asyncio.timeout(patience()):
        while wanted not in said:
            data = await pty.read()
            assert data
            said += data


async def test_a_terminal_knows_which_keys_are_signals() -> None:
    script = "stty -echo; echo one; read x; stty intr ^G; echo two; read x; stty raw; echo three; read x"
    pty = service(grace_seconds=0).spawn(sh(script))
    await until(pty, b"one")
    assert [pty.interrupts(key) for key in (b"\x03", b"\x1c", b"ls\x1a", b"\x07", b"ls\r", b"")] == [
        True,
        True,
        True,
        False,
        False,
        False,
    ]
    await pty.write(b"\r")
    await until(pty, b"two")
    assert [pty.interrupts(key) for key in (b"\x03", b"\x07")] == [False, True]
    await pty.write(b"\r")
    await until(pty, b"three")
    assert not pty.interrupts(b"\x03\x07\x1c\x1a")
    await pty.close()
    assert not pty.interrupts(b"\x03")


async def test_a_terminal_knows_who_is_in_front() -> None:
    pty = service(grace_seconds=0).spawn(sh("set -m; echo shell; read x; sh -c 'echo program; read x'; echo shell"))
    await until(pty, b"shell")
    assert pty.foreground_group == pty.pid
    await pty.write(b"\n")
    await until(pty, b"program")
    assert pty.foreground_group not in {None, pty.pid}
    await pty.write(b"\n")
    await until(pty, b"shell")
    await pty.close()
    assert pty.foreground_group is None


@pytest.mark.parametrize(
    ("program", "mode"),
    [
        ("cat", InputMode.CANONICAL),
        ("sh -c 'stty -echo -icanon; cat'", InputMode.CBREAK),
        ("bash -c 'echo x; read -sd R'", InputMode.CBREAK),
        ("sh -c 'stty raw; cat'", InputMode.TRANSPARENT),
        ("bash --norc", InputMode.RAW),
        ("zsh -f", InputMode.RAW),
        ("fish --no-config", InputMode.RAW),
        ("busybox ash", InputMode.RAW),
    ],
)
async def test_a_terminal_knows_how_it_hands_input_on(program: str, mode: InputMode) -> None:
    if shutil.which(program.split(maxsplit=1)[0]) is None:
        pytest.skip(f"not installed: {program.split(maxsplit=1)[0]}")
    pty = service(grace_seconds=0).spawn(sh(f"echo start; exec {program}"))
    await until(pty, b"start")
    async with asyncio.timeout(patience()):
        await wait_for(lambda: pty.input_mode is mode)
    await pty.close()
    assert pty.input_mode is InputMode.UNKNOWN


async def test_a_terminal_tells_whether_its_shell_is_alone_in_its_group() -> None:
    script = "echo alone; read x; sleep 1000 & echo child; read x; kill $!; wait; echo gone; read x"
    pty = service(grace_seconds=0).spawn(sh(script))
    for said, is_alone in ((b"alone", True), (b"child", False), (b"gone", True)):
        await until(pty, said)
        if sys.platform == "linux":
            assert pty.is_alone(pty.pid) is is_alone
        await pty.write(b"\n")
    assert pty.is_alone(2**22 + 1) is None
    await pty.close()


async def test_a_terminal_counts_the_children_that_its_shell_has_collected() -> None:
    pty = service(grace_seconds=0).spawn(sh("echo start; read x; true; echo none; read x; /bin/true; echo one; read x"))
    await until(pty, b"start")
    counts = [pty.collected(pty.pid)]
    for said in (b"none", b"one"):
        await pty.write(b"\n")
        await until(pty, said)
        counts.append(pty.collected(pty.pid))
    await pty.close()
    if sys.platform == "linux":
        assert counts[0] == counts[1] == 0
        assert counts[2]
    assert pty.collected(2**22 + 1) is None


async def test_a_terminal_knows_how_much_output_waits() -> None:
    pty = service(grace_seconds=0).spawn(sh("stty raw -echo; echo ready; read x; printf %100s x; exec sleep 1000"))
    await until(pty, b"ready\n")
    assert pty.unread == 0
    await pty.write(b"\n")
    async with asyncio.timeout(patience()):
        await wait_for(lambda: pty.unread == 100)
        assert len(await pty.read(30)) == 30
    assert pty.unread == 70
    await pty.close()
