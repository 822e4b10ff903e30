"""The proxy between real sockets."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing

import pytest

from tests.support.network.connection import HOST
from tests.support.network.line import Shape
from tests.support.network.plan import SILENT, Cut, CutPlan, Kind
from tests.support.network.proxy import NetworkProxy
from tests.support.waiting import wait_for

DATA = os.urandom(300_000)


class OneKind(CutPlan):
    """A plan that cuts all connections the same way."""

    def __init__(
        self, cuts: int, after: int, kind: Kind, *, towards_server: bool = True, seconds: float = 0.05
    ) -> None:
        super().__init__(0, cuts, 1)
        self._next = Cut(0, kind, after, None, towards_server, seconds=0.05)

    def take(self) -> Cut | None:
        return None if super().take() is None else self._next


class Echo:
    """A server that echoes its input."""

    def __init__(self) -> None:
        self.received = b""
        self.ends: list[str] = []
        self.connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while data := await reader.read(65536):
                self.received += data
                writer.write(data)
                await writer.drain()
            self.ends.append("fin")
        except ConnectionError:
            self.ends.append("reset")
        writer.close()


@asynccontextmanager
async def echo() -> AsyncIterator[tuple[Echo, int]]:
    found = Echo()
    server = await asyncio.start_server(found.serve, HOST, 0)
    async with server:
        yield found, server.sockets[0].getsockname()[1]
        server.close()
        await wait_for(lambda: len(found.ends) == found.connections, "the end of all connections")


async def exchange(port: int, data: bytes) -> bytes:
    """Send all data and a FIN; return all data until EOF."""
    reader, writer = await asyncio.open_connection(HOST, port)
    with closing(writer):
        writer.write(data)
        writer.write_eof()
        return await reader.read()


async def received_until_cut(port: int, data: bytes) -> tuple[bytes, str]:
    """Send all data; return what came back, and how the connection ended."""
    got = b""
    try:
        reader, writer = await asyncio.open_connection(HOST, port)
    except ConnectionError:
        return got, "reset"
    with closing(writer):
        writer.write(data)
        try:
            while piece := await reader.read(65536):
                got += piece
        except ConnectionError:
            return got, "reset"
        return got, "fin"


@pytest.mark.parametrize("shape", [None, Shape(5e6, 0.01)], ids=["fast", "shaped"])
async def test_everything_gets_through_in_order(shape: Shape | None) -> None:
    async with echo() as (server, port):
        with NetworkProxy(port, shape=shape) as proxy:
            assert await exchange(proxy.port, DATA) == DATA
            assert server.received == DATA
            await wait_for(lambda: proxy.connections() == 0)


@pytest.mark.parametrize("kind", [Kind.RESET, Kind.FIN_BOTH])
async def test_a_cut_is_where_the_plan_says(kind: Kind) -> None:
    async with echo() as (server, port):
        with NetworkProxy(port, plan=OneKind(1, 1000, kind)) as proxy:
            got, end = await received_until_cut(proxy.port, DATA)
            assert end == ("reset" if kind is Kind.RESET else "fin")
            assert len(got) + len(server.received) <= 1000
            assert DATA.startswith(server.received)
            (event,) = proxy.journal.events
            assert (event.connection, event.kind, event.size) == (0, kind.value, 1000)
            assert await exchange(proxy.port, DATA) == DATA  # the only cut is done


async def test_one_end_sees_the_end_and_the_other_once_that_one_closes() -> None:
    async with echo() as (server, port):
        with NetworkProxy(port, plan=OneKind(2, 1000, Kind.FIN_ONE)) as proxy:
            _, end = await received_until_cut(proxy.port, DATA[:1000])
            assert (end, server.ends) == ("fin", ["fin"])
        with NetworkProxy(port, plan=OneKind(1, 1000, Kind.FIN_ONE, towards_server=False)) as proxy:
            got, end = await received_until_cut(proxy.port, DATA)
            assert (got, end) == (b"", "fin")
            await wait_for(lambda: proxy.connections() == 0)


@pytest.mark.parametrize("shape", [None, Shape(5e6, 0.01)], ids=["fast", "shaped"])
async def test_a_stall_is_late_but_complete(shape: Shape | None) -> None:
    async with echo() as (_, port):
        with NetworkProxy(port, plan=OneKind(1, 1000, Kind.STALL), shape=shape) as proxy:
            assert await exchange(proxy.port, DATA) == DATA
            assert proxy.journal.counts() == {"stall": 1}


async def test_who_survives_a_stall_is_cut_again() -> None:
    async with echo() as (_, port):
        with NetworkProxy(port, plan=OneKind(3, 1000, Kind.STALL)) as proxy:
            assert await exchange(proxy.port, DATA) == DATA
            assert [event.size for event in proxy.journal.events] == [1000, 2000, 3000]


async def test_a_half_open_connection_says_nothing_and_stays() -> None:
    async with echo() as (server, port):
        with NetworkProxy(port, plan=OneKind(1, 1000, Kind.HALF_OPEN)) as proxy:
            reader, writer = await asyncio.open_connection(HOST, proxy.port)
            writer.write(DATA)
            await wait_for(lambda: proxy.journal.counts() == {"half open": 1})
            await wait_for(lambda: server.received == DATA[: len(server.received)] != b"")
            assert await exchange(proxy.port, DATA) == DATA  # others get through
            assert proxy.connections() == 2 or proxy.connections() == 1
            assert not reader.at_eof()
            assert server.connections == 2
            writer.close()


async def test_an_outage_resets_what_there_is_and_what_comes() -> None:
    async with echo() as (_, port):
        with NetworkProxy(port) as proxy:
            reader, writer = await asyncio.open_connection(HOST, proxy.port)
            writer.write(b"x")
            assert await reader.readexactly(1) == b"x"
            proxy.down()
            with pytest.raises(ConnectionError):
                await reader.readexactly(1)
            writer.close()
            assert (await received_until_cut(proxy.port, b""))[1] == "reset"
            since = proxy.up()
            assert await exchange(proxy.port, DATA) == DATA
            assert proxy.journal.events[-1].at <= since
            assert len(proxy.journal.waits()) == 2  # data flows again towards both ends


async def test_a_silent_outage_holds_everything_back_and_nothing_is_lost() -> None:
    async with echo() as (server, port):
        with NetworkProxy(port) as proxy:
            reader, writer = await asyncio.open_connection(HOST, proxy.port)
            writer.write(b"x")
            assert await reader.readexactly(1) == b"x"
            proxy.down(silent=True)
            writer.write(DATA)
            async with asyncio.TaskGroup() as group:
                other = group.create_task(exchange(proxy.port, b"new"))
                await wait_for(lambda: proxy.connections() == 2)
                assert server.received == b"x"
                proxy.up()
            assert other.result() == b"new"
            assert await reader.readexactly(len(DATA)) == DATA
            writer.close()


async def test_where_nobody_listens_a_connection_is_reset() -> None:
    async with echo() as (_, port):
        pass
    with NetworkProxy(port, plan=OneKind(1, 1000, Kind.RESET)) as proxy:
        assert (await received_until_cut(proxy.port, b"x"))[1] == "reset"
        await wait_for(lambda: proxy.plan.left == 1, "the cut that was not reached")
        assert "refused" in proxy.journal.counts()


async def test_a_plan_is_done_to_its_end_and_everything_is_told() -> None:
    async with echo() as (_, port):
        with NetworkProxy(port, plan=CutPlan(7, 20, 2000, mean_seconds=0.0001, silent=0)) as proxy:
            for _ in range(100):
                try:
                    got = await exchange(proxy.port, DATA[:50_000])
                except ConnectionError:
                    continue
                if got == DATA[:50_000] and not proxy.plan.left:
                    break
            counts = proxy.journal.counts()
            assert sum(counts[kind.value] for kind in set(Kind) - SILENT) == 20
            lines = len(proxy.journal.report().splitlines())
            assert lines == len(proxy.journal.events) + len(proxy.journal.waits())
