"""Each connection's descriptor is given back once, whenever its link ends."""

import asyncio
import contextlib
from typing import Any

import pytest

from natpass_agent.links.forward import session as sessions
from natpass_wire.channels.events import Endpoint
from tests.agent.links.forward.world import forwarded, udp_socket
from tests.support.peers import HOST, Target
from tests.support.waiting import wait_for

pytestmark = pytest.mark.both_loops


@pytest.mark.parametrize("is_udp", [False, True], ids=["tcp", "udp"])
async def test_a_connection_that_just_carries_when_its_link_ends_gives_its_place_back_once(
    monkeypatch: pytest.MonkeyPatch, is_udp: bool
) -> None:
    carry = sessions.Session.carry
    given_up: list[bool] = []

    def dials() -> "list[asyncio.Task[Any]]":
        return [task for task in asyncio.all_tasks() if "Session._dial" in str(task.get_coro())]

    def carried(session: sessions.Session, connection: Any) -> None:
        def end() -> None:  # what `Session.run` does at the end of the link, before the dial's task has run again
            connection.abort("the link has ended")
            given_up.extend(task.cancel() for task in dials())

        carry(session, connection)
        asyncio.get_running_loop().call_soon(end)

    monkeypatch.setattr(sessions.Session, "carry", carried)
    async with forwarded() as world:
        room = world.server.targets.descriptors
        before = room.units
        with contextlib.closing(Target()) as target, udp_socket() as other:
            port = other.getsockname()[1] if is_udp else target.endpoint.port
            world.ask(Endpoint(HOST, port, datagrams=is_udp))
            await wait_for(lambda: given_up, "the end of the dial")
            await wait_for(lambda: not dials() and not world.session.connections, "the end of both")
            assert (given_up, room.units, world.session._taken) == ([True], before, 0)
