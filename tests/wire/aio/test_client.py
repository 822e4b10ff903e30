"""A client's standing connection: login, loss, return."""

import asyncio
import contextlib
import logging
import socket
from dataclasses import replace

import pytest

from natpass_wire import envelope
from natpass_wire.aio import client as client_module
from natpass_wire.aio import dial as dial_module
from natpass_wire.aio import life_signs
from natpass_wire.aio import reach as reach_module
from natpass_wire.aio.client import Phase, RelayStatus
from natpass_wire.aio.dial import LegacyLogin, RelayAddress, is_loopback
from natpass_wire.aio.link import LinkEndedError
from natpass_wire.frame import encode_frame
from natpass_wire.links import End
from natpass_wire.login import v2
from natpass_wire.login.keys import LoginKey
from natpass_wire.login.legacy import Dialect
from natpass_wire.pb.envelope_pb2 import Msg, MsgType, Notice, Ping
from natpass_wire.pb.link_pb2 import LinkEnd
from natpass_wire.pb.login_pb2 import Accept, Challenge, HandshakePayload, Refusal
from natpass_wire.pb.shell_pb2 import ShellData
from tests.support.waiting import wait_for
from tests.wire.aio.plugs import HOST, ChunkingProxy, Tls
from tests.wire.aio.stub import KEY, Guest, StubRelay, accept_links
from tests.wire.aio.watched import CLAIMS, SHELL, data, pass_time, receive_all, running, target

pytestmark = pytest.mark.both_loops


async def test_login(tls: Tls | None) -> None:
    relay = StubRelay(tls=tls)
    async with relay.running() as port, running(target(port, tls=tls is not None)) as watched:
        connection = await watched.client.online()
        guest = await relay.guest()
        assert guest.claims == CLAIMS
        await watched.until(Phase.ONLINE)
        assert watched.phases == [Phase.ONLINE]
        assert watched.client.client_id == "c"
        await wait_for(lambda: watched.client.round_trip is not None)
        assert 0 < (connection.life.round_trip or 0) < 5
        assert connection.capabilities == {"roster"}


async def test_a_wrong_secret_is_said_and_asked_again_after_half_a_minute() -> None:
    relay = StubRelay(key=LoginKey(bytes(32)))
    async with relay.running() as port, running(target(port)) as watched:
        waiting = await watched.until(Phase.WAITING)
        assert waiting.refused
        assert waiting.reason == "the relay refuses the login: wrong secret"
        assert waiting.retry_at - asyncio.get_running_loop().time() == pytest.approx(30, abs=1)
        waiter = asyncio.get_running_loop().create_task(watched.client.online(), name="waiter")
        relay.key = KEY
        watched.client.retry_now()
        await waiter
        assert watched.client.status == RelayStatus(Phase.ONLINE)


async def test_a_refusal_of_a_stranger_cannot_draw_on_the_terminal() -> None:
    def refuse(guest: Guest, message: Msg) -> bool:
        guest.send(v2.refuse("c", Refusal.OVERLOADED, "\x1b[2Jpwned\r\n" + "x" * 500).reply)
        guest.socket.close()
        return True

    async with StubRelay(on_login=refuse).running() as port, running(target(port)) as watched:
        reason = (await watched.until(Phase.WAITING)).reason
        assert reason.isprintable()
        assert len(reason) < 300


async def test_a_relay_without_room_is_asked_again_soon() -> None:
    def refuse(guest: Guest, message: Msg) -> bool:
        guest.send(v2.refuse("c", Refusal.OVERLOADED, "too many").reply)
        guest.socket.close()
        return True

    relay = StubRelay(on_login=refuse)
    async with relay.running() as port, running(target(port)) as watched:
        waiting = await watched.until(Phase.WAITING)
        assert waiting.reason == "the relay refuses the login: too many"
        assert not waiting.refused
        assert waiting.retry_at - asyncio.get_running_loop().time() < 10
        relay.on_login = None
        await watched.until(Phase.ONLINE)


async def test_a_relay_that_does_not_know_the_secret_is_not_trusted() -> None:
    def let_in(guest: Guest, message: Msg) -> bool:
        step = HandshakePayload(challenge=Challenge(version=2, nonce=bytes(32)))
        if message.hsp.HasField("proof"):
            step = HandshakePayload(accept=Accept(mac=bytes(32), keepalive_ms=5000))
        guest.send(Msg(type=MsgType.handshake, to="c", hsp=step))
        return True

    async with StubRelay(on_login=let_in).running() as port, running(target(port)) as watched:
        waiting = await watched.until(Phase.WAITING)
        assert waiting.refused
        assert "does not know the secret" in waiting.reason
        assert Phase.ONLINE not in watched.phases


async def test_tls_on_one_side_only_is_said(certified: Tls, monkeypatch: pytest.MonkeyPatch) -> None:
    async with StubRelay(tls=certified).running() as port, running(target(port)) as watched:
        assert "--no-tls" in (await watched.until(Phase.WAITING)).reason
    monkeypatch.setattr(reach_module, "CONNECT_SECONDS", 0.2)
    async with StubRelay().running() as port, running(target(port, tls=True)) as watched:
        assert "needs that here as well" in (await watched.until(Phase.WAITING)).reason


@pytest.mark.parametrize(("use_tls", "said"), [(False, "no answer from"), (True, "no answer from")])
async def test_a_server_that_says_nothing_is_given_up(
    monkeypatch: pytest.MonkeyPatch, use_tls: bool, said: str
) -> None:
    monkeypatch.setattr(v2, "LOGIN_SECONDS", 0.1)
    monkeypatch.setattr(reach_module, "CONNECT_SECONDS", 0.1)
    with socket.create_server((HOST, 0)) as mute:
        async with running(target(mute.getsockname()[1], tls=use_tls)) as watched:
            assert said in (await watched.until(Phase.WAITING)).reason


@pytest.mark.parametrize("host", ["nowhere.invalid", "x" * 64 + ".example", ".example", "a..b", "a\0b"])
@pytest.mark.parametrize("use_tls", [False, True])
async def test_a_host_that_does_not_exist_is_no_end(host: str, use_tls: bool) -> None:
    async with running(target(6154, host=host, tls=use_tls)) as watched:
        assert "cannot reach" in (await watched.until(Phase.WAITING)).reason


async def test_an_unreachable_relay_is_tried_at_once_then_jittered() -> None:
    with socket.create_server((HOST, 0)) as free:
        port = free.getsockname()[1]
    async with running(target(port), random=0.5) as watched:
        waiting = await watched.until(Phase.WAITING)
        assert "Connection refused" in waiting.reason or "Connect call failed" in waiting.reason
        assert not waiting.refused
        left = waiting.retry_at - asyncio.get_running_loop().time()
        assert 0 < left <= 0.375  # the second failure: 0.25 + (0.5 - 0.25) * random
        async with StubRelay().running(port):
            await watched.client.online()


@pytest.mark.parametrize("behind", [b"\x08\x00", b"\xff", b"\x0a", b"\x08\x02\x12\x06server"])
async def test_what_comes_with_the_accept_is_judged_as_anything_later(behind: bytes) -> None:
    relay = StubRelay(behind_accept=encode_frame(behind))
    async with relay.running() as port, running(target(port)) as watched:
        if behind in (b"\xff", b"\x0a"):
            await watched.until(Phase.CONNECTING, "does not carry a message")
        else:
            await watched.client.online()


async def test_the_owner_hears_of_a_connection_before_anything_that_it_brings() -> None:
    request = Msg(type=MsgType.connect_req, from_id="b", to="c", link_id="f0", creq=SHELL)
    about = Msg(type=MsgType.roster, from_id="server", to="c")
    relay = StubRelay(behind_accept=envelope.to_frame(request) + envelope.to_frame(about))
    async with relay.running() as port, running(target(port)) as watched:
        await wait_for(lambda: len(watched.order) == 3)
        assert watched.order == ["online", "link", "message"]


@pytest.mark.parametrize("dialect", Dialect)
async def test_silence_is_consent_to_an_older_login(dialect: Dialect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dial_module, "CONSENT_SECONDS", 0.1)
    relay = StubRelay(legacy=True, on_message=accept_links)
    async with relay.running() as port, running(target(port, login=LegacyLogin(dialect, "old"))) as watched:
        connection = await watched.client.online()
        assert len((await relay.guest()).messages[0].hsp.enc) in (16, 64)
        link = await connection.plain_links.open("a", SHELL)
        link.close()
        assert relay.guests[0].pings == 0
        assert connection.life.round_trip is None


@pytest.mark.parametrize(("dialect", "clock"), [(Dialect.MD5, False), (Dialect.HMAC, True)])
async def test_a_closed_connection_refuses_an_older_login(dialect: Dialect, clock: bool) -> None:
    relay = StubRelay(legacy=True, on_message=lambda guest, message: guest.socket.close())
    async with relay.running() as port, running(target(port, login=LegacyLogin(dialect, "old"))) as watched:
        waiting = await watched.until(Phase.WAITING)
        assert waiting.refused
        assert "wrong legacy secret" in waiting.reason
        assert ("clock" in waiting.reason) is clock  # md5 has none
        assert "old" not in repr(watched.client.target)


async def test_a_lost_connection_ends_links_with_the_reason_and_comes_back_at_once() -> None:
    relay, proxy = StubRelay(on_message=accept_links), ChunkingProxy()
    async with relay.running() as port, proxy.towards(port) as detour, running(target(detour)) as watched:
        connection = await watched.client.online()
        link = await connection.plain_links.open("a", SHELL)
        proxy.cut()
        with pytest.raises(LinkEndedError, match="connection to the relay lost"):
            await link.receive()
        assert link.end is not None
        assert link.end.cause == LinkEnd.PEER_GONE
        await relay.guest(2)
        assert await watched.client.online() is not connection
        assert watched.phases[-3:] == [Phase.ONLINE, Phase.CONNECTING, Phase.ONLINE]  # without a wait
        with pytest.raises(LinkEndedError):
            await connection.plain_links.open("a", SHELL)


async def test_a_relay_that_throws_us_out_again_and_again_is_not_stormed() -> None:
    relay = StubRelay(on_message=lambda guest, message: guest.socket.abort())
    async with relay.running() as port, running(target(port), random=0.9) as watched:
        for number in (1, 2):
            guest = await relay.guest(number)
            await wait_for(lambda: watched.client.connection)
            guest.socket.abort()
            await wait_for(lambda guest=guest: guest.lost)  # type: ignore[misc]
        waiting = await watched.until(Phase.WAITING)
        assert 0 < waiting.retry_at - asyncio.get_running_loop().time() < 2.0


async def test_a_steady_connection_is_forgiven_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "STEADY_SECONDS", 0.0)
    relay = StubRelay()
    async with relay.running() as port, running(target(port)) as watched:
        for number in range(1, 6):
            (await relay.guest(number)).socket.abort()
        await relay.guest(6)
        assert Phase.WAITING not in watched.phases


async def test_nothing_of_the_login_stays_in_the_way_of_frames() -> None:
    relay = StubRelay()
    async with relay.running() as port, running(target(port)) as watched:
        connection = await watched.client.online()
        assert connection._socket.handler is connection


async def test_the_last_words_of_a_relay_are_the_reason() -> None:
    relay = StubRelay(on_message=accept_links)
    async with relay.running() as port, running(target(port)) as watched:
        link = await (await watched.client.online()).plain_links.open("a", SHELL)
        guest = await relay.guest()
        guest.send(Msg(type=MsgType.notice, notice=Notice(code=Notice.REPLACED, text="replaced\nby another")))
        guest.socket.close()
        await watched.until(Phase.CONNECTING, "replaced by another")
        assert link.end is not None
        assert "replaced by another" in link.end.text


async def test_who_is_replaced_waits_like_one_who_is_refused() -> None:
    relay = StubRelay(on_message=accept_links)
    async with relay.running() as port, running(target(port)) as watched:
        guest = await relay.guest()
        guest.send(Msg(type=MsgType.notice, notice=Notice(code=Notice.REPLACED, text="replaced")))
        guest.socket.close()
        await watched.until(Phase.WAITING, "replaced")
        assert watched.client.status.refused
        assert watched.client.status.retry_at - asyncio.get_running_loop().time() > 25


async def test_a_waiter_makes_the_next_attempt_sooner() -> None:
    with socket.create_server((HOST, 0)) as free:
        port = free.getsockname()[1]
    async with running(target(port), random=0.999) as watched:
        await wait_for(lambda: watched.client._backoff._failures >= 4, "delays of a second")
        before = asyncio.get_running_loop().time()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                await watched.client.online()
        failures = watched.client._backoff._failures
        assert failures >= 5
        assert asyncio.get_running_loop().time() - before < 1


@pytest.fixture
def fast_keepalive(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a second for an interval, so that one and a half of silence are the end."""
    monkeypatch.setattr(dial_module, "_LEAST_INTERVAL", 0.5)
    monkeypatch.setattr(life_signs, "_TICK_SECONDS", 0.1)


@pytest.mark.usefixtures("fast_keepalive")
async def test_a_relay_without_a_sign_of_life_is_given_up() -> None:
    relay, proxy = StubRelay(keepalive_ms=1), ChunkingProxy()
    async with relay.running() as port, proxy.towards(port) as detour, running(target(detour)) as watched:
        await watched.client.online()
        await wait_for(lambda: relay.guests[0].pings >= 2)
        proxy.freeze()
        await watched.until(Phase.CONNECTING, "no sign of life")


@pytest.mark.usefixtures("fast_keepalive")
async def test_a_large_frame_on_a_slow_line_is_life() -> None:
    """No whole frame for longer than the silence that ends a connection, but bytes all the time."""
    relay = StubRelay(keepalive_ms=1, mute=True)
    async with relay.running() as port, running(target(port)) as watched:
        await watched.client.online()
        guest = await relay.guest()
        frame = envelope.to_frame(Msg(type=MsgType.roster, from_id="server", link_id="", to="x" * 200))
        loop = asyncio.get_running_loop()
        begin = loop.time()
        for byte in frame[:24]:
            guest.socket.write(bytes([byte]))
            await pass_time(0.1)
        assert loop.time() - begin > 2
        guest.socket.write(frame[24:])
        await wait_for(lambda: watched.relayed)
        assert watched.phases == [Phase.ONLINE]


@pytest.mark.usefixtures("fast_keepalive")
async def test_silence_is_not_counted_while_we_do_not_read() -> None:
    relay = StubRelay(keepalive_ms=1, on_message=accept_links)
    async with relay.running() as port, running(target(port)) as watched:
        connection = await watched.client.online()
        link = await connection.plain_links.open("a", SHELL)
        guest = await relay.guest()
        for _ in range(100):
            guest.send(
                Msg(type=MsgType.shell_data, from_id="a", link_id=link.link_id, sdata=ShellData(data=bytes(30_000)))
            )
        await wait_for(lambda: link.is_holding)
        before = guest.pings
        await pass_time(2.5)
        assert guest.pings >= before + 3  # the relay goes on hearing from us
        assert watched.phases == [Phase.ONLINE]
        await receive_all(link, 100)


async def test_a_ping_that_fills_a_frame_is_answered() -> None:
    relay = StubRelay()
    async with relay.running() as port, running(target(port)) as watched:
        await watched.client.online()
        guest = await relay.guest()
        ping = Msg(type=MsgType.ping, from_id="server")  # no receiver: the pong is longer
        ping.ping.MergeFromString(
            b"\x09" + (5).to_bytes(8, "little") + b"\xa2\x06\xcc\xff\x03" + bytes(65_484)
        )  # field 100
        guest.send(ping)
        await wait_for(lambda: guest.of_type(MsgType.pong))
        assert guest.of_type(MsgType.pong) == [Msg(type=MsgType.pong, from_id="c", to="server", ping=Ping(nonce=5))]


async def test_a_client_that_ends_says_good_bye() -> None:
    relay = StubRelay(on_message=accept_links)
    async with relay.running() as port:
        async with running(target(port)) as watched:
            link = await (await watched.client.online()).plain_links.open("a", SHELL)
            guest = await relay.guest()
            await link.send(data(bytes(60_000)))
            link.close("bye")
        assert link.end == End(LinkEnd.CLOSED, "bye")
        await wait_for(lambda: guest.lost)
        assert guest.of_type(MsgType.disconnect)
        assert not asyncio.get_running_loop().is_closed()


async def test_secrets_are_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    relay = StubRelay(key=LoginKey(bytes(32)))
    async with relay.running() as port, running(target(port)) as watched:
        await watched.until(Phase.WAITING)
    assert repr(KEY.key)[2:-1] not in caplog.text
    assert KEY.key.hex() not in caplog.text
    assert "wrong secret" in caplog.text
    assert KEY.key.hex() not in repr(replace(watched.client.target))


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "127.9.9.9", "::1"])
def test_loopback(host: str) -> None:
    assert is_loopback(host)
    assert RelayAddress(host, 1).is_loopback


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "localhost.example", ""])
def test_not_loopback(host: str) -> None:
    assert not is_loopback(host)


def test_addresses_are_written_as_people_do() -> None:
    assert str(RelayAddress("h", 1)) == "h:1"
    assert str(RelayAddress("::1", 6154)) == "[::1]:6154"


async def test_an_unanswered_question_is_seen_long_before_the_connection_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Who sends and hears nothing asks at once: the next ping would be due seconds later."""
    monkeypatch.setattr(life_signs, "_TICK_SECONDS", 0.02)
    monkeypatch.setattr(life_signs, "_DOUBT_SECONDS", 0.1)
    relay = StubRelay()
    async with relay.running() as port, running(target(port)) as watched:
        connection = await watched.client.online()
        guest = await relay.guest()
        await wait_for(lambda: watched.client.round_trip is not None)
        assert connection.life.unanswered == 0
        relay.mute = True
        connection.send(Msg(type=MsgType.keepalive, from_id="c", to="server"))
        await wait_for(lambda: connection.life.unanswered > 0.1, timeout=3)
        assert len(guest.of_type(MsgType.ping)) == 1
        guest.send(Msg(type=MsgType.keepalive))
        await wait_for(lambda: connection.life.unanswered == 0)
