"""Connections for existing programs, to real sockets, over a link without a network."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable

import pytest

from natpass_agent.links.plain_target import OURS
from natpass_agent.links.tcp.server import TcpServer
from natpass_agent.targets.targets import Rules, Targets
from natpass_wire.aio.tasks import Tasks
from natpass_wire.identity.authorized import ALL, Rights
from natpass_wire.pb.link_pb2 import ConnectRequest, LinkEnd
from tests.agent.forward_opener import ForwardOpener, target
from tests.support.waiting import PATIENCE, wait_for

pytestmark = pytest.mark.both_loops

BYTES = bytes(range(256)) * 4096


@pytest.fixture
def server() -> TcpServer:
    return TcpServer()


@pytest.fixture
async def ask(server: TcpServer) -> AsyncIterator[Callable[..., ForwardOpener]]:
    tasks = Tasks()

    def ask(port: int, host: str = "127.0.0.1", rights: Rights = ALL) -> ForwardOpener:
        opener = ForwardOpener.to(ConnectRequest.tcp, host, port)
        tasks.start(server.serve(opener.link, opener.request, rights), "tcp")
        return opener

    yield ask
    async with asyncio.timeout(PATIENCE):
        await tasks.close()


Ask = Callable[..., ForwardOpener]


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


async def deaf(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.transport.pause_reading()  # type: ignore[attr-defined]  # a socket's transport has it


async def accepted(opener: ForwardOpener) -> None:
    await wait_for(lambda: opener.refusal is not None)
    assert opener.refusal == ""


async def refused(opener: ForwardOpener) -> str:
    await wait_for(lambda: opener.refusal is not None)
    assert opener.refusal
    return opener.refusal


async def test_bytes_go_both_ways(ask: Ask, server: TcpServer) -> None:
    async with target(echo) as port:
        opener = ask(port)
        await accepted(opener)
        running = server.running(opener.link)
        assert running is not None
        assert running.logged == f"tcp to 127.0.0.1:{port}"
        for at in range(0, len(BYTES), 16384):
            opener.say(BYTES[at : at + 16384])
        await wait_for(lambda: len(opener.output) == len(BYTES))
        assert opener.output == BYTES
        assert max(map(len, opener.pieces)) <= 60 * 1024
        opener.hang_up()
        await wait_for(lambda: server.running(opener.link) is None)


async def test_the_end_of_the_target_ends_the_link_behind_its_last_byte(ask: Ask) -> None:
    async def say_and_close(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(BYTES)
        writer.close()

    async with target(say_and_close) as port:
        opener = ask(port)
        await wait_for(lambda: opener.end)
        assert opener.output == BYTES
        assert opener.end is not None
        assert opener.end.cause == LinkEnd.CLOSED


async def test_what_was_sent_before_the_end_of_the_link_arrives(ask: Ask) -> None:
    got = bytearray()
    over = asyncio.Event()

    async def collect(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            got.extend(data)
        over.set()

    async with target(collect) as port:
        opener = ask(port)
        await accepted(opener)
        for at in range(0, len(BYTES), 16384):
            opener.say(BYTES[at : at + 16384])
        opener.hang_up()
        async with asyncio.timeout(PATIENCE):
            await over.wait()
        assert bytes(got) == BYTES


async def test_a_reset_is_told(ask: Ask) -> None:
    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    async with target(reset) as port:
        opener = ask(port)
        await accepted(opener)
        opener.say(b"x")
        end = await wait_for(lambda: opener.end)
        assert end is not None
        assert end.cause == LinkEnd.FAILED
        assert "reset" in end.text.lower()


async def test_a_target_that_refuses_is_a_refusal(ask: Ask) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        port = taken.getsockname()[1]
        assert await refused(ask(port)) == f"127.0.0.1:{port}: connection refused"


@pytest.mark.parametrize(
    ("host", "port", "reason"),
    [
        ("127.0.0.1", 0, "port 0 is not one of 1 to 65535"),
        ("127.0.0.1", 65536, "port 65536 is not one of 1 to 65535"),
        ("a\0b", 80, "is not a host name"),
        ("x" * 254, 80, "is not a host name"),
        ("x" * 70 + ".invalid", 80, ""),
        ("no-such-host.invalid", 80, "no-such-host.invalid: "),
        ("\x1b[31m", 80, "�[31m: "),
    ],
)
async def test_an_invalid_target_is_a_refusal_that_is_safe_to_print(
    ask: Ask, host: str, port: int, reason: str
) -> None:
    text = await refused(ask(port, host))
    assert reason in text
    assert text.isprintable()


async def test_no_host_means_this_machine_and_brackets_an_ipv6_address(ask: Ask) -> None:
    async with target(echo) as port:
        await accepted(ask(port, ""))
    try:
        async with target(echo, "::1") as port:
            await accepted(ask(port, "[::1]"))
    except OSError:  # a machine without IPv6
        return


async def test_every_address_is_judged_after_it_was_resolved() -> None:
    async with target(echo) as port:
        for pattern, allowed in (
            (f"127.0.0.0/8:{port}", True),
            ("10.0.0.0/8:*", False),
            (f"127.0.0.1:{port + 1}", False),
        ):
            server = TcpServer(Targets(Rules.of({"allow-forward": [pattern]})))
            opener = ForwardOpener.to(ConnectRequest.tcp, "localhost", port)
            tasks = Tasks()
            tasks.start(server.serve(opener.link, opener.request), "tcp")
            await wait_for(lambda found=opener: found.answer)  # type: ignore[misc]  # a loop's own opener
            assert (opener.refusal == "") == allowed
            await tasks.close()


async def test_read_only_consoles_and_streams_are_refused(server: TcpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    opener = ForwardOpener.to(ConnectRequest.tcp, "127.0.0.1", 1)
    await server.serve(opener.link, opener.request, Rights(read_only=True))
    assert opener.refusal
    monkeypatch.setattr(type(opener.link), "is_plain", False)
    opener = ForwardOpener.to(ConnectRequest.tcp, "127.0.0.1", 1)
    await server.serve(opener.link, opener.request)
    assert opener.refusal == OURS


async def test_a_slow_network_slows_the_target_and_loses_nothing(ask: Ask) -> None:
    sent = 0

    async def flood(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.transport.set_write_buffer_limits(65536)
        for _i in range(40):
            writer.write(BYTES)
            await writer.drain()
            sent += len(BYTES)
        writer.close()

    async with target(flood) as port:
        opener = ask(port)
        await accepted(opener)
        await wait_for(lambda: opener.output)
        opener.take_nothing()
        await asyncio.sleep(0)
        before = -1
        while before != sent:  # until the target can write no more
            before = sent
            for _ in range(200):
                await asyncio.sleep(0)
        assert sent < 40 * len(BYTES)
        opener.take_again()
        await wait_for(lambda: opener.end)
        assert opener.output == BYTES * 40


async def test_a_target_that_takes_nothing_is_given_up_once_it_holds_up_others(ask: Ask, server: TcpServer) -> None:
    server.stalled_seconds = 0.1

    async with target(deaf) as port:
        opener = ask(port)
        await accepted(opener)
        while opener.end is None:
            opener.say(bytes(32768))
            for _ in range(10):
                await asyncio.sleep(0)
        assert "has taken nothing" in opener.end.text
        assert not opener.holds


async def test_a_target_that_takes_nothing_does_not_keep_a_link_that_has_ended(ask: Ask, server: TcpServer) -> None:
    server.stalled_seconds = 0.1

    async with target(deaf) as port:
        opener = ask(port)
        await accepted(opener)
        for _ in range(1000):
            opener.say(bytes(32768))
        opener.hang_up()
        await wait_for(lambda: server.running(opener.link) is None)
