"""A fake relay whose agents serve forwards."""

from typing import Any

from natpass_wire.aio.link import LinkEndedError
from natpass_wire.links import End
from natpass_wire.pb.link_pb2 import ConnectRequest, LinkEnd
from tests.tui.fakes import FakeClient
from tests.tui.links.forward.agent_double import World


def serve(client: FakeClient) -> World:
    """Have the relay's agents serve forwards; other links are as before."""
    world, open_other = World(), client.open_link

    async def open_link(peer: str, request: ConnectRequest, *, plain: bool = False) -> Any:
        if request.kind != ConnectRequest.forward:
            return await open_other(peer, request, plain=plain)
        if client.connection is None:
            raise LinkEndedError(End(LinkEnd.PEER_GONE, "not connected to the relay"))
        if (end := client.answer(peer)) is not None:
            raise LinkEndedError(end)
        link: Any = await world.open_link(peer, request)
        link.peer_key = bytes(32)
        return link

    client.open_link = open_link  # type: ignore[method-assign]  # a fake's
    return world
