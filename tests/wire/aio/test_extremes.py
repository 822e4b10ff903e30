"""Whatever a relay sends, however extreme: its client goes on or dials again, and has no error of its own."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from natpass_wire import envelope
from natpass_wire.aio.client import Phase
from natpass_wire.errors import LocalProtocolError
from natpass_wire.pb.envelope_pb2 import Msg
from tests.support.extremes import extreme
from tests.support.waiting import wait_for
from tests.wire.aio.stub import StubRelay
from tests.wire.aio.watched import running, target

pytestmark = [pytest.mark.both_loops, pytest.mark.slow]


@settings(max_examples=40)
@given(st.lists(extreme(Msg), max_size=8), st.sampled_from([0, 1, 5000, (1 << 32) - 1]), st.booleans())
async def test_what_a_relay_sends(messages: list[Msg], keepalive_ms: int, serves: bool) -> None:
    told: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(str(context)))
    frames = []
    for number, each in enumerate(messages):
        if number % 2:
            each.from_id, each.to = "server", "c"
        try:
            frames.append(envelope.to_frame(each))
        except LocalProtocolError:  # too long for a frame
            continue
    relay = StubRelay(keepalive_ms=keepalive_ms, behind_accept=b"".join(frames))
    async with relay.running() as port, running(target(port), serves=serves) as watched:
        await watched.until(Phase.ONLINE)
        relay.behind_accept = b""
        guest = await relay.guest()
        await wait_for(lambda: guest.lost or watched.client.connection is not None)
    assert not told
