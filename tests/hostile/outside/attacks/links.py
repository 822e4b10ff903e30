"""Attacks inside links: a key that has its rights, and uses them to cost the agent time or memory."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator

from natpass_wire.aio.client import RelayClient
from natpass_wire.aio.link import LinkEndedError
from natpass_wire.aio.stream import Stream
from natpass_wire.aio.tasks import Tasks
from natpass_wire.errors import NatpassError
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.exec_pb2 import ExecInput
from natpass_wire.pb.forward_pb2 import ChannelFrame, ChannelOpen, Channels, ForwardAddress
from natpass_wire.pb.link_pb2 import ConnectRequest
from natpass_wire.pb.stream_pb2 import StreamRecord
from natpass_wire.stream.pace import SendPace
from natpass_wire.stream.receiver import MAX_WINDOW, START_WINDOW
from tests.hostile.outside.attack import Attack
from tests.hostile.outside.honest import request
from tests.hostile.outside.plan import Answer, Plan
from tests.hostile.outside.raw import again_and_again

#: Frames in a message: as many as there may be.
_FRAMES = 512
#: Streams that acknowledge late, and for how many seconds each: then the agent has a whole window on its way.
_STREAMS, _GROUP, _LATE_SECONDS, _GROUP_SECONDS = 24, 3, 0.35, 6.0


@contextlib.asynccontextmanager
async def _client(plan: Plan) -> AsyncIterator[RelayClient]:
    tasks, client = Tasks(), RelayClient(plan.target(f"links-{secrets.token_hex(3)}"))
    tasks.start(client.run(), "client")
    try:
        async with asyncio.timeout(10):
            await client.online()
        yield client
    finally:
        await tasks.close()


async def _stream(client: RelayClient, agent: str, what: ConnectRequest) -> Stream:
    link = await client.open_link(agent, what)
    assert isinstance(link, Stream)
    return link


async def _channel_storm(plan: Plan) -> Answer:
    """Channels that are opened and reset in the same message: hundreds of connections to begin, and no answer."""
    frames = 0

    async def once(number: int) -> None:
        nonlocal frames
        async with _client(plan) as client:
            link = await _stream(client, plan.agent, ConnectRequest(name="f", kind=ConnectRequest.forward))
            address, at = ForwardAddress(host="127.0.0.1", port=1), 0
            while True:
                both = []
                for _ in range(_FRAMES // 2):
                    at += 2
                    both += [
                        ChannelFrame(id=at, open=ChannelOpen(address=address)),
                        ChannelFrame(id=at, reset=""),
                    ]
                await link.send(Msg(type=MsgType.channels, channels=Channels(frames=both)))
                frames += len(both)

    with contextlib.suppress(NatpassError, LinkEndedError):
        await again_and_again(plan.seconds, once)
    return {"frames": frames}


async def _small_inputs(plan: Plan) -> Answer:
    """A window full of single bytes for a command that reads none of them at first."""
    sent = 0
    byte = Msg(type=MsgType.exec_input, exec_input=ExecInput(data=b"x")).SerializeToString()

    async def once(number: int) -> None:
        nonlocal sent
        async with _client(plan) as client:
            link = await _stream(client, plan.agent, request("sh", "-c", "sleep 2; exec cat >/dev/null"))
            _impatient(link)
            for count in range(MAX_WINDOW // (64 + len(byte)) - 100):
                await link.send_serialised(byte)
                sent += 1
                if count % 200 == 0:
                    await asyncio.sleep(0)
            await asyncio.sleep(3)
            link.close()

    await again_and_again(plan.seconds, once)
    return {"inputs": sent}


class _Hasty(SendPace):
    """No pace."""

    def allows(self, in_flight: int, units: int, now: float) -> bool:
        return True


def _impatient(link: Stream) -> None:
    """Send as much as there is credit for, whatever the line carries, and ask for all credit at once."""
    sender = link.core.sender
    following = sender.next

    def wants(now: float) -> StreamRecord | None:
        record = following(now)
        if record is not None:
            record.want = MAX_WINDOW
        return record

    sender._pace = _Hasty(MAX_WINDOW)
    sender.next = wants  # type: ignore[method-assign]  # an attacker's


async def _late_acknowledgements(plan: Plan) -> Answer:
    """Streams of endless output that acknowledge late, and after some seconds nothing more."""
    read, loop = 0, asyncio.get_running_loop()
    group_seconds = min(_GROUP_SECONDS, plan.seconds / 3)

    async def late(link: Stream) -> None:
        nonlocal read
        link.core._receiver.window = MAX_WINDOW

        def settle() -> None:
            owed, link._owed = link._owed, 0
            if owed:
                loop.call_later(_LATE_SECONDS, acknowledge, owed)

        def acknowledge(owed: int) -> None:
            if link.core.end is None:
                link.core.consumed(owed)
                link._wake()

        link._settle = settle  # type: ignore[method-assign]  # an attacker's
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(group_seconds):
                while True:
                    read += sum(len(message.exec_output.data) for message in await link.receive_batch())

    async with _client(plan) as client:
        with contextlib.suppress(TimeoutError, NatpassError):
            async with asyncio.timeout(plan.seconds):
                links = [await _stream(client, plan.agent, request("cat", "/dev/zero")) for _ in range(_STREAMS)]
                for start in range(0, _STREAMS, _GROUP):
                    await asyncio.gather(*map(late, links[start : start + _GROUP]))
                await asyncio.sleep(plan.seconds)
    return {"MiB read": read // 2**20, "windows": read // START_WINDOW}


ATTACKS = [
    Attack("channel-storm", 13, "forward", "channels that are opened and reset at once", _channel_storm),
    Attack("small-inputs", 13, "exec", "an 8 MiB window of single bytes, read late", _small_inputs, bounded=0.5),
    Attack(
        "late-acks", 13, "exec", "endless output, acknowledged late, then never", _late_acknowledgements, seconds=50
    ),
]
