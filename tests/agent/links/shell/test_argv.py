"""A program with arguments on a real pty, as `shell AGENT -- COMMAND` and `exec -t` ask for it."""

import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from natpass_agent.links.shell.server import ShellServer
from natpass_agent.platform.environment import Account
from natpass_agent.platform.programs import PosixPrograms
from natpass_agent.platform.pty import service
from natpass_wire.aio.tasks import Tasks
from natpass_wire.links import End
from natpass_wire.pb.link_pb2 import ConnectRequest, ConnectShell, LinkEnd
from tests.agent.fake_link import FakeOpener
from tests.support.waiting import patience, wait_for

assert sys.platform != "win32"

pytestmark = pytest.mark.programs

Ask = Callable[[ConnectShell], FakeOpener]


@pytest.fixture
async def ask(tmp_path: Path) -> AsyncIterator[Ask]:
    server = ShellServer(service(grace_seconds=0.3), PosixPrograms({}, account=Account(home=str(tmp_path))))
    tasks = Tasks()

    def ask(shell: ConnectShell) -> FakeOpener:
        opener = FakeOpener(ConnectRequest(kind=ConnectRequest.shell, cshell=shell))
        tasks.start(server.serve(opener.link, opener.request), "shell")
        return opener

    yield ask
    async with asyncio.timeout(patience()):
        await tasks.close()


async def end_of(opener: FakeOpener) -> End | None:
    return await wait_for(lambda: opener.end)


async def test_the_log_names_the_program_and_none_of_its_arguments(ask: Ask, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    for shell in (ConnectShell(argv=[b"sh", b"-c", b": geheim"]), ConnectShell(exec="sh -c ':geheim'")):
        assert await end_of(ask(shell))
    assert len([line for line in caplog.messages if "sh with 2 arguments (pid" in line]) == 2
    assert "geheim" not in caplog.text


async def test_arguments_are_the_programs_own_and_no_shell_comes_between(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "a b").mkdir()
    script = b'printf "%s|" "$@"; pwd; stty size'
    argv = [b"sh", b"-c", script, b"sh", b"two  words", b"*", b"", b"\xff"]
    opener = ask(ConnectShell(argv=argv, cwd=b"a b", exec="no-such", rows=31, cols=97))
    assert await wait_for(lambda: opener.end) == End(LinkEnd.EXITED, "exited with status 0", 0)
    assert opener.output == b"two  words|*||\xff|" + f"{tmp_path}/a b\r\n31 97\r\n".encode()


@pytest.mark.parametrize(
    ("shell", "reason"),
    [
        (ConnectShell(argv=[b"ls /"]), "no such program: ls /"),
        (ConnectShell(argv=[b"", b"x"]), "which command?"),
        (ConnectShell(argv=[b"ls"], cwd=b"nowhere"), "no such directory: "),
        (ConnectShell(argv=[b"a\0b"]), "an argument holds a NUL character"),
        (ConnectShell(argv=[b"true", b"x" * 200_000]), "an argument or variable of 200000 bytes is longer than"),
    ],
)
async def test_what_can_not_run_is_refused_with_the_reason(ask: Ask, shell: ConnectShell, reason: str) -> None:
    opener = ask(shell)
    answer = await wait_for(lambda: opener.answer)
    assert answer is not None
    assert not answer.ok
    assert reason in answer.msg


async def test_a_time_limit_ends_the_program(ask: Ask) -> None:
    opener = ask(ConnectShell(argv=[b"sleep", b"1000"], timeout_ms=50))
    assert await wait_for(lambda: opener.end) == End(LinkEnd.TIMED_OUT, "timed out after 0.05 s")
