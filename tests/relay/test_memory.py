"""What is left in a relay's memory of clients that are gone: nothing that waits for the garbage collector."""

import gc
import weakref
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from natpass_wire import envelope
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from tests.relay.raw import Raw
from tests.support.relay import AGENT, CONSOLE, TestRelay, running_relay, tls_files
from tests.support.waiting import wait_for

pytestmark = pytest.mark.both_loops


@pytest.fixture(params=["tcp", "tls"])
async def relay(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[TestRelay]:
    async with running_relay(tls_files(tmp_path) if request.param == "tls" else None) as running:
        yield running


@pytest.fixture
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collector")
async def test_nothing_of_a_connection_waits_for_the_garbage_collector(relay: TestRelay) -> None:
    hub = relay.server.hub
    await relay.join("box", AGENT)
    consoles = [await relay.join(f"console-{number}", CONSOLE) for number in range(4)]
    for console in consoles:
        (await console.open("box", plain=False)).close()
        (await console.open("box")).close()
        console.watch()
    async with Raw.connect(relay) as stranger:
        stranger.send(envelope.to_frame(Msg(type=MsgType.ping)))
        await stranger.closed()
    await wait_for(lambda: hub.clients == 5)
    left = [weakref.ref(part) for each in hub.all_connections() for part in (each, each.socket)]
    for console in consoles[::2]:
        console.connection._socket.abort()
    await relay.tasks.close()
    await wait_for(lambda: not hub.connections)
    await wait_for(lambda: not [ref for ref in left if ref() is not None], "nothing is left", timeout=20)
