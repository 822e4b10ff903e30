"""Connections that come here and go out at the agent: `-L`."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

from natpass_tui.links.forward.account import RuleAccount
from natpass_tui.links.forward.binding import Bound, address_text
from natpass_tui.links.forward.listener import RuleListener, bound
from natpass_tui.links.forward.rows import about_target
from natpass_tui.links.forward.rules import endpoint_text
from natpass_tui.platform.open_files import open_files_fault
from natpass_wire.aio.channel_socket import ChannelSocket
from natpass_wire.aio.channels import ChannelLink
from natpass_wire.channels.events import Endpoint
from natpass_wire.channels.mux import MOST_OF_LISTENER
from natpass_wire.errors import LocalProtocolError
from natpass_wire.pb.forward_pb2 import ChannelRefused
from natpass_wire.text import printable

#: Connections that wait until we accept them.
BACKLOG = 512
#: What the other end says of a connection whose target has reset it, or gone away.
_ORDINARY = frozenset({"", "connection reset", "connection closed"})


def client_of(transport: asyncio.BaseTransport) -> str:
    """Return who has connected, for people."""
    peer = transport.get_extra_info("peername")
    return address_text(peer[0], peer[1]) if isinstance(peer, tuple) else "a Unix socket"


class LocalConnection(ChannelSocket):
    """A connection that came here.

    Args:
        link: the link.
        account: of its rule.
        endpoint: where the agent connects to.
    """

    def __init__(self, link: ChannelLink, account: RuleAccount, endpoint: Endpoint | None) -> None:
        super().__init__(link)
        self._account = account
        self.client = ""
        self.target = ""
        self.since = account.clock()
        self.is_open = False
        self._endpoint = endpoint

    def connected(self, transport: asyncio.Transport) -> None:
        """Begin its channel."""
        if self.came(transport):
            assert self._endpoint is not None
            self.begin(self._endpoint)

    def came(self, transport: asyncio.Transport) -> bool:
        """Count it; return False, and end it, if it can't be served: its rule has just ended, or there are too many."""
        self.client = client_of(transport)
        if not self._account.listens:
            self.abort(self._account.why)
            return False
        sock = transport.get_extra_info("socket")
        if sock is not None and (fault := open_files_fault(sock.fileno())):
            self._account.failed(fault)
            self.abort(fault)
            return False
        self._account.began(self)
        return True

    def begin(self, endpoint: Endpoint) -> None:
        """Begin the channel to an address."""
        self.target = printable(endpoint_text(endpoint))
        try:
            if len(self._account) > MOST_OF_LISTENER:
                raise LocalProtocolError(f"{MOST_OF_LISTENER} connections of this rule already")
            self.channel = self._link.begin(self, endpoint)
        except LocalProtocolError as error:
            self.not_opened(ChannelRefused.TOO_MANY, str(error))

    def opened(self, host: str, port: int) -> None:
        """Take note that its target is connected."""
        self.is_open = True

    def not_opened(self, reason: ChannelRefused.Reason, text: str) -> None:
        """End the connection at once, and say why."""
        self.failed(text)
        super().not_opened(reason, text)

    def failed(self, text: str) -> None:
        """Record that the target can't be reached."""
        self._account.refused(self.client, about_target(self.target, text))

    def was_reset(self, text: str) -> None:
        """End the connection at once, and say why if it is no ordinary end."""
        if text not in _ORDINARY and self._reason is None and self._link.link.end is None:
            self.failed(text)
        super().was_reset(text)

    def drop(self, reason: str) -> None:
        """End it at once."""
        self.abort(reason)

    def gone(self, reason: str) -> None:
        """Count it."""
        self._account.gone(self)


class StreamListener(RuleListener):
    """Listens for connections here.

    Args:
        account: of the rule.
        make: makes the protocol of a connection.
    """

    def __init__(
        self,
        account: RuleAccount,
        make: Callable[[ChannelLink, RuleAccount, Endpoint | None], LocalConnection] = LocalConnection,
    ) -> None:
        super().__init__(account)
        self._make = make
        self._bound: Bound | None = None
        self._servers: list[asyncio.AbstractServer] = []

    async def _listen(self, link: ChannelLink) -> str:
        self._bound = found = await bound(self.place)
        self.place = replace(self.place, port=found.port)
        loop = asyncio.get_running_loop()

        def made() -> LocalConnection:
            return self._make(link, self.account, self.rule.target)

        for sock in found.sockets:
            if self.rule.listen.path:
                server = await loop.create_unix_server(made, sock=sock, backlog=BACKLOG)
            else:
                server = await loop.create_server(made, sock=sock, backlog=BACKLOG)
            self._servers.append(server)
        return found.address

    def _unlisten(self) -> None:
        servers, self._servers = self._servers, []
        for server in servers:
            server.close()
        if self._bound is not None:
            self._bound.close()
            self._bound = None
