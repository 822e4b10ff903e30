"""Forwards connections of existing programs."""

import asyncio
import logging
from collections.abc import Sequence

from natpass_agent.links.feeding import STALLED_SECONDS, StalledError, feed
from natpass_agent.links.plain_target import PlainTargetServer
from natpass_agent.links.tcp import KIND
from natpass_agent.targets.dial import connect
from natpass_agent.targets.reasons import text_of
from natpass_wire.aio.link import IncomingLink, Link, LinkEndedError
from natpass_wire.aio.tasks import Tasks
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.link_pb2 import Data, LinkEnd
from natpass_wire.race import Address

#: Bytes of a read, and so of a message, at most. The reader keeps up to twice as many.
_READ_BYTES = 32 * 1024

log = logging.getLogger(__name__)

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class TcpServer(PlainTargetServer[Streams]):
    """Connects each link to the address that it names."""

    kind = KIND
    #: After so long a target that takes nothing is given up, once it holds up other links, or its opener is gone.
    stalled_seconds = STALLED_SECONDS

    async def _connect(self, addresses: Sequence[Address]) -> Streams:
        sock, _ = await connect(addresses)
        return await asyncio.open_connection(sock=sock, limit=_READ_BYTES)

    async def _forward(self, link: IncomingLink, target: Streams) -> None:
        """The end of either direction ends the other: existing programs know no half-close."""
        reader, writer = target
        tasks = Tasks()
        back = tasks.start(_to_link(reader, link), "tcp target to link")
        there = tasks.start(_to_target(link, writer, self.stalled_seconds), "tcp link to target")
        over = tasks.start(link.ended(), "tcp link over")
        try:
            await asyncio.wait([back, there, over], return_when=asyncio.FIRST_COMPLETED)
            if not (back.done() and back.result()):  # the link is over: what its opener sent before still arrives
                async with asyncio.timeout(self.stalled_seconds):
                    if await there:
                        writer.close()
                        await writer.wait_closed()
        except (OSError, TimeoutError) as error:
            log.debug("the target did not take the rest: %s", error)
        finally:
            await tasks.close()

    def _abort(self, target: Streams) -> None:
        target[1].transport.abort()


async def _to_link(reader: asyncio.StreamReader, link: Link) -> bool:
    """Send what the target says; end the link when it has ended. Return False if the link ended before."""
    try:
        while True:
            room = await link.room()
            data = await reader.read(min(room, _READ_BYTES))
            if not data:
                link.close("the target closed the connection")
                return True
            await link.send(Msg(type=MsgType.forward, data=Data(data=data)))
    except LinkEndedError:
        return False
    except OSError as error:
        link.close(f"the target: {text_of(error)}", LinkEnd.FAILED)
        return True


async def _to_target(link: Link, writer: asyncio.StreamWriter, stalled_seconds: float) -> bool:
    """Give the target what comes on the link, until that has ended. Return False if the target takes no more."""

    async def write(data: bytes) -> int:
        await writer.drain()  # first: nothing is written if this takes too long
        writer.write(data)
        return len(data)

    try:
        while True:
            message = await link.receive()
            if message.type == MsgType.forward and message.data.data:
                await feed(link, write, message.data.data, stalled_seconds)
    except LinkEndedError:
        return True
    except StalledError:
        link.close(f"the target has taken nothing for {stalled_seconds:.0f} s", LinkEnd.FAILED, gives_up=True)
    except OSError as error:
        link.close(f"the target: {text_of(error)}", LinkEnd.FAILED)
    return False
