"""What a target gives to each opener, through a real relay: places, time for an end, and arithmetic."""

import pytest

from natpass_wire.aio import streams
from natpass_wire.aio.link import LinkEndedError
from natpass_wire.aio.stream import Stream
from natpass_wire.aio.streams import Streams
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.link_pb2 import ConnectRequest, LinkEnd
from natpass_wire.stream.core import StreamCore, StreamPhase, StreamReceived
from natpass_wire.stream.handshake_limiter import Offered, Verdict
from tests.support.relay import CONSOLE
from tests.support.rude import deafen
from tests.support.waiting import wait_for
from tests.wire.aio.test_streams import data, read, world, write

pytestmark = pytest.mark.both_loops


async def test_the_longest_away_of_ones_own_makes_room() -> None:
    async with world() as net:
        net.agent.client.streams._places.most = 1
        _, first = await net.open()
        with pytest.raises(LinkEndedError, match="you have 1 links to this agent already"):
            await net.open()
        net.console_net.down()
        await wait_for(lambda: first.detached)
        other = await net.relay.join("other", CONSOLE)
        await other.open("agent", plain=False)
        assert "place was needed" in (await first.ended()).text


async def test_ends_that_nobody_acknowledges_take_no_place_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    async with world() as net:
        net.agent.client.streams._places.most = 4
        kept, served = await net.open()
        rude = await net.relay.join("rude", CONSOLE)
        ended = []
        for _ in range(3):
            await rude.open("agent", plain=False)
            ended.append(net.agent.links[-1])
            deafen(rude)
            ended[-1].close("done", LinkEnd.EXITED, 0)
        with pytest.raises(LinkEndedError, match="you have 3 links to this agent already"):
            await rude.open("agent", plain=False)
        assert all(isinstance(link, Stream) and link.core.state is StreamPhase.CLOSING for link in ended)
        await net.open()
        assert [isinstance(link, Stream) and link.core.state is StreamPhase.CLOSING for link in ended].count(False) == 1
        await write(kept, b"still here")
        assert await read(served, 10) == b"still here"


async def test_an_end_that_is_never_acknowledged_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "CLOSING_SECONDS", 0.1)
    async with world() as net:
        _, served = await net.open()
        deafen(net.console)
        served.close("done", LinkEnd.EXITED, 0)
        assert len(net.agent.client.streams) == 1
        await wait_for(lambda: not len(net.agent.client.streams))


async def test_an_end_waits_for_a_reader_that_has_not_read_what_is_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pager may show the first page for an hour."""
    monkeypatch.setattr(streams, "CLOSING_SECONDS", 0.02)
    looked = 0
    check = Streams._check_end

    def count(self: Streams, stream: Stream) -> None:
        nonlocal looked
        looked += 1
        check(self, stream)

    monkeypatch.setattr(Streams, "_check_end", count)
    async with world() as net:
        link, served = await net.open()
        assert isinstance(served, Stream)
        writing = net.relay.tasks.start(write(served, bytes(100_000)), "writer")
        await wait_for(lambda: not served.core.sender.room())
        for _ in range(20):  # as a program that ends with more to say than its reader takes
            served.core.send(data(bytes(8000)).SerializeToString())
        writing.cancel()
        sent = served.core.sender.kept_units
        served.close("done", LinkEnd.EXITED, 0)
        await wait_for(lambda: looked > 10)
        assert len(net.agent.client.streams) == 1
        assert served.core.sender.kept_units <= sent + 64
        reading = net.relay.tasks.start(read(link, 10**9), "reader")
        assert (await link.ended()).text == "done"
        reading.cancel()
        await wait_for(lambda: not len(net.agent.client.streams))


async def test_an_agent_under_load_gives_a_cookie_and_its_opener_comes_again_at_once() -> None:
    async with world() as net:
        judged: list[Verdict] = []
        arrivals = net.agent.client.streams._arrivals
        arrivals._limiter._busy = 0
        judge = arrivals._limiter.judge

        def count(offer: Offered, waiting: int, now: float) -> Verdict:
            judged.append(judge(offer, waiting, now))
            return judged[-1]

        arrivals._limiter.judge = count  # type: ignore[method-assign]  # only to look at it
        link, served = await net.open()
        assert judged == [Verdict.COOKIE, Verdict.ACCEPT]
        await write(link, b"in")
        assert await read(served, 2) == b"in"
        await net.open()
        assert judged[2:] == [Verdict.ACCEPT], "it has proved its key"
        arrivals._limiter.failed("console")
        await net.open()
        assert judged[3:] == [Verdict.ACCEPT], "the cookie is still valid"


async def test_who_comes_too_often_waits_and_is_not_refused() -> None:
    async with world() as net:
        later = 3
        judge = net.agent.connection.carriers._judge

        def some_later(offer: Offered) -> tuple[Verdict, bytes]:
            nonlocal later
            later -= 1
            return judge(offer) if later < 0 else (Verdict.LATER, b"")

        net.agent.connection.carriers._judge = some_later
        link, served = await net.open()
        assert later < 0
        await write(link, b"in")
        assert await read(served, 2) == b"in"


async def test_a_target_learns_which_network_an_opener_is_in_from_the_relay_alone() -> None:
    async with world() as net:
        origins: list[bytes] = []
        judge = net.agent.connection.carriers._judge

        def note(offer: Offered) -> tuple[Verdict, bytes]:
            origins.append(offer.origin)
            return judge(offer)

        net.agent.connection.carriers._judge = note
        await net.open()
        client = await net.relay.join("forger", CONSOLE)
        request = ConnectRequest(kind=ConnectRequest.stream, origin=b"forged")
        request.offer.version = 1
        request.offer.handshake = bytes(48)
        with pytest.raises(LinkEndedError):
            await client.client.open_link("agent", request, plain=True)
        assert origins == [net.relay.server.hub._requests._name("127.0.0.1")] * 2


async def test_messages_that_wait_take_the_memory_that_they_have_credit_for() -> None:
    """Parsed, 60 KB of empty arguments are 1 MB: all but the first wait as they came."""
    stream = Stream(StreamCore(bytes(16)), "peer", lambda _: None)
    sent = [Msg(type=MsgType.connect_req, link_id=str(number)) for number in range(5)]
    stream._take([StreamReceived(message, 100, message.SerializeToString()) for message in sent])
    assert [isinstance(message, bytes) for message, _ in stream._unread] == [False, True, True, True, True]
    assert await stream.receive_batch() == sent
