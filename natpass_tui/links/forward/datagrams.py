"""Datagrams that come here and go out at the agent: `-U`. Newest wins: what a slow line does not take is dropped."""

import asyncio
import contextlib
import socket
from dataclasses import replace
from typing import cast

from natpass_tui.links.forward.account import RuleAccount
from natpass_tui.links.forward.binding import Bound, address_text
from natpass_tui.links.forward.listener import RuleListener, bound
from natpass_tui.links.forward.rows import about_target
from natpass_tui.links.forward.rules import endpoint_text
from natpass_wire.aio.channel_socket import Traffic
from natpass_wire.aio.channels import ChannelLink
from natpass_wire.channels.events import Endpoint
from natpass_wire.errors import LocalProtocolError
from natpass_wire.pb.forward_pb2 import ChannelRefused
from natpass_wire.text import printable

#: Flows of one rule at once; beyond them the one that was idle longest ends.
MAX_FLOWS = 256
#: Bytes that wait for a socket that takes no more; datagrams beyond them are dropped.
_MOST_WAITING = 256 * 1024


class LocalFlow:
    """The datagrams of one source: a channel.

    Args:
        port: the socket that they come to.
        source: the source's address, as the socket gives it.
    """

    def __init__(self, port: "_Port", source: tuple[str, int]) -> None:
        self._port = port
        self.source = source
        self.client = address_text(source[0], source[1])
        self.target = printable(endpoint_text(port.endpoint))
        self.since = port.account.clock()
        self.traffic = Traffic()
        self.is_open = False  # without our socket there are no flows
        self.channel = 0
        #: When the last datagram came or went, in the loop's time.
        self.used = 0.0

    def opened(self, host: str, port: int) -> None:
        """Take note that the agent has a socket for it."""

    def not_opened(self, reason: ChannelRefused.Reason, text: str) -> None:
        """End it, and say why."""
        self.was_reset(text)

    def received(self, data: bytes) -> None:
        """Send a datagram to its source."""
        self.traffic.received += len(data)
        self._port.answer(self, data)

    def ended(self) -> None:
        """Ignore: a flow has no halves."""

    def was_reset(self, text: str) -> None:
        """End it; the next datagram begins another."""
        if text and self._port.link.link.end is None:  # the end of all is told once
            self._port.account.refused(self.client, about_target(self.target, text))
        self._port.forget(self)

    def writable(self) -> None:
        """Ignore: datagrams need no credit."""

    def drop(self, reason: str) -> None:
        """End it at once."""
        self._port.link.reset(self.channel, reason)
        self._port.forget(self)


class _Port(asyncio.DatagramProtocol):
    """One socket, and its flows in the order of their use.

    Args:
        link: the link.
        account: of the rule.
        endpoint: where the agent sends datagrams to.
        idle: seconds without a datagram after which a flow is over.
        sock: the socket.
    """

    def __init__(
        self, link: ChannelLink, account: RuleAccount, endpoint: Endpoint, idle: float, sock: socket.socket
    ) -> None:
        self.link = link
        self.account = account
        self.endpoint = endpoint
        self._idle = idle
        self._socket = sock
        self._flows: dict[tuple[str, int], LocalFlow] = {}
        self._transport: asyncio.DatagramTransport | None = None
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)  # uvloop's are none: no isinstance

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()

    def datagram_received(self, data: bytes, source: tuple[str, int]) -> None:
        flow = self._flows.get(source)
        if flow is None and (flow := self._begin(source)) is None:
            return
        self._use(flow)
        flow.traffic.sent += len(data)
        if not self.link.write_datagram(flow.channel, data):
            self.account.failed(f"{flow.client}: a datagram of {len(data)} bytes is too large")

    def error_received(self, error: Exception) -> None:
        """Ignore: an answer reached nobody, whose next datagram says whether it is still there."""

    def answer(self, flow: LocalFlow, data: bytes) -> None:
        """Send a datagram to a flow's source, unless too much waits."""
        self._use(flow)
        if self._transport is None or _waiting(self._transport) >= _MOST_WAITING:
            return
        if data:
            self._transport.sendto(data, flow.source)
        else:  # the loops' transports leave an empty one out
            with contextlib.suppress(OSError):
                self._socket.sendto(data, flow.source)

    def forget(self, flow: LocalFlow) -> None:
        """Take note that a flow is over."""
        if self._flows.get(flow.source) is flow:
            del self._flows[flow.source]
            self.account.gone(flow)

    def close(self) -> None:
        """Close the socket."""
        if self._transport is not None:
            self._transport.close()

    def _begin(self, source: tuple[str, int]) -> LocalFlow | None:
        if len(self._flows) >= MAX_FLOWS:
            next(iter(self._flows.values())).drop("too many")
        flow = LocalFlow(self, source)
        try:
            flow.channel = self.link.begin(flow, self.endpoint)
        except LocalProtocolError as error:
            self.account.failed(f"{flow.target}: {error}")
            return None
        self._flows[source] = flow
        self.account.began(flow)
        return flow

    def _use(self, flow: LocalFlow) -> None:
        """Move a flow behind all others."""
        flow.used = self._loop.time()
        if self._flows.pop(flow.source, None) is not None:
            self._flows[flow.source] = flow
        if self._timer is None:
            self._timer = self._loop.call_at(flow.used + self._idle, self._end_idle)

    def _end_idle(self) -> None:
        """End the flows that are idle, and wait for the next one."""
        self._timer = None
        now = self._loop.time()
        while self._flows:
            first = next(iter(self._flows.values()))
            if first.used + self._idle > now:
                self._timer = self._loop.call_at(first.used + self._idle, self._end_idle)
                return
            first.drop("idle")


def _waiting(transport: asyncio.DatagramTransport) -> int:
    """Return how many bytes wait for the socket."""
    size: int = transport.get_write_buffer_size()  # type: ignore[attr-defined]  # all loops have it
    return size


class LocalDatagrams(RuleListener):
    """Takes datagrams here.

    Args:
        account: of the rule.
        idle: seconds without a datagram after which a flow is over.
    """

    def __init__(self, account: RuleAccount, idle: float) -> None:
        super().__init__(account)
        self._idle = idle
        self._bound: Bound | None = None
        self._ports: list[_Port] = []

    async def _listen(self, link: ChannelLink) -> str:
        endpoint = self.rule.target
        assert endpoint is not None
        self._bound = found = await bound(self.place)
        self.place = replace(self.place, port=found.port)
        loop = asyncio.get_running_loop()
        for sock in found.sockets:
            port = _Port(link, self.account, replace(endpoint, idle=self._idle), self._idle, sock)
            await loop.create_datagram_endpoint(lambda port=port: port, sock=sock)  # type: ignore[misc]  # mypy infers no default
            self._ports.append(port)
        return found.address

    def _unlisten(self) -> None:
        ports, self._ports = self._ports, []
        for port in ports:
            port.close()
        if self._bound is not None:
            self._bound.close()
            self._bound = None
