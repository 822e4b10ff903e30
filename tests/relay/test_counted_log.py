"""What strangers can write into a relay's log."""

import asyncio
import logging
import re
from dataclasses import replace

import pytest

from natpass_relay.counted_log import clients_log, strangers_log
from natpass_wire import envelope, strangers
from natpass_wire.login.keys import LoginKey
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from tests.relay.raw import Raw
from tests.support.relay import CONSOLE, running_relay
from tests.support.waiting import wait_for

pytestmark = pytest.mark.both_loops


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == strangers.LOGGER]


async def test_a_hundred_strangers_are_a_few_lines_and_clients_have_all_theirs(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    hello = Msg(type=MsgType.handshake, from_id="old", to="server")
    hello.hsp.enc = bytes(16)
    async with running_relay() as relay:

        async def knock() -> None:
            async with Raw.connect(relay) as stranger:
                stranger.send(envelope.to_frame(hello))
                await stranger.closed()

        for _ in range(10):
            await asyncio.gather(*(knock() for _ in range(10)))
        wrong = replace(relay.target("wrong"), login=LoginKey(b"x" * 32))
        await relay.run(wrong).waiting()
        for number in range(5):
            await relay.join(f"console-{number}", CONSOLE)
        await wait_for(lambda: relay.server.hub.clients == 5)
        assert 0 < len(lines(caplog)) <= 6
        assert all("is turned away" in line for line in lines(caplog))
        logged_in = [record for record in caplog.records if "logged in from" in record.getMessage()]
        assert len(logged_in) == 5
        assert not {record.name for record in logged_in} & {strangers.LOGGER}


def test_what_was_left_out_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    now = [100.0]
    log = strangers_log(lambda: now[0])
    for host in ("192.0.2.1", "192.0.2.2", "2001:db8:1:2::3") * 10:
        log.say("turned away", host, f"{host} is turned away:\nWARNING faked")
    log.tick()
    written = len(lines(caplog))
    assert written == 6
    assert all(re.fullmatch(r"\S+ is turned away:\\?.*WARNING faked", line) for line in lines(caplog))
    now[0] += 60
    log.tick()
    assert lines(caplog)[written:] == [
        "turned away: 17 times more from 192.0.2.0/24 in 60 s",
        "turned away: 7 times more from 2001:db8:1::/48 in 60 s",
    ]


@pytest.mark.parametrize("there", ["198.51.{0}.7", "2001:db8:{0:x}::1"])
def test_who_has_many_networks_does_not_take_the_lines_of_others(caplog: pytest.LogCaptureFixture, there: str) -> None:
    caplog.set_level(logging.INFO)
    log = clients_log(lambda: 5.0, logging.getLogger("natpass_relay.test"), 240, 6000)
    for number in range(200):
        for _ in range(240):
            log.say("logged in", there.format(number), "flood")
    for number in range(50):
        log.say("logged in", f"192.0.{number}.1", "honest")
        log.say("is gone", f"192.0.{number}.1", "honest")
    assert caplog.messages.count("honest") == 100
    assert 1000 < caplog.messages.count("flood") <= 3000


@pytest.mark.programs
async def test_clients_that_come_and_go_all_the_time_do_not_fill_the_log(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("natpass_relay.hub.MOST_CLIENT_LINES", 3)
    caplog.set_level(logging.INFO)
    async with running_relay() as relay:
        for number in range(8):
            await relay.join(f"console-{number}", CONSOLE)
        await wait_for(lambda: relay.server.hub.clients == 8)
    said = [record.getMessage() for record in caplog.records]
    assert len([line for line in said if "logged in from" in line]) == 3
    assert len([line for line in said if " is gone: " in line]) <= 3
