"""Every address of a relay's name takes part in a race, on real sockets and both event loops."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator

import pytest

from natpass_wire.aio import reach as reach_module
from natpass_wire.aio.client import Phase
from natpass_wire.aio.runtime import ReadBuffers
from natpass_wire.aio.sockets import FrameSocket
from natpass_wire.frame import Batch
from natpass_wire.login import v2
from natpass_wire.race import Address, Experience, Race
from tests.support.waiting import patience, wait_for
from tests.wire.aio.plugs import HOST, Tls
from tests.wire.aio.stub import StubRelay
from tests.wire.aio.watched import running, target

pytestmark = pytest.mark.both_loops

NAME = "relay.example.org"


@contextlib.contextmanager
def black_hole() -> Iterator[Address]:
    """Have an address that drops whoever wants to connect: its queue of connections is full."""
    with contextlib.ExitStack() as stack:
        hole = stack.enter_context(socket.socket())
        hole.bind(("127.0.0.2", 0))
        hole.listen(0)
        while True:
            filler = stack.enter_context(socket.socket())
            filler.settimeout(0.2)
            try:
                filler.connect(hole.getsockname())
            except TimeoutError:
                break
        yield Address(socket.AF_INET6, *hole.getsockname())  # stands for the dead IPv6 address that is so common


@contextlib.contextmanager
def mute() -> Iterator[Address]:
    """Have an address that takes connections and says nothing, as some middleboxes do for hosts that are dead."""
    with socket.create_server(("127.0.0.3", 0)) as server:
        yield Address(socket.AF_INET6, *server.getsockname())


@contextlib.contextmanager
def refusing() -> Iterator[Address]:
    """Have an address where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.4", 0))
        yield Address(socket.AF_INET6, *taken.getsockname())


DEAD = {"black hole": black_hole, "mute": mute, "refusing": refusing}


class Names:
    """The name service."""

    def __init__(self) -> None:
        self.addresses: list[Address] = []
        self.asked = 0

    async def resolve(self, host: str, port: int) -> list[Address]:
        assert host == NAME
        self.asked += 1
        return list(self.addresses)


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    found = Names()
    monkeypatch.setattr(reach_module, "resolve", found.resolve)
    return found


@contextlib.asynccontextmanager
async def relay_at(names: Names, *dead: Address, tls: Tls | None) -> AsyncIterator[tuple[StubRelay, int]]:
    """Run a relay that has the name's last address."""
    relay = StubRelay(tls=tls)
    async with relay.running() as port:
        names.addresses = [*dead, Address(socket.AF_INET, HOST, port)]
        yield relay, port


@pytest.mark.parametrize("how", ["black hole", "mute", "refusing"])
async def test_a_dead_address_before_the_good_one_costs_no_time_limit(names: Names, certified: Tls, how: str) -> None:
    """Before there was a race, a black hole or a mute middlebox took the whole time limit, at each attempt."""
    with DEAD[how]() as dead:
        async with relay_at(names, dead, tls=certified), running(target(1, tls=True, host=NAME)) as watched:
            async with asyncio.timeout(reach_module.CONNECT_SECONDS / 2):
                await watched.client.online()
            assert watched.phases == [Phase.ONLINE]  # at the first attempt


async def test_the_last_good_address_comes_first_and_names_are_asked_for_at_each_dial(
    names: Names, certified: Tls, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []

    class Seen(Race):
        def start(self, now: float) -> Address | None:
            address = super().start(now)
            if address is not None:
                tried.append(address)
            return address

    monkeypatch.setattr(reach_module, "Race", Seen)
    with mute() as dead:
        async with (
            relay_at(names, dead, tls=certified) as (relay, port),
            running(target(1, tls=True, host=NAME)) as watched,
        ):
            await watched.client.online()
            good = watched.client._experience.good
            assert good == Address(socket.AF_INET, HOST, port)
            (await relay.guest()).socket.abort()
            await relay.guest(2)
            assert names.asked == 2
            await wait_for(lambda: watched.client.connection)
            assert tried == [dead, good, good]


async def test_an_address_that_is_no_relay_does_not_keep_us_from_the_one_that_is(
    names: Names, certified: Tls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It even speaks TLS, so it wins the race; but it does not answer the login."""
    monkeypatch.setattr(v2, "LOGIN_SECONDS", 0.3)
    stranger = StubRelay(tls=certified, on_login=lambda guest, message: True)
    async with (
        stranger.running() as other,
        relay_at(names, Address(socket.AF_INET6, HOST, other), tls=certified),
        running(target(1, tls=True, host=NAME)) as watched,
    ):
        await watched.until(Phase.CONNECTING, "is it a natpass relay?")
        await watched.client.online()


async def test_losers_are_closed(names: Names, certified: Tls) -> None:
    """Nobody is left connected (the fixtures look for tasks and sockets of ours): neither to a mute one nor a relay."""
    with socket.create_server(("127.0.0.3", 0)) as late:
        late.setblocking(False)
        dead = Address(socket.AF_INET6, *late.getsockname())
        async with relay_at(names, dead, tls=certified), running(target(1, tls=True, host=NAME)) as watched:
            await watched.client.online()
            loop = asyncio.get_running_loop()
            theirs, _ = await loop.sock_accept(late)
            with theirs:
                theirs.setblocking(False)
                with contextlib.suppress(ConnectionResetError):
                    while await loop.sock_recv(theirs, 4096):
                        pass
            assert watched.phases[-1] is Phase.ONLINE


async def test_an_error_names_each_address_with_its_reason(
    names: Names, certified: Tls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reach_module, "CONNECT_SECONDS", 0.7)
    with black_hole() as hole, mute() as silent, refusing() as nobody:
        names.addresses = [hole, silent, nobody]
        async with running(target(1, tls=True, host=NAME)) as watched:
            reason = (await watched.until(Phase.WAITING)).reason
            assert reason == (
                "cannot reach relay.example.org:1: 127.0.0.2: no answer within 1 s; 127.0.0.3: no answer within 1 s; "
                "127.0.0.4: Connection refused (a relay with --no-tls needs that here as well)"
            )
        names.addresses = [nobody]
        async with running(target(1, tls=True, host=NAME)) as watched:
            reason = (await watched.until(Phase.WAITING)).reason
            assert reason == "cannot reach relay.example.org:1: 127.0.0.4: Connection refused"
        names.addresses = [hole]
        async with running(target(1, tls=True, host=NAME)) as watched:
            reason = (await watched.until(Phase.WAITING)).reason
            assert reason == "no answer from relay.example.org:1 within 1 s: 127.0.0.2"


async def test_a_client_that_is_stopped_in_the_middle_of_a_race_leaves_nothing(names: Names, certified: Tls) -> None:
    with black_hole() as hole, mute() as silent:
        names.addresses = [hole, silent]
        async with running(target(1, tls=True, host=NAME)):
            await wait_for(lambda: names.asked)
            await wait_for(lambda: any("connect to 127.0.0.3" in task.get_name() for task in asyncio.all_tasks()))
        assert not any("connect to" in task.get_name() for task in asyncio.all_tasks())


class _Slow:
    """A handler that is ready as soon as it is told, and takes its time to stop."""

    socket: FrameSocket

    def __init__(self) -> None:
        self.is_there = self.is_lost = False
        self.is_ready, self.stopping, self.may_stop = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def ready(self) -> None:
        self.is_there = True
        try:
            await self.is_ready.wait()
        finally:
            self.stopping.set()
            await self.may_stop.wait()

    def socket_ready(self) -> None:
        pass

    def batch_received(self, batch: Batch) -> None:
        pass

    def writable_changed(self, writable: bool) -> None:
        pass

    def socket_lost(self, error: Exception | None) -> None:
        self.is_lost = True


@pytest.mark.parametrize("is_decided", [False, True])
async def test_a_race_that_is_cancelled_while_it_is_cleaned_up_leaves_nobody_connected(
    names: Names, is_decided: bool
) -> None:
    loop = asyncio.get_running_loop()
    with mute() as silent, socket.create_server(("127.0.0.5", 0)) as good:
        good.setblocking(False)
        names.addresses = [silent, Address(socket.AF_INET, *good.getsockname())]
        handlers: list[_Slow] = []

        def make() -> _Slow:
            handlers.append(_Slow())
            return handlers[-1]

        racing = loop.create_task(
            reach_module.reach(reach_module.Destination(NAME, 1), make, ReadBuffers(), Experience())
        )
        theirs, _ = await loop.sock_accept(good)  # the last one to start
        with theirs:
            theirs.setblocking(False)
            await wait_for(lambda: len(handlers) == 2 and all(handler.is_there for handler in handlers))
            if is_decided:
                handlers[1].may_stop.set()
                handlers[1].is_ready.set()
            else:
                racing.cancel()
            await handlers[0].stopping.wait()
            racing.cancel()
            await asyncio.sleep(0)
            for handler in handlers:
                handler.may_stop.set()
            with pytest.raises(asyncio.CancelledError):
                await racing
            async with asyncio.timeout(patience()):
                with contextlib.suppress(ConnectionResetError):
                    assert await loop.sock_recv(theirs, 1) == b""
        await wait_for(lambda: all(handler.is_lost for handler in handlers))


async def test_the_systems_own_name_service_is_asked() -> None:
    found = await reach_module.resolve("localhost", 7)
    assert Address(socket.AF_INET, "127.0.0.1", 7) in found
