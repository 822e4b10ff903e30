"""A command on a terminal that is too long for one message, at the agent; its bounds are tested with `exec`."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable

import pytest

from natpass_agent.links.shell.server import ShellServer
from natpass_agent.platform.programs import PosixPrograms
from natpass_agent.platform.pty import service
from natpass_wire.aio.tasks import Tasks
from natpass_wire.commands import MAX_REQUEST_BYTES
from natpass_wire.links import End
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.exec_pb2 import ExecRequest
from natpass_wire.pb.link_pb2 import ConnectRequest, ConnectShell, LinkEnd
from tests.agent.fake_link import FakeOpener
from tests.support.waiting import patience, wait_for

assert sys.platform != "win32"

pytestmark = pytest.mark.programs

LONG = ConnectShell(argv=[b"sh", b"-c", b'printf "%s|" "${#1}"; stty size', b"sh", b"x" * 100_000])
Ask = Callable[[int], FakeOpener]


@pytest.fixture
async def tasks() -> AsyncIterator[Tasks]:
    tasks = Tasks()
    yield tasks
    async with asyncio.timeout(patience()):
        await tasks.close()


@pytest.fixture
def ask(tasks: Tasks) -> Ask:
    server = ShellServer(service(grace_seconds=0.3), PosixPrograms())

    def ask(follows: int) -> FakeOpener:
        shell = ConnectShell(argv=[b""], rows=31, cols=97, follows=follows)
        opener = FakeOpener(ConnectRequest(kind=ConnectRequest.shell, cshell=shell))
        tasks.start(server.serve(opener.link, opener.request), "shell")
        return opener

    return ask


def send(opener: FakeOpener, data: bytes) -> None:
    for at in range(0, len(data), 50_000):
        opener.deliver(Msg(type=MsgType.exec_request, exec_request=ExecRequest(data=data[at : at + 50_000])))


async def end_of(opener: FakeOpener) -> End | None:
    return await wait_for(lambda: opener.end)


async def test_it_runs_once_all_of_it_is_here_on_a_terminal_of_the_announced_size(ask: Ask) -> None:
    data = LONG.SerializeToString()
    opener = ask(len(data))
    assert (answer := await wait_for(lambda: opener.answer)) is not None
    assert answer.ok
    send(opener, data)
    assert await end_of(opener) == End(LinkEnd.EXITED, "exited with status 0", 0)
    assert opener.output == b"100000|31 97\r\n"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\xff" * 8, "damaged"),
        (ConnectShell(env=["A=1"]).SerializeToString(), "which command?"),  # and no default shell
        (ConnectShell(argv=[b"no-such"]).SerializeToString(), "no such program: no-such"),
    ],
)
async def test_what_makes_no_sense_ends_the_link(ask: Ask, data: bytes, reason: str) -> None:
    opener = ask(len(data))
    await wait_for(lambda: opener.answer)
    send(opener, data)
    end = await end_of(opener)
    assert end is not None
    assert end.cause == LinkEnd.FAILED
    assert reason in end.text


async def test_what_no_system_takes_is_refused_before_it_comes(ask: Ask) -> None:
    opener = ask(MAX_REQUEST_BYTES + 1)
    answer = await wait_for(lambda: opener.answer)
    assert answer is not None
    assert str(MAX_REQUEST_BYTES) in answer.msg
