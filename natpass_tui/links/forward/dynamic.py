"""A proxy here, whose connections go out at the agent: `-D`."""

import asyncio

from natpass_tui.links.forward.account import RuleAccount
from natpass_tui.links.forward.local import LocalConnection
from natpass_tui.links.forward.socks import SECONDS, BadProxyRequestError, ProxyRequest
from natpass_wire.aio.channels import ChannelLink
from natpass_wire.channels.events import Endpoint
from natpass_wire.channels.mux import MOST_OF_LISTENER
from natpass_wire.pb.forward_pb2 import ChannelRefused

#: One read of a request. What comes behind it has to fit into a channel's first window.
_READ_BYTES = 4 * 1024
_buffer = memoryview(bytearray(_READ_BYTES))


class ProxyConnection(LocalConnection):
    """A connection to the proxy: first a request, then as a local one.

    Args:
        link: the link.
        account: of its rule.
        endpoint: None.
    """

    def __init__(self, link: ChannelLink, account: RuleAccount, endpoint: Endpoint | None) -> None:
        super().__init__(link, account, endpoint)
        self._request: ProxyRequest | None = ProxyRequest()  # until it is answered
        self._timer: asyncio.TimerHandle | None = None

    def connected(self, transport: asyncio.Transport) -> None:
        """Wait for the request."""
        if not self.came(transport):
            return
        if len(self._account) > MOST_OF_LISTENER:
            self.abort("too many")
            return
        self._timer = asyncio.get_running_loop().call_later(
            SECONDS, self._end, "a proxy's client that asks for nothing"
        )

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return where the loop puts the next bytes."""
        return super().get_buffer(sizehint) if self.channel else _buffer

    def buffer_updated(self, size: int) -> None:
        """Take a piece of the request, or send what came behind it."""
        if self.channel or self._request is None:
            super().buffer_updated(size)
            return
        try:
            answer = self._request.receive(bytes(_buffer[:size]))
        except BadProxyRequestError as error:
            self._end(str(error), error.answer)
            return
        self._answer(answer)
        if (target := self._request.target) is not None:
            self._stop_waiting()
            self._go_to(target, self._request.rest)

    def eof_received(self) -> bool:
        """Pass the end on; before there is a channel it is the end of all."""
        if self.channel:
            return super().eof_received()
        self.abort("connection closed")
        return False

    def opened(self, host: str, port: int) -> None:
        """Tell the client that it is connected."""
        super().opened(host, port)
        if self._request is not None:
            self._answer(self._request.opened())
            self._request = None

    def not_opened(self, reason: ChannelRefused.Reason, text: str) -> None:
        """Tell the client why it is not, and end the connection."""
        self.failed(text)
        self._end("", self._request.refused(reason) if self._request is not None else b"")

    def gone(self, reason: str) -> None:
        """Count it."""
        self._stop_waiting()
        super().gone(reason)

    def _go_to(self, target: Endpoint, rest: bytes) -> None:
        """Begin the channel, with what came behind the request."""
        self.begin(target)
        if self.channel and rest:
            self.traffic.sent += len(rest)
            self._link.write(self.channel, rest)

    def _answer(self, data: bytes) -> None:
        if data and self._transport is not None:
            self._transport.write(data)

    def _end(self, text: str, answer: bytes = b"") -> None:
        """End the connection behind an answer."""
        if text:
            self._account.failed(f"{self.client}: {text}")
        self._answer(answer)
        self._socket_ended = self._channel_ended = True
        self._close_if_over()

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
