"""Requests that are too long for one message, at the agent: bounded in size, in time and by what there is of all."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable

import pytest

from natpass_agent.links.arriving import Arriving
from natpass_agent.links.exec.server import ExecServer
from natpass_agent.platform.processes import service
from natpass_agent.platform.programs import PosixPrograms
from natpass_wire.aio.tasks import Tasks
from natpass_wire.commands import MAX_REQUEST_BYTES
from natpass_wire.links import End
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.exec_pb2 import ConnectExec, ExecInput, ExecOutput, ExecRequest, ExecSignal
from natpass_wire.pb.link_pb2 import ConnectRequest, LinkEnd
from tests.agent.fake_link import FakeOpener
from tests.support.waiting import PATIENCE, patience, wait_for

assert sys.platform != "win32"

pytestmark = pytest.mark.programs

#: More than one message holds, less than a single argument may be.
LONG = ConnectExec(argv=[b"printf", b"%s", b"x" * 100_000]).SerializeToString()
Ask = Callable[..., "LongOpener"]


class LongOpener(FakeOpener):
    """An opener whose request comes in pieces."""

    def __init__(self, follows: int, key: bytes | None = None) -> None:
        super().__init__(ConnectRequest(kind=ConnectRequest.exec, cexec=ConnectExec(follows=follows)))
        self.link.key = key

    def send(self, data: bytes) -> None:
        for at in range(0, len(data), 50_000):
            piece = ExecRequest(data=data[at : at + 50_000])
            self.deliver(Msg(type=MsgType.exec_request, exec_request=piece))

    def said(self) -> bytes:
        outputs = [message.exec_output for message in self.sent if message.type == MsgType.exec_output]
        return b"".join(output.data for output in outputs if output.stream == ExecOutput.STDOUT)


@pytest.fixture
async def ask() -> AsyncIterator[Ask]:
    tasks = Tasks()
    servers: dict[tuple[float, ...], ExecServer] = {}

    def ask(
        follows: int,
        *,
        seconds: float = PATIENCE,
        most: int = MAX_REQUEST_BYTES,
        progress: float = PATIENCE,
        of_one: int = MAX_REQUEST_BYTES,
        key: bytes | None = None,
    ) -> LongOpener:
        processes = service(grace_seconds=0.3, linger_seconds=0.3)
        server = servers.setdefault(
            (seconds, most, progress, of_one),
            ExecServer(processes, PosixPrograms(), Arriving(seconds, most, progress, of_one)),
        )
        opener = LongOpener(follows, key)
        tasks.start(server.serve(opener.link, opener.request), "exec")
        return opener

    yield ask
    async with asyncio.timeout(patience()):
        await tasks.close()


async def accepted(opener: LongOpener) -> LongOpener:
    answer = await wait_for(lambda: opener.answer)
    assert answer is not None
    assert answer.ok, answer.msg
    return opener


async def ended(opener: LongOpener) -> End:
    end = await wait_for(lambda: opener.end)
    assert end is not None
    return end


async def refusal(opener: LongOpener) -> str:
    answer = await wait_for(lambda: opener.answer)
    assert answer is not None
    assert not answer.ok
    return answer.msg


async def test_a_long_command_runs_once_all_of_it_is_here(ask: Ask) -> None:
    opener = await accepted(ask(len(LONG)))
    opener.send(LONG[:-1])
    opener.send(LONG[-1:])
    opener.deliver(Msg(type=MsgType.exec_input, exec_input=ExecInput(eof=True)))
    assert (await ended(opener)).status == 0
    assert opener.said() == b"x" * 100_000


async def test_a_command_that_no_system_takes_is_refused_before_it_comes(ask: Ask) -> None:
    assert str(MAX_REQUEST_BYTES) in await refusal(ask(MAX_REQUEST_BYTES + 1))


async def test_an_agent_holds_no_more_than_it_has_room_for(ask: Ask) -> None:
    first = await accepted(ask(600, most=1000))
    assert "try again" in await refusal(ask(600, most=1000))
    first.hang_up()
    await wait_for(lambda: first.link.end is not None)
    await accepted(ask(600, most=1000))  # the room of the one that is gone


async def test_a_command_that_does_not_come_is_given_up(ask: Ask) -> None:
    opener = await accepted(ask(1000, seconds=0.05))
    text = "only 0 of the request's 1000 bytes came within 0 s, the last of them 0 s ago"
    assert await ended(opener) == End(LinkEnd.FAILED, text)


async def test_a_command_that_comes_no_further_is_given_up_and_its_room_is_free(ask: Ask) -> None:
    opener = await accepted(ask(1000, most=1000, progress=0.05))
    opener.send(b"x" * 10)
    assert "only 10 of the request's 1000 bytes came" in (await ended(opener)).text
    await accepted(ask(1000, most=1000, progress=0.05))


@pytest.mark.parametrize("key", [None, b"k" * 32], ids=["id", "key"])
async def test_one_console_leaves_room_for_others(ask: Ask, key: bytes | None) -> None:
    first, _ = await accepted(ask(100, of_one=200, key=key)), await accepted(ask(100, of_one=200, key=key))
    assert "other long commands of this console" in await refusal(ask(100, of_one=200, key=key))
    await accepted(ask(100, of_one=200, key=b"o" * 32))
    first.hang_up()
    await wait_for(lambda: first.link.end is not None)
    await accepted(ask(100, of_one=200, key=key))


@pytest.mark.parametrize(
    ("follows", "data", "reason"),
    [
        (8, b"\xff" * 8, "damaged"),
        (3, b"\x0a\x01a\x0a\x01b", "longer than the 3 bytes"),
        (4, ConnectExec(cwd=b"ab").SerializeToString(), "which command"),
        (8, ConnectExec(argv=[b"no-such"]).SerializeToString()[:-1], "damaged"),
    ],
)
async def test_a_request_that_makes_no_sense_ends_the_link(ask: Ask, follows: int, data: bytes, reason: str) -> None:
    opener = await accepted(ask(follows))
    opener.send(data)
    end = await ended(opener)
    assert end.cause == LinkEnd.FAILED
    assert reason in end.text


async def test_input_that_comes_before_the_request_is_no_request(ask: Ask) -> None:
    opener = await accepted(ask(100))
    opener.deliver(Msg(type=MsgType.exec_input, exec_input=ExecInput(data=b"x")))
    assert "100 bytes of the request are missing" in (await ended(opener)).text


async def test_an_interrupt_while_it_comes_ends_it(ask: Ask) -> None:
    opener = await accepted(ask(len(LONG)))
    opener.overtake(Msg(type=MsgType.exec_signal, exec_signal=ExecSignal(number=2)))
    assert await ended(opener) == End(LinkEnd.EXITED, "ended by signal 2 (SIGINT)", -2)


async def test_arguments_that_the_system_does_not_take_are_told_with_their_size(ask: Ask) -> None:
    too_long = ConnectExec(argv=[b"printf", b"x" * 200_000]).SerializeToString()
    opener = await accepted(ask(len(too_long)))
    opener.send(too_long)
    assert "an argument or variable of 200000 bytes is longer than this system takes" in (await ended(opener)).text
