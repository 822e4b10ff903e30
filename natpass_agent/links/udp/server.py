"""Forwards datagrams of existing programs: each whole, the newest first to survive, none merged."""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Sequence
from typing import cast

from natpass_agent.links.plain_target import PlainTargetServer
from natpass_agent.links.udp import KIND
from natpass_agent.targets.dial import datagram_socket
from natpass_wire.aio.link import IncomingLink, Link, LinkEndedError
from natpass_wire.aio.tasks import Tasks
from natpass_wire.frame import MAX_DATA_BYTES
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.link_pb2 import Data, LinkEnd
from natpass_wire.race import Address

log = logging.getLogger(__name__)

#: Seconds without a datagram in either direction that end a link: no end of it is ever sent.
IDLE_SECONDS = 60.0
#: Datagrams that wait while the network is slow; the oldest is dropped for a newer one.
MOST_WAITING = 64
#: Bytes that may wait for the socket; beyond it datagrams are dropped, as by any router.
_MOST_UNSENT = 256 * 1024


class Datagrams(asyncio.DatagramProtocol):
    """The socket towards the target: keeps the newest datagrams that came."""

    def __init__(self) -> None:
        self._came: deque[bytes] = deque(maxlen=MOST_WAITING)
        self._changed = asyncio.Event()
        self._transport: asyncio.DatagramTransport | None = None
        #: How many datagrams were dropped.
        self.dropped = 0
        #: How many went through, in both directions.
        self.passed = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.DatagramTransport", transport)  # uvloop's are none: no isinstance

    def datagram_received(self, data: bytes, _addr: object) -> None:
        """Keep a datagram, in place of the oldest if too many wait."""
        self.passed += 1
        if len(data) > MAX_DATA_BYTES or len(self._came) == MOST_WAITING:
            self.dropped += 1
        if len(data) <= MAX_DATA_BYTES:
            self._came.append(data)
            self._changed.set()

    def error_received(self, error: Exception) -> None:
        """Take note that a datagram was not taken: the target may listen later."""
        log.debug("a datagram was not taken: %s", error)

    async def next(self) -> bytes:
        """Return the oldest datagram that waits."""
        while not self._came:
            self._changed.clear()
            await self._changed.wait()
        return self._came.popleft()

    def send(self, data: bytes) -> None:
        """Send a datagram, or drop it if the socket takes no more."""
        assert self._transport is not None
        self.passed += 1
        if self._transport.get_write_buffer_size() + len(data) > _MOST_UNSENT:  # type: ignore[attr-defined]  # typeshed
            self.dropped += 1
        else:
            self._transport.sendto(data)

    def abort(self) -> None:
        """Close the socket."""
        if self._transport is not None:
            self._transport.abort()


class UdpServer(PlainTargetServer[Datagrams]):
    """Sends each link's datagrams to the address that it names, and the answers back."""

    kind = KIND
    idle_seconds = IDLE_SECONDS

    async def _connect(self, addresses: Sequence[Address]) -> Datagrams:
        sock = datagram_socket(addresses[0])
        _, datagrams = await asyncio.get_running_loop().create_datagram_endpoint(Datagrams, sock=sock)
        return datagrams

    async def _forward(self, link: IncomingLink, target: Datagrams) -> None:
        tasks = Tasks()
        try:
            works = [
                tasks.start(_to_link(target, link), "udp target to link"),
                tasks.start(_to_target(link, target), "udp link to target"),
                tasks.start(self._until_idle(link, target), "udp idle"),
            ]
            await asyncio.wait(works, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await tasks.close()
        if target.dropped:
            log.debug("%d datagrams were dropped", target.dropped)

    async def _until_idle(self, link: Link, target: Datagrams) -> None:
        passed = -1
        while passed != target.passed:
            passed = target.passed
            await asyncio.sleep(self.idle_seconds)
        link.close(f"no datagram for {self.idle_seconds:.0f} s", LinkEnd.TIMED_OUT)

    def _abort(self, target: Datagrams) -> None:
        target.abort()


async def _to_link(datagrams: Datagrams, link: Link) -> None:
    with contextlib.suppress(LinkEndedError):
        while True:
            await link.room()  # first: while there is none, newer datagrams may take the place of older ones
            data = await datagrams.next()
            await link.send(Msg(type=MsgType.forward, data=Data(data=data)), newest=True)


async def _to_target(link: Link, datagrams: Datagrams) -> None:
    with contextlib.suppress(LinkEndedError):
        while True:
            message = await link.receive()
            if message.type == MsgType.forward:
                datagrams.send(message.data.data)
