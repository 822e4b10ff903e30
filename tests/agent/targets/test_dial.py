"""Connecting to a target: a race of its addresses, and the reasons why it failed."""

import asyncio
import contextlib
import errno
import socket

import pytest

from natpass_agent.targets import dial
from natpass_agent.targets.reasons import RefusedError, reason_of, text_of
from natpass_wire import race
from natpass_wire.pb.forward_pb2 import ChannelRefused
from natpass_wire.race import Address
from tests.support.peers import Target

pytestmark = pytest.mark.both_loops


def at(port: int, host: str = "127.0.0.1") -> Address:
    return Address(int(socket.AF_INET6 if ":" in host else socket.AF_INET), host, port)


def unused() -> int:
    with contextlib.closing(socket.socket()) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@pytest.mark.parametrize("first", [[], ["127.0.0.2"], ["127.0.0.2", "127.0.0.3"]], ids=len)
async def test_the_first_that_answers_wins_and_nothing_else_is_left(first: list[str]) -> None:
    with contextlib.closing(Target()) as target:
        port = target.endpoint.port
        found, address = await dial.connect([*(at(port, host) for host in first), at(port)])
        with contextlib.closing(found):
            assert address == at(port)
            assert found.getpeername() == ("127.0.0.1", port)


async def test_why_none_answers_is_said_in_one_line() -> None:
    port = unused()
    with pytest.raises(RefusedError, match=f"^127.0.0.1:{port}: connection refused$") as refused:
        await dial.connect([at(port)])
    assert refused.value.reason == ChannelRefused.NOT_LISTENING
    with pytest.raises(RefusedError, match=r"127.0.0.1: connection refused; 127.0.0.2: connection refused"):
        await dial.connect([at(port), at(port, "127.0.0.2")])


async def test_a_connection_takes_no_longer_than_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dial, "CONNECT_SECONDS", 0.1)
    with contextlib.closing(socket.socket()) as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port, fillers = full.getsockname()[1], []
        for _ in range(3):  # its queue is full then, and nothing answers
            sock = socket.socket()
            sock.setblocking(False)
            sock.connect_ex(("127.0.0.1", port))
            fillers.append(sock)
        try:
            for addresses in ([at(port)], [at(port), Address(int(socket.AF_INET), "127.0.0.1 ".strip(), port)]):
                with pytest.raises(RefusedError, match="no answer in") as refused:
                    await dial.connect(addresses)
                assert refused.value.reason == ChannelRefused.TIMED_OUT
        finally:
            for sock in fillers:
                sock.close()


@pytest.mark.parametrize("places", [0, 2, 100])
async def test_addresses_that_are_tried_at_once_take_places(places: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name with 16 addresses that do not answer had 16 descriptors for one connection."""
    monkeypatch.setattr(race, "ATTEMPT_DELAY", 0.0)
    monkeypatch.setattr(dial, "CONNECT_SECONDS", 0.3)
    taken, most, running = 0, 0, 0

    def take() -> bool:
        nonlocal taken, most
        if taken >= places:
            return False
        taken += 1
        most = max(most, taken)
        return True

    def give_back() -> None:
        nonlocal taken
        taken -= 1

    async def never(address: Address) -> socket.socket:
        nonlocal running
        running += 1
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(dial, "_connected", never)
    with pytest.raises(RefusedError):
        await dial.connect([at(1, f"127.0.1.{number}") for number in range(1, 17)], take, give_back)
    await asyncio.sleep(0)  # callbacks of the last task
    assert running == 1 + min(places, 15)
    assert (most, taken) == (running - 1, 0)


async def test_who_gives_up_leaves_no_socket() -> None:
    with contextlib.closing(Target()) as target:
        addresses = [at(target.endpoint.port), at(target.endpoint.port, "127.0.0.2")]
        for turns in range(6):
            async with asyncio.TaskGroup() as group:
                dialling = group.create_task(dial.connect(addresses))
                for _ in range(turns):
                    await asyncio.sleep(0)
                dialling.cancel()
            if not dialling.cancelled():
                dialling.result()[0].close()


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.ECONNREFUSED, ChannelRefused.NOT_LISTENING),
        (errno.EHOSTUNREACH, ChannelRefused.UNREACHABLE),
        (errno.ENETUNREACH, ChannelRefused.UNREACHABLE),
        (errno.ETIMEDOUT, ChannelRefused.TIMED_OUT),
        (errno.EADDRINUSE, ChannelRefused.IN_USE),
        (errno.EMFILE, ChannelRefused.TOO_MANY),
        (errno.EACCES, ChannelRefused.NOT_ALLOWED),
        (errno.EIO, ChannelRefused.FAILED),
    ],
)
def test_reasons(number: int, reason: ChannelRefused.Reason) -> None:
    error = OSError(number, "[Errno 1] as Python says it ('127.0.0.1', 80)")
    assert reason_of(error) == reason
    assert "[" not in text_of(error)
