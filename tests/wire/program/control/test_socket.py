"""The control socket itself: who may speak there, for how long, and what becomes of the file."""

import asyncio
import logging
import os
import socket
import stat
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from natpass_wire.errors import UserError
from natpass_wire.program.control import client, server
from natpass_wire.program.control.client import NobodyThereError
from natpass_wire.program.control.place import socket_path, socket_paths
from natpass_wire.program.control.protocol import MAX_REQUEST_BYTES, ControlAnswer, Request
from natpass_wire.program.platform_sockets import name_of, peer_user
from natpass_wire.program.state import StateDir
from tests.support.waiting import wait_for

assert sys.platform != "win32"

pytestmark = pytest.mark.both_loops


async def echo(arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    return arguments


async def refuse(_: Mapping[str, Any]) -> Mapping[str, Any]:
    raise UserError("not today")


async def hang(_: Mapping[str, Any]) -> Mapping[str, Any]:
    await asyncio.Event().wait()
    return {}


async def boast(_: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"text": "x" * 2_000_000}


HANDLERS = {"echo": echo, "refuse": refuse, "hang": hang, "boast": boast}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return socket_path(StateDir(tmp_path), "agent", "box")


async def ask(path: Path, command: str, arguments: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
    """Ask from a thread, as the command does from its process."""
    return await asyncio.to_thread(client.ask, path, command, arguments or {})


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def rename(path: Path, target: Path) -> None:
    path.rename(target)


@asynccontextmanager
async def connection_to(path: Path) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    with name_of(path) as name:
        reader, writer = await asyncio.open_unix_connection(name)
    try:
        yield reader, writer
    finally:
        writer.close()
        await writer.wait_closed()


async def test_a_command_gets_its_result_or_the_reason(path: Path) -> None:
    async with server.serving(path, HANDLERS):
        assert await ask(path, "echo", {"a": [1, "é"]}) == {"a": [1, "é"]}
        with pytest.raises(UserError, match=r"^not today$"):
            await ask(path, "refuse")
        with pytest.raises(UserError, match=r"^no such command: stat \(known: boast, echo, hang, refuse\)$"):
            await ask(path, "stat")
        with pytest.raises(UserError, match="the answer is too long"):
            await ask(path, "boast")


async def test_the_socket_is_its_owners_and_goes_with_the_program(path: Path) -> None:
    async with server.serving(path, HANDLERS):
        assert (mode(path), mode(path.parent)) == (0o600, 0o700)
        assert [entry.name for entry in path.parent.iterdir()] == ["agent-box.sock"]
    assert list(path.parent.iterdir()) == []
    with pytest.raises(NobodyThereError):
        await ask(path, "echo")


async def test_a_folder_that_others_may_enter_is_closed_to_them(path: Path) -> None:
    path.parent.mkdir(mode=0o755)
    async with server.serving(path, HANDLERS):
        assert mode(path.parent) == 0o700


async def test_a_dead_process_socket_is_replaced_and_a_live_ones_never(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path.parent.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    with pytest.raises(NobodyThereError):
        await ask(path, "echo")
    assert socket_paths(StateDir(path.parents[1]), "agent") == [path]
    async with server.serving(path, HANDLERS):
        assert await ask(path, "echo", {"a": 1}) == {"a": 1}
        async with server.serving(path, {}):
            assert "no control socket" in caplog.text
            assert "another process listens there" in caplog.text
        assert await ask(path, "echo", {"a": 1}) == {"a": 1}  # it is still there


async def test_at_the_end_another_programs_socket_stays(path: Path) -> None:
    stack = AsyncExitStack()
    async with server.serving(path, HANDLERS):
        rename(path, path.with_name("ours"))
        await stack.enter_async_context(server.serving(path, HANDLERS))
    assert await ask(path, "echo", {"a": 1}) == {"a": 1}
    await stack.aclose()
    with pytest.raises(NobodyThereError):
        await ask(path, "echo")


@pytest.mark.parametrize("length", [90, 104, 108, 200])
async def test_a_path_may_be_longer_than_a_sockets_name(tmp_path: Path, length: int) -> None:
    rest = length - len(os.fsencode(tmp_path)) - 1
    state = tmp_path
    while rest > 0:
        state /= "d" * min(rest, 100)
        rest -= 101
    for name in ("box", "B" * 64, "\N{CJK UNIFIED IDEOGRAPH-4E2D}" * 64):
        path = socket_path(StateDir(state), "agent", name)
        async with server.serving(path, HANDLERS):
            assert await ask(path, "echo", {"a": 1}) == {"a": 1}
            assert path.is_socket()
        assert not path.exists()


async def test_where_there_can_be_no_socket_the_program_runs_on_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "control").write_text("no folder")
    async with server.serving(socket_path(StateDir(tmp_path), "agent", "box"), HANDLERS):
        assert "no control socket" in caplog.text


async def test_another_user_is_refused_also_where_the_mode_lets_them_in(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    one, other = socket.socketpair()
    with one, other:
        assert peer_user(one) == os.getuid()
    monkeypatch.setattr(server, "peer_user", lambda _: 54321)
    async with server.serving(path, HANDLERS):
        with pytest.raises(UserError, match="gave no answer"):
            await ask(path, "echo")
        assert "refused user 54321 at the control socket" in caplog.text
        monkeypatch.setattr(server, "peer_user", lambda _: 0)  # root may
        assert await ask(path, "echo") == {}


async def test_whoever_says_too_much_or_nothing_is_let_go(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "REQUEST_SECONDS", 0.2)
    async with server.serving(path, HANDLERS):
        async with connection_to(path) as (reader, writer):
            writer.write(b"x" * (MAX_REQUEST_BYTES + 1))
            assert f"at most {MAX_REQUEST_BYTES} bytes" in ControlAnswer.from_line(await reader.readline()).error
        async with connection_to(path) as (reader, writer):
            writer.write(Request("echo", {}).to_line()[:-1])
            assert await reader.read() == b""  # after its time
        async with connection_to(path) as (reader, writer):
            writer.write(Request("echo", {}).to_line()[:-1])
            writer.write_eof()
            assert "not complete" in ControlAnswer.from_line(await reader.readline()).error


async def test_what_takes_too_long_is_said(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "ANSWER_SECONDS", 0.1)
    async with server.serving(path, HANDLERS):
        with pytest.raises(UserError, match="not done within"):
            await ask(path, "hang")


async def test_many_at_once_get_their_turn(path: Path) -> None:
    async with server.serving(path, HANDLERS):
        asked = [ask(path, "echo", {"n": number}) for number in range(4 * server.MOST_CONNECTIONS)]
        assert [found["n"] for found in await asyncio.gather(*asked)] == list(range(len(asked)))


async def test_an_end_while_a_command_waits_leaves_nothing(path: Path) -> None:
    async with server.serving(path, HANDLERS):
        hanging = asyncio.get_running_loop().run_in_executor(None, client.ask, path, "hang", {})
        await wait_for(lambda: any(task.get_name() == "control command" for task in asyncio.all_tasks()))
    with pytest.raises(UserError, match="gave no answer"):
        await hanging
