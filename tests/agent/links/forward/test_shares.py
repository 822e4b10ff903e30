"""Who takes how much of a forward: strangers at its listeners, and the sockets behind one name."""

import contextlib
from pathlib import Path

import pytest

from natpass_agent.links.forward import session as sessions
from natpass_wire.channels.events import Endpoint
from natpass_wire.pb.forward_pb2 import ChannelRefused
from tests.agent.links.forward.world import forwarded
from tests.support.peers import HOST, Peer, Target
from tests.support.waiting import wait_for

pytestmark = pytest.mark.both_loops
HAS_IPV6 = Path("/proc/net/if_inet6").exists()


async def test_who_connects_to_a_listener_stops_neither_the_console_nor_other_listeners(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Anybody who reaches its port may hold as many connections as there are for it."""
    monkeypatch.setattr(sessions, "MOST_OF_LISTENER", 6)
    monkeypatch.setattr(sessions, "MAX_CHANNELS", 12)
    async with forwarded() as world, contextlib.AsyncExitStack() as stack:
        _, one = await world.listen(Endpoint(HOST, 0))
        _, other = await world.listen(Endpoint(HOST, 0))
        assert one.address is not None
        assert other.address is not None
        target = stack.enter_context(contextlib.closing(Target()))
        world.target = target.endpoint
        held = [stack.enter_context(contextlib.closing(await Peer.to(one.address[1]))) for _ in range(20)]
        await wait_for(lambda: len(world.session.connections) == 3, "its share")
        assert (await world.answer(target.endpoint)).address
        client = stack.enter_context(contextlib.closing(await Peer.to(other.address[1])))
        await client.send(b"in")
        await wait_for(lambda: len(world.session.connections) == 5, "the other listener's")
        for each in held:
            each.reset()
        await wait_for(lambda: len(world.session.connections) == 2, "their end")
        client = stack.enter_context(contextlib.closing(await Peer.to(one.address[1])))
        await wait_for(lambda: len(world.session.connections) == 3, "places are given back")


async def test_each_socket_of_a_listener_counts() -> None:
    """A name may have four addresses: who listened at it had four times the descriptors that were left for it."""
    async with forwarded(files=80) as world:  # 40 for forwards, 20 for one console
        room = world.server.targets.descriptors
        before, listeners = room.units, []
        for _ in range(30):
            channel, user = await world.listen(Endpoint("localhost", 0))
            if user.address is None:
                break
            listeners.append(channel)
        assert user.reason == ChannelRefused.TOO_MANY
        sockets = sum(len(each.places) for each in world.session.listeners.values())
        assert sockets == before - room.units <= 20
        assert not HAS_IPV6 or len(listeners) == sockets // 2
        world.console.reset(listeners[0])
        await wait_for(lambda: len(world.session.listeners) == len(listeners) - 1, "its end")
        assert (await world.listen(Endpoint("localhost", 0)))[1].address is not None
