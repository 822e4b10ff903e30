"""A console whose links lead to a small agent: it dials what it is asked for, and listens on loopback."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Iterator

from natpass_tui.links.forward.forwards import Forwards
from natpass_tui.links.forward.rules import Direction, ForwardRule, parse
from natpass_wire.aio.channel_socket import ChannelSocket
from natpass_wire.aio.channels import ChannelLink
from natpass_wire.aio.link import Link, LinkEndedError
from natpass_wire.aio.tasks import Tasks
from natpass_wire.channels.events import ChannelAsked, Endpoint, ListenAsked
from natpass_wire.links import End
from natpass_wire.pb.forward_pb2 import ChannelRefused
from natpass_wire.pb.link_pb2 import ConnectRequest, ConnectResponse, LinkEnd
from tests.support.memory_link import linked
from tests.support.peers import HOST
from tests.support.waiting import wait_for

NOW = 1_750_000_000.0


class Dialled(ChannelSocket):
    """The agent's connection to a target."""

    def __init__(self, link: ChannelLink, channel: int) -> None:
        super().__init__(link)
        self.channel = channel

    def connected(self, transport: asyncio.Transport) -> None:
        if not self._link.use(self.channel, self):
            self.abort("gone")


class Came(ChannelSocket):
    """A connection that came to the agent's listener."""

    def __init__(self, link: ChannelLink, listener: int) -> None:
        super().__init__(link)
        self._listener = listener

    def connected(self, transport: asyncio.Transport) -> None:
        self.channel = self._link.begin(self, Endpoint(), self._listener, "10.0.0.7:4711")


class Echo:
    """The agent's flow of datagrams: each comes back, in capitals."""

    def __init__(self, link: ChannelLink, channel: int) -> None:
        self._link = link
        self._channel = channel
        self.is_over = False

    def opened(self, host: str, port: int) -> None: ...

    def not_opened(self, reason: ChannelRefused.Reason, text: str) -> None: ...

    def received(self, data: bytes) -> None:
        self._link.write_datagram(self._channel, data.upper())

    def ended(self) -> None: ...

    def was_reset(self, text: str) -> None:
        self.is_over = True

    def writable(self) -> None: ...


class Watched(Echo):
    """The agent's listener: knows when the console ends it."""

    def __init__(self, server: asyncio.AbstractServer) -> None:
        self._server = server

    def received(self, data: bytes) -> None:
        raise AssertionError

    def was_reset(self, text: str) -> None:
        self._server.close()


class AgentDouble:
    """The agent's end of one link."""

    def __init__(self, link: Link, world: "World") -> None:
        self.channels = ChannelLink(link, is_console=False, asked=self._asked)
        self.tasks = Tasks()
        self.flows: list[Echo] = []
        self.idles: list[float] = []
        self.listeners: dict[int, tuple[str, int]] = {}
        self._world = world
        self.running = self.tasks.start(self.channels.run(), "the agent's channels")

    def lost(self) -> None:
        self.channels.link.close("the agent is gone")

    def _asked(self, asked: ChannelAsked | ListenAsked) -> None:
        if self._world.refuses:
            self.channels.refuse(asked.id, ChannelRefused.NOT_ALLOWED, self._world.refuses)
        elif isinstance(asked, ListenAsked):
            self.tasks.start(self._listen(asked), "listen")
        elif asked.address.datagrams:
            self.flows.append(Echo(self.channels, asked.id))
            self.idles.append(asked.address.idle)
            self.channels.use(asked.id, self.flows[-1])
            self.channels.accept(asked.id)
        else:
            self.tasks.start(self._dial(asked), "dial")

    async def _listen(self, asked: ListenAsked) -> None:
        loop = asyncio.get_running_loop()
        link, listener = self.channels, asked.id
        try:
            server = await loop.create_server(lambda: Came(link, listener), HOST, asked.address.port)
        except OSError as error:
            link.refuse(listener, ChannelRefused.IN_USE, str(error))
            return
        if not link.use(listener, Watched(server)):
            server.close()
            return
        self.listeners[listener] = server.sockets[0].getsockname()[:2]
        link.accept(listener, *self.listeners[listener])

    async def _dial(self, asked: ChannelAsked) -> None:
        loop = asyncio.get_running_loop()
        link, channel, address = self.channels, asked.id, asked.address
        try:
            if address.path:
                await loop.create_unix_connection(lambda: Dialled(link, channel), address.path.decode())
            else:
                await loop.create_connection(lambda: Dialled(link, channel), address.host, address.port)
        except OSError:
            link.refuse(channel, ChannelRefused.NOT_LISTENING, "connection refused")
        else:
            link.accept(channel, address.host, address.port)


class World:
    """A `LinkOpener`, and the agents behind its links.

    Attributes:
        agents: the newest last.
        refuses: why the agent refuses everything; empty: it does not.
        away: why no link can be opened; empty: it can.
    """

    unanswered = 0.0

    def __init__(self) -> None:
        self.is_online = True
        self.agents: list[AgentDouble] = []
        self.refuses = ""
        self.away = ""
        self.told: list[str] = []

    @property
    def clock(self) -> Callable[[], float]:
        return lambda: NOW

    def shows_life(self, agent: str, seconds: float) -> bool | None:
        return None

    def relay_line(self) -> str:
        return ""

    def news_of(self, peer: str) -> str:
        return ""

    async def open_link(self, peer: str, request: ConnectRequest) -> Link:
        assert request.kind == ConnectRequest.forward
        if self.away:
            raise LinkEndedError(End(LinkEnd.FAILED, self.away, reason=ConnectResponse.ABSENT))
        console, agent = linked()
        self.agents.append(AgentDouble(agent, self))
        return console


def rule(letter: str, text: str) -> ForwardRule:
    """Return the rule of an option."""
    return parse(next(direction for direction in Direction if direction.letter == letter), text)


@contextlib.asynccontextmanager
async def forwarding(
    *rules: ForwardRule, idle: float = 60.0, world: World | None = None
) -> AsyncIterator[tuple[World, Forwards]]:
    """Give running forwards, and check that nothing is left of them."""
    world = World() if world is None else world
    told = world.told
    forwards = Forwards("web1", world, idle=idle, told=lambda rule, text: told.append(f"{rule.option}: {text}"))
    await forwards.start(rules)
    try:
        yield world, forwards
    finally:
        await forwards.close()
        assert forwards.rows() == []
        for agent in world.agents:
            await agent.running
            assert len(agent.channels) == 0
            await agent.tasks.close()


@contextlib.contextmanager
def unused_port() -> Iterator[int]:
    """Give a port at which nobody listens, and keep others from taking it."""
    with contextlib.closing(socket.socket()) as sock:
        sock.bind((HOST, 0))
        yield sock.getsockname()[1]


async def settled(forwards: Forwards) -> None:
    """Wait until no connection is open."""
    await wait_for(lambda: not any(row.open for row in forwards.rows()), "the end of all connections")
