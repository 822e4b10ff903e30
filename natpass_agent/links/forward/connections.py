"""The TCP connections and Unix sockets of a forward's channels."""

import asyncio

from natpass_agent.links.forward.places import Holder, Place
from natpass_wire.aio.channel_socket import ChannelSocket
from natpass_wire.channels.events import Endpoint
from natpass_wire.errors import LocalProtocolError


class TargetSocket(ChannelSocket):
    """A connection of ours to a target.

    Args:
        session: the link.
        channel: the channel that the console began.
        place: where it goes to.
    """

    __slots__ = ("_session", "listener", "place", "was_carried")

    def __init__(self, session: Holder, channel: int, place: Place) -> None:
        super().__init__(session.link, session.traffic)
        self._session = session
        self.was_carried = False
        self.listener = 0
        self.channel = channel
        self.place = place

    def connected(self, transport: asyncio.Transport) -> None:
        """Tell the console, and carry what has come already."""
        self._session.carry(self)
        self._link.accept(self.channel, self.place.host, self.place.port)
        if not self._link.use(self.channel, self):
            self.abort("the console gave it up")

    def gone(self, reason: str) -> None:
        """Free its place."""
        self._session.freed(self)


class SourceSocket(ChannelSocket):
    """A connection that came to a listener here.

    Args:
        session: the link.
        place: where it came to.
        listener: the listener's id.
    """

    __slots__ = ("_session", "listener", "place", "was_carried")

    def __init__(self, session: Holder, place: Place, listener: int) -> None:
        super().__init__(session.link, session.traffic)
        self._session = session
        self.was_carried = False
        self.listener = listener
        self.place = place

    def connected(self, transport: asyncio.Transport) -> None:
        """Ask the console, which knows where it goes to."""
        if not self._session.take(self.listener):
            self.abort("too many connections")
            return
        self._session.carry(self)
        peer = transport.get_extra_info("peername")
        source = f"{peer[0]}:{peer[1]}" if isinstance(peer, tuple) else ""
        try:
            self.channel = self._link.begin(self, Endpoint(), self.listener, source)
        except LocalProtocolError as error:
            self.abort(str(error))

    def gone(self, reason: str) -> None:
        """Free its place."""
        self._session.freed(self)
