"""Logins at the relay, with real sockets: who is let in, who is told why not, who is just sent away."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from natpass_relay.server import TlsFiles
from natpass_wire import envelope
from natpass_wire.aio.dial import RelayAddress, RelayTarget
from natpass_wire.aio.tls import client_context, server_context
from natpass_wire.frame import MAX_PAYLOAD_BYTES, FrameDecoder, encode_frame
from natpass_wire.login.keys import LoginKey
from natpass_wire.pb.envelope_pb2 import Msg, MsgType, Notice, Ping
from natpass_wire.pb.link_pb2 import ConnectRequest
from natpass_wire.pb.login_pb2 import Refusal
from natpass_wire.pb.shell_pb2 import ShellData
from tests.relay.raw import Raw
from tests.support.relay import CONSOLE, TestRelay, running_relay, tls_files
from tests.support.waiting import wait_for

pytestmark = pytest.mark.both_loops


@pytest.fixture(params=["tcp", "tls"])
async def relay(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[TestRelay]:
    async with running_relay(tls_files(tmp_path) if request.param == "tls" else None) as running:
        yield running


def shell_data(content: bytes) -> Msg:
    return Msg(type=MsgType.shell_data, sdata=ShellData(data=content))


async def test_a_wrong_secret_is_refused_with_the_reason(relay: TestRelay) -> None:
    target = relay.target("a")
    stranger = relay.run(replace(target, login=LoginKey(b"x" * 32)))
    status = await stranger.waiting()
    assert status.refused
    assert status.reason == "the relay refuses the login: wrong secret"


@contextlib.asynccontextmanager
async def tls_proxy(relay: TestRelay, files: TlsFiles, *, relay_has_tls: bool) -> AsyncIterator[int]:
    """End TLS with another certificate in front of a relay, as a proxy or a man in the middle does; yield its port."""
    writers: list[asyncio.StreamWriter] = []
    pumping: set[asyncio.StreamWriter] = set()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, OSError):
            while got := await reader.read(65536):
                writer.write(got)
                await writer.drain()
        writer.close()

    async def splice(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        context = client_context(verify=False) if relay_has_tls else None
        inner = await asyncio.open_connection(relay.address.host, relay.address.port, ssl=context)
        writers.extend([writer, inner[1]])
        pumping.add(writer)
        await asyncio.gather(pump(reader, inner[1]), pump(inner[0], writer))
        pumping.discard(writer)

    context = server_context(files.certificate, files.key)
    server = await asyncio.start_server(splice, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()
        await wait_for(lambda: not pumping, "the proxy's connections to end")


def through(relay: TestRelay, port: int) -> RelayTarget:
    return replace(relay.target("a"), address=RelayAddress("127.0.0.1", port), tls=True)


@pytest.mark.parametrize("relay_has_tls", [True, False])
@pytest.mark.parametrize("is_known", [False, True])
async def test_who_ends_tls_in_the_middle_is_noticed_unless_it_is_our_proxy(
    tmp_path: Path, relay_has_tls: bool, is_known: bool
) -> None:
    files = tls_files(tmp_path, "proxy")
    known = (files.certificate,) if is_known else ()
    own = tls_files(tmp_path) if relay_has_tls else None
    async with (
        running_relay(own, proxy_certificates=known) as relay,
        tls_proxy(relay, files, relay_has_tls=relay_has_tls) as port,
    ):
        agent = relay.run(through(relay, port))
        if is_known:
            await agent.client.online()
            return
        status = await agent.waiting()
        assert status.refused
        assert "certificate mismatch" in status.reason
        assert relay.server.hub.clients == 0


async def test_a_recorded_login_is_worth_nothing() -> None:
    async with running_relay() as relay, Raw.connect(relay) as honest, Raw.connect(relay) as replay:
        hello, proof = await honest.log_in("a")
        replay.send(hello)
        assert (await replay.receive()).hsp.HasField("challenge")
        replay.send(proof)
        assert (await replay.receive()).hsp.refusal.code == Refusal.WRONG_SECRET
        await replay.closed()


async def test_a_relay_that_reflects_our_proof_is_not_believed() -> None:
    async with running_relay() as relay:

        async def reflect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            decoder = FrameDecoder()
            with contextlib.closing(writer):
                while got := await reader.read(4096):
                    for payload in [p for batch in decoder.feed(got) for p in batch.payloads()]:
                        said = envelope.parse(payload).hsp
                        answer = Msg(type=MsgType.handshake, from_id="server", to="a")
                        if said.HasField("hello"):
                            answer.hsp.challenge.version = 2
                            answer.hsp.challenge.nonce = said.hello.nonce
                        else:
                            answer.hsp.accept.mac = said.proof.mac
                        writer.write(envelope.to_frame(answer))

        async with await asyncio.start_server(reflect, "127.0.0.1", 0) as fake:
            address = RelayAddress("127.0.0.1", fake.sockets[0].getsockname()[1])
            agent = relay.run(replace(relay.target("a"), address=address))
            status = await agent.waiting()
            assert "does not know the secret" in status.reason


@pytest.mark.parametrize("start", [b"", b"\x00", b"\x0f\xff\x00\x00\x00\x00abc", b"\x16\x03\x01"])
async def test_who_dawdles_before_the_login_is_sent_away(start: bytes, tmp_path: Path) -> None:
    for tls in (None, tls_files(tmp_path)):
        async with running_relay(tls, login_seconds=0.2) as relay, Raw.connect(relay) as loris:
            loris.send(start)
            await loris.closed()


async def test_a_long_frame_before_the_login_is_not_even_waited_for() -> None:
    async with running_relay() as relay, Raw.connect(relay) as stranger:
        stranger.send(b"\xff\xff\x00\x00\x00\x00" + bytes(5000))
        await stranger.closed()


async def test_what_breaks_the_protocol_after_the_login_is_told_why() -> None:
    async with running_relay() as relay, Raw.connect(relay) as client:
        await client.log_in("a")
        client.send(encode_frame(b"\xff\xff\xff"))
        notice = await client.receive()
        assert notice.type == MsgType.notice
        assert "does not carry a message" in notice.notice.text
        await client.closed()


async def test_a_payload_that_does_not_belong_to_its_type_harms_its_sender_only() -> None:
    async with running_relay() as relay, Raw.connect(relay) as hostile:
        agent, honest = await relay.join("a"), await relay.join("c", CONSOLE)
        link = await honest.open("a")
        await hostile.log_in("h")
        request = Msg(type=MsgType.connect_req, from_id="h", to="a", link_id="l1", creq=ConnectRequest(name="x"))
        hostile.send(envelope.to_frame(request))
        assert (await hostile.receive()).crep.ok
        head = Msg(type=MsgType.shell_data, from_id="h", to="a", link_id="l1").SerializeToString()
        hostile.send(encode_frame(head + b"\x5a\x06\x0a\x04good"))  # field 11 holds a string
        hostile.send(encode_frame(head + b"\x5a\x06\x0a\x04\xff\xfe\xfd\xfc"))  # which is no UTF-8 any more
        assert (await hostile.receive()).notice.code == Notice.PROTOCOL
        await hostile.closed()
        await link.send(shell_data(b"still here"))
        assert (await agent.links[0].receive()).sdata.data == b"still here"


async def test_a_ping_that_fills_a_frame_is_answered() -> None:
    async with running_relay() as relay, Raw.connect(relay) as client:
        await client.log_in("a")
        ping = Msg(type=MsgType.ping, to="server")  # no sender: the pong is longer
        ping.ping.MergeFromString(
            b"\x09" + (5).to_bytes(8, "little") + b"\xa2\x06\xd4\xff\x03" + bytes(65_492)
        )  # field 100
        assert ping.ByteSize() > MAX_PAYLOAD_BYTES - 16
        client.send(envelope.to_frame(ping))
        pong = await client.receive()
        assert pong == Msg(type=MsgType.pong, from_id="server", to="a", ping=Ping(nonce=5))


async def test_messages_that_mean_nothing_are_counted() -> None:
    async with running_relay() as relay, Raw.connect(relay) as client:
        await client.log_in("a")
        for kind in (MsgType.about, MsgType.handshake, MsgType.roster, MsgType.forward, 99):
            client.send(envelope.to_frame(Msg(type=kind, from_id="a", to="server")))  # type: ignore[arg-type]
        client.send(envelope.to_frame(Msg(type=MsgType.ping, from_id="a", to="server")))
        assert (await client.receive()).type == MsgType.pong
        assert relay.server.hub.dropped == 5
