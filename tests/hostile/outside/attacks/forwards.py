"""Attacks of a key that may only forward: by the frames of channels, and by what they reach."""

import asyncio
import contextlib
import secrets

from natpass_wire.aio.client import RelayClient
from natpass_wire.aio.link import Link, LinkEndedError
from natpass_wire.aio.tasks import Tasks
from natpass_wire.errors import NatpassError
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.forward_pb2 import ChannelFrame, ChannelOpen, Channels, ForwardAddress
from natpass_wire.pb.link_pb2 import ConnectRequest
from tests.hostile.outside.attack import Attack
from tests.hostile.outside.plan import Answer, Plan
from tests.hostile.outside.raw import again_and_again

_FRAMES = 512


async def _open(client: RelayClient, agent: str) -> Link:
    return await client.open_link(agent, ConnectRequest(name="f", kind=ConnectRequest.forward))


async def _storm(plan: Plan) -> Answer:
    """Channels that are opened and reset in the same message."""
    frames = 0

    async def once(number: int) -> None:
        nonlocal frames
        tasks, client = Tasks(), RelayClient(plan.target(f"storm-{secrets.token_hex(3)}"))
        tasks.start(client.run(), "storm")
        try:
            async with asyncio.timeout(10):
                await client.online()
            link = await _open(client, plan.agent)
            at = 0
            address = ForwardAddress(host="127.0.0.1", port=1)
            while True:
                batch = []
                for _ in range(_FRAMES // 2):
                    at += 2
                    batch.append(ChannelFrame(id=at, open=ChannelOpen(address=address)))
                    batch.append(ChannelFrame(id=at, reset=""))
                await link.send_serialised(
                    Msg(type=MsgType.channels, channels=Channels(frames=batch)).SerializeToString()
                )
                frames += len(batch)
        finally:
            await tasks.close()

    with contextlib.suppress(NatpassError, LinkEndedError):
        await again_and_again(plan.seconds, once)
    return {"frames": frames}


async def _quiet(plan: Plan) -> Answer:
    await asyncio.sleep(plan.seconds)
    return {}


ATTACKS = [
    Attack("nobody", 0, "nothing", "no attack", _quiet),
    Attack("channel-storm", 13, "forward", "channels that are opened and reset at once", _storm),
]
