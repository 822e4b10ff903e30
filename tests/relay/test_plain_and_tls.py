"""Clients with and without TLS at one port of a relay that has it."""

import asyncio
import contextlib
import logging
import re
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from natpass_relay.hub import Hub
from natpass_wire import envelope, strangers
from natpass_wire.aio.dial import LegacyLogin, RelayTarget
from natpass_wire.aio.guest import join
from natpass_wire.aio.tls import client_context
from natpass_wire.errors import UserError
from natpass_wire.invite.code import Code
from natpass_wire.login import v2
from natpass_wire.login.legacy import Dialect
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.shell_pb2 import ShellData
from tests.relay.logins import LEGACY_SECRET
from tests.relay.raw import Raw
from tests.support.relay import AGENT, CONSOLE, TestRelay, running_relay, tls_files
from tests.support.waiting import wait_for

pytestmark = pytest.mark.both_loops

BOTH = frozenset({Dialect.MD5, Dialect.HMAC})


@contextlib.asynccontextmanager
async def relay_with_tls(folder: Path, *, legacy: bool) -> AsyncIterator[TestRelay]:
    admits = {"dialects": BOTH, "legacy_secret": LEGACY_SECRET} if legacy else {}
    async with running_relay(tls_files(folder), **admits) as relay:
        yield relay


def without_tls(relay: TestRelay) -> TestRelay:
    """Return the same relay, for clients that speak bare TCP."""
    return TestRelay(relay.server, relay.addresses, False, relay.tasks)


def existing(relay: TestRelay, client_id: str, dialect: Dialect, *, tls: bool) -> RelayTarget:
    """Return how an existing natpass program logs in."""
    claims = v2.Claims(client_id, AGENT, (), "", b"")
    return RelayTarget(relay.address, tls, claims, LegacyLogin(dialect, LEGACY_SECRET))


async def test_existing_programs_get_in_with_and_without_tls_beside_ours(tmp_path: Path) -> None:
    async with relay_with_tls(tmp_path, legacy=True) as relay:
        ours = await relay.join("ours")
        console = await relay.join("tui", CONSOLE)
        for number, (dialect, tls) in enumerate([(d, t) for d in Dialect for t in (False, True)]):
            old = relay.run(existing(relay, f"old-{number}", dialect, tls=tls))
            await old.client.online()
            link = await console.open(f"old-{number}")
            for size in (1, 60 * 1024, 7):
                await link.send(Msg(type=MsgType.shell_data, sdata=ShellData(data=bytes(size))))
                assert len((await old.links[0].receive()).sdata.data) == size
                await old.links[0].send(Msg(type=MsgType.shell_data, sdata=ShellData(data=bytes(size))))
                assert len((await link.receive()).sdata.data) == size
        assert ours.client.connection is not None
        assert relay.server.hub.clients == 6


@pytest.mark.parametrize("legacy", [True, False])
async def test_ours_stay_on_tls_and_are_told_so(tmp_path: Path, legacy: bool) -> None:
    async with relay_with_tls(tmp_path, legacy=legacy) as relay:
        agent = without_tls(relay).run(without_tls(relay).target("a"))
        status = await agent.waiting()
        assert status.refused
        assert "this relay speaks TLS, and this connection does not: leave out --no-tls" in status.reason
        with pytest.raises(UserError, match="leave out --no-tls"):
            await join(relay.address, Code.parse("1-acorn-acorn-acorn"), "host", lambda _: None, tls=False)
        assert relay.server.hub.clients == 0


async def test_a_connection_with_tls_whose_first_byte_comes_alone(tmp_path: Path) -> None:
    async with relay_with_tls(tmp_path, legacy=True) as relay:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = client_context(verify=False).wrap_bio(incoming, outgoing)
        with pytest.raises(ssl.SSLWantReadError):
            tls.do_handshake()
        hello = outgoing.read()
        reader, writer = await asyncio.open_connection(relay.address.host, relay.address.port)
        writer.write(hello[:1])
        await wait_for(lambda: relay.server.hub.connections == 1)
        connection = relay.server.hub.all_connections()[0]
        await wait_for(lambda: connection.socket.received_bytes == 1)
        writer.write(hello[1:])
        while True:
            incoming.write(await reader.read(4096))
            with contextlib.suppress(ssl.SSLWantReadError):
                tls.do_handshake()
                break
        assert not connection.is_plain
        writer.close()


def complaints(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name in {Hub.__module__, strangers.LOGGER}]


async def test_without_legacy_bare_tcp_is_closed_and_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    hello = Msg(type=MsgType.handshake, from_id="old", to="server")
    hello.hsp.enc = bytes(16)
    with caplog.at_level(logging.INFO):
        async with relay_with_tls(tmp_path, legacy=False) as relay:
            for said in (envelope.to_frame(hello), b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 20_000) * 2:
                async with Raw.connect(relay) as client:
                    client.send(said)
                    await client.closed()
            agent = await relay.join("a")
            assert agent.client.connection is not None
            (first, *others) = [text for text in complaints(caplog) if "TLS" in text or "turned away" in text]
    assert re.match(r"refused plain TCP from 127\.0\.0\.1, since this relay speaks TLS: .*--legacy.*--no-tls", first)
    assert others == []


async def test_with_legacy_each_login_that_is_refused_is_said_with_its_reason(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        async with relay_with_tls(tmp_path, legacy=True) as relay, Raw.connect(relay) as client:
            hello = Msg(type=MsgType.handshake, from_id="old", to="server")
            hello.hsp.enc = bytes(16)
            client.send(envelope.to_frame(hello))
            await client.closed()
    assert [text for text in complaints(caplog) if "wrong legacy secret" in text]
