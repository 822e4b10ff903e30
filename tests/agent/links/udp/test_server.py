"""Datagrams for existing programs, to real sockets, over a link without a network."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from natpass_agent.links.udp.server import MOST_WAITING, Datagrams, UdpServer
from natpass_agent.targets.targets import Rules, Targets
from natpass_wire.aio.tasks import Tasks
from natpass_wire.pb.link_pb2 import ConnectRequest, LinkEnd
from tests.agent.forward_opener import ForwardOpener
from tests.support.waiting import PATIENCE, wait_for

pytestmark = pytest.mark.both_loops


class Target(asyncio.DatagramProtocol):
    """A socket on loopback that keeps what it gets, and answers if it is told to."""

    def __init__(self) -> None:
        self.got: list[bytes] = []
        self.sources: set[object] = set()
        self.answer: Callable[[bytes], list[bytes]] = lambda data: [data]
        self.transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]  # narrower
        self.transport = transport

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.got.append(data)
        self.sources.add(addr)
        for answer in self.answer(data):
            self.transport.sendto(answer, addr)  # type: ignore[arg-type]  # typeshed: an address is Any here

    @property
    def port(self) -> int:
        port = self.transport.get_extra_info("sockname")[1]
        assert isinstance(port, int)
        return port


@asynccontextmanager
async def target() -> AsyncIterator[Target]:
    made = asyncio.get_running_loop().create_datagram_endpoint(Target, local_addr=("127.0.0.1", 0))
    transport, found = await made
    try:
        yield found
    finally:
        transport.close()


@pytest.fixture
def server() -> UdpServer:
    return UdpServer()


@pytest.fixture
async def ask(server: UdpServer) -> AsyncIterator[Callable[[int], ForwardOpener]]:
    tasks = Tasks()

    def ask(port: int) -> ForwardOpener:
        opener = ForwardOpener.to(ConnectRequest.udp, "127.0.0.1", port)
        tasks.start(server.serve(opener.link, opener.request), "udp")
        return opener

    yield ask
    async with asyncio.timeout(PATIENCE):
        await tasks.close()


Ask = Callable[[int], ForwardOpener]


async def accepted(opener: ForwardOpener) -> None:
    await wait_for(lambda: opener.refusal is not None)
    assert opener.refusal == ""


async def test_datagrams_are_whole_both_ways(ask: Ask, server: UdpServer) -> None:
    async with target() as there:
        opener = ask(there.port)
        await accepted(opener)
        sent = [bytes([size % 256]) * size for size in (1, 2, 511, 1472, 8192, 60 * 1024)]
        for number, data in enumerate(sent, 1):
            opener.say(data)
            await wait_for(lambda count=number: len(opener.pieces) == count)  # type: ignore[misc]  # a loop's own count
        assert there.got == sent
        assert opener.pieces == sent
        assert len(there.sources) == 1  # a flow keeps its socket
        opener.hang_up()
        await wait_for(lambda: server.running(opener.link) is None)


async def test_the_newest_win_while_the_network_is_slow(ask: Ask) -> None:
    async with target() as there:
        most = 3 * MOST_WAITING
        there.answer = lambda _: [b"%d" % number for number in range(most)]
        opener = ask(there.port)
        await accepted(opener)
        opener.take_nothing()
        opener.say(b"go")
        await wait_for(lambda: there.got)
        probes = 0

        def all_came() -> bool:
            """Whether the agent's socket has been read up to the last datagram."""
            nonlocal probes
            probes += 1
            return probes > 20

        await wait_for(all_came)
        opener.take_again()
        await wait_for(lambda: opener.pieces and opener.pieces[-1] == b"%d" % (most - 1))
        numbers = [int(piece) for piece in opener.pieces]
        assert numbers == sorted(set(numbers))  # in order, none twice, none merged
        assert numbers[-MOST_WAITING:] == [*range(most - MOST_WAITING, most)]
        assert len(numbers) <= MOST_WAITING + 1  # one had been taken when the network became slow


async def test_a_port_where_nobody_listens_does_not_end_the_flow(ask: Ask, server: UdpServer) -> None:
    async with target() as there:
        port = there.port
    opener = ask(port)
    await accepted(opener)
    for _ in range(3):
        opener.say(b"anybody?")
        await asyncio.sleep(0)
    assert opener.end is None
    transport, again = await asyncio.get_running_loop().create_datagram_endpoint(Target, local_addr=("127.0.0.1", port))
    try:

        def answered() -> bool:
            opener.say(b"now?")
            return bool(again.got and opener.pieces)

        await wait_for(answered)
    finally:
        transport.close()


async def test_silence_ends_the_link(ask: Ask, server: UdpServer) -> None:
    server.idle_seconds = 0.05
    async with target() as there:
        opener = ask(there.port)
        end = await wait_for(lambda: opener.end)
        assert end is not None
        assert end.cause == LinkEnd.TIMED_OUT
        assert server.running(opener.link) is None or await wait_for(lambda: server.running(opener.link) is None)


async def test_a_refusal_of_every_address_is_a_refusal() -> None:
    server = UdpServer(Targets(Rules.of({"allow-forward": ["10.0.0.0/8:*"]})))
    opener = ForwardOpener.to(ConnectRequest.udp, "127.0.0.1", 53)
    await server.serve(opener.link, opener.request)
    assert "not" in (opener.refusal or "")
    assert server.running(opener.link) is None


async def test_what_the_socket_does_not_take_is_dropped() -> None:
    class Full(asyncio.DatagramTransport):
        def __init__(self) -> None:
            super().__init__()
            self.waiting = 0
            self.sent: list[bytes] = []

        def get_write_buffer_size(self) -> int:
            return self.waiting

        def sendto(self, data: bytes, addr: object = None) -> None:  # type: ignore[override]  # as it is used
            self.sent.append(data)

    datagrams, transport = Datagrams(), Full()
    datagrams.connection_made(transport)
    datagrams.send(b"first")
    transport.waiting = 256 * 1024
    datagrams.send(b"second")
    assert transport.sent == [b"first"]
    assert datagrams.dropped == 1
