"""A client behind an existing relay, which drops what is not taken within a second: links that nobody reads."""

import pytest

from natpass_wire.aio import breaths, dial
from natpass_wire.aio.breaths import Breaths
from natpass_wire.aio.dial import LegacyLogin
from natpass_wire.aio.link import LinkEndedError
from natpass_wire.aio.plain_link import PlainLink
from natpass_wire.login.legacy import Dialect
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.link_pb2 import LinkEnd
from natpass_wire.pb.shell_pb2 import ShellData
from tests.support.waiting import wait_for
from tests.wire.aio.stub import Guest, StubRelay, accept_links
from tests.wire.aio.watched import SHELL, receive_all, running, target

LOGIN = LegacyLogin(Dialect.MD5, "an old secret")
MIB = 1024 * 1024


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(breaths, "_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(dial, "CONSENT_SECONDS", 0.1)


def send(guest: Guest, link: PlainLink, content: bytes) -> None:
    guest.send(Msg(type=MsgType.shell_data, from_id="a", link_id=link.link_id, sdata=ShellData(data=content)))


@pytest.mark.both_loops
async def test_a_link_that_nobody_reads_is_read_on_and_loses_nothing() -> None:
    contents = [number.to_bytes(2, "big") * 20_000 for number in range(400)]
    relay = StubRelay(legacy=True, on_message=accept_links)
    async with relay.running() as port, running(target(port, login=LOGIN)) as watched:
        connection = await watched.client.online()
        link = await connection.plain_links.open("a", SHELL)
        assert isinstance(link, PlainLink)
        guest = await relay.guest()
        for content in contents:
            send(guest, link, content)
        await wait_for(lambda: link._unread_bytes >= sum(map(len, contents)), "all, though nobody reads")
        assert guest.socket.waiting_bytes == 0
        await wait_for(lambda: link.is_holding)
        assert await receive_all(link, len(contents)) == contents
        assert not link.is_holding
        send(guest, link, b"more")
        assert (await link.receive()).sdata.data == b"more"


@pytest.mark.both_loops
async def test_the_link_with_most_unread_ends_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(breaths, "MOST_KEPT_BYTES", 4 * MIB)
    relay = StubRelay(legacy=True, on_message=accept_links)
    async with relay.running() as port, running(target(port, login=LOGIN)) as watched:
        connection = await watched.client.online()
        full, half, other = [await connection.plain_links.open("a", SHELL) for _ in range(3)]
        assert isinstance(full, PlainLink)
        assert isinstance(half, PlainLink)
        assert isinstance(other, PlainLink)
        guest = await relay.guest()
        for _ in range(30):
            send(guest, half, bytes(30_000))
        for _ in range(400):
            send(guest, full, bytes(30_000))
        send(guest, other, b"late")
        assert (await other.receive()).sdata.data == b"late"
        assert full.end is not None
        assert full.end.cause == LinkEnd.FAILED
        assert full.kept_bytes == 0
        with pytest.raises(LinkEndedError, match="not read for too long: this relay, an existing one, would have lost"):
            await full.receive()
        await wait_for(lambda: [message.link_id for message in guest.of_type(MsgType.disconnect)] == [full.link_id])
        assert len(await receive_all(half, 30)) == 30
        assert half.end is None


class Keeper:
    """A link with something unread."""

    def __init__(self, kept_bytes: int) -> None:
        self.kept_bytes = kept_bytes
        self.abandoned: list[str] = []

    def abandon(self, text: str) -> None:
        self.abandoned.append(text)


async def test_a_breath_is_short_and_the_last_holder_ends_it() -> None:
    calls: list[str] = []
    breathing = Breaths(lambda: calls.append("pause"), lambda: calls.append("resume"), breathes=True)
    keepers = [Keeper(MIB)]
    breathing.took(99 * MIB, [])
    breathing.hold(keepers)
    assert calls == ["pause"]
    await wait_for(lambda: calls == ["pause", "resume"])
    breathing.took(MIB, keepers)
    assert calls == ["pause", "resume"]
    breathing.took(MIB, keepers)
    assert calls == ["pause", "resume", "pause"]
    breathing.hold([])
    assert calls == ["pause", "resume", "pause", "resume"]
    assert breathing._timer is None
    breathing.hold(keepers)
    breathing.stop()
    assert keepers[0].abandoned == []


async def test_at_a_relay_that_waits_reading_pauses_for_as_long_as_it_takes() -> None:
    calls: list[str] = []
    holding = Breaths(lambda: calls.append("pause"), lambda: calls.append("resume"), breathes=False)
    holding.hold([Keeper(1024 * MIB)])
    assert calls == ["pause"]
    assert holding._timer is None
