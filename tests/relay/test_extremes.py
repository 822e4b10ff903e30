"""Whatever a client says, however extreme: the relay goes on for the others, and has no error of its own."""

import logging

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from natpass_relay.clients import Client, Role
from natpass_relay.roster import Publisher
from natpass_relay.round_trips import RoundTrips, SendReport
from natpass_wire import envelope
from natpass_wire.errors import LocalProtocolError
from natpass_wire.pb.envelope_pb2 import Msg
from natpass_wire.pb.roster_pb2 import About
from tests.relay.raw import Raw
from tests.support.extremes import extreme
from tests.support.relay import AGENT, CONSOLE, running_relay
from tests.support.waiting import wait_for


@given(extreme(About))
def test_what_agents_tell_of_themselves(about: About) -> None:
    publisher = Publisher()
    publisher.joined("a", 1)
    publisher.described("a", about)
    publisher.publish(5.0)
    console = Client("c", Role.CONSOLE)
    publisher.watch(console, 6.0)
    assert publisher.next_message(console, 6.0, 1) is not None


@pytest.mark.parametrize("seconds", [0.0, -1.0, 4295.0, 1e12])
def test_round_trips_of_any_length_fit_into_their_field(seconds: float) -> None:
    """A relay that stood still for hours measures them."""
    trips = RoundTrips()
    agent, console = Client("a", Role.AGENT), Client("c", Role.CONSOLE)
    trips.request(console, [("a", agent)], 0.0, [7])
    (report,) = trips.answered(agent, 7, seconds)
    assert isinstance(report, SendReport)


@pytest.mark.slow
@pytest.mark.parametrize("role", [AGENT, CONSOLE])
@settings(max_examples=25)
@given(messages=st.lists(extreme(Msg), min_size=1, max_size=12), is_in=st.booleans())
async def test_what_clients_say(role: int, messages: list[Msg], is_in: bool, caplog: pytest.LogCaptureFixture) -> None:
    caplog.clear()
    async with running_relay() as relay:
        other = await relay.join("other", AGENT)
        async with Raw.connect(relay) as raw:
            if is_in:
                await raw.log_in("raw", role)
            for number, each in enumerate(messages):
                if number % 2:
                    each.from_id, each.to = "raw", "server"
                try:
                    raw.send(envelope.to_frame(each))
                except LocalProtocolError:  # too long for a frame
                    continue
        late = await relay.join("late", CONSOLE)
        assert other.client.connection is not None
        late.watch()
        await wait_for(lambda: "other" in late.present())
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR or record.exc_info]
