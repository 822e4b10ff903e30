"""A forward's server at an agent, and a console at the other end of a link in memory."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

from natpass_agent.links.forward.server import ForwardServer
from natpass_agent.links.forward.session import Session
from natpass_agent.targets.targets import Rules, Targets
from natpass_wire.aio.channels import ChannelLink
from natpass_wire.aio.tasks import Tasks
from natpass_wire.channels.events import ChannelAsked, Endpoint, ListenAsked
from natpass_wire.identity.authorized import ALL, Rights
from natpass_wire.identity.patterns import parse
from natpass_wire.pb.forward_pb2 import ChannelRefused
from natpass_wire.pb.link_pb2 import ConnectRequest
from tests.support.memory_link import MemoryLink, linked
from tests.support.peers import HOST
from tests.support.waiting import wait_for
from tests.wire.aio.forwarding import Dialled, Local

REQUEST = ConnectRequest(name="forward", kind=ConnectRequest.forward)


@dataclass
class User:
    """What the console knows of a channel, flow or listener."""

    address: tuple[str, int] | None = None
    reason: ChannelRefused.Reason | None = None
    why: str | None = None
    data: list[bytes] = field(default_factory=list)
    has_ended: bool = False

    def opened(self, host: str, port: int) -> None:
        self.address = host, port

    def not_opened(self, reason: ChannelRefused.Reason, text: str) -> None:
        self.reason, self.why = reason, text

    def received(self, data: bytes) -> None:
        self.data.append(data)

    def ended(self) -> None:
        self.has_ended = True

    def was_reset(self, text: str) -> None:
        self.why = text

    def writable(self) -> None:
        """Take note."""


@dataclass
class World:
    """Both ends."""

    link: MemoryLink
    at_agent: MemoryLink
    server: ForwardServer
    tasks: Tasks = field(default_factory=Tasks)
    locals: list[Local] = field(default_factory=list)
    dialled: list[Dialled] = field(default_factory=list)
    #: What the agent asks for: connections and flows of its listeners.
    asked: list[ChannelAsked] = field(default_factory=list)
    users: dict[int, User] = field(default_factory=dict)
    #: Where connections of the agent's listeners go to; None: they are kept in `asked`.
    target: Endpoint | None = None
    ports: list[asyncio.AbstractServer] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.console = ChannelLink(self.link, is_console=True, asked=self._asked)

    @property
    def session(self) -> Session:
        return self.server._sessions[self.at_agent]

    def _asked(self, asked: ChannelAsked | ListenAsked) -> None:
        assert isinstance(asked, ChannelAsked)
        self.asked.append(asked)
        if self.target is not None:
            self.tasks.start(self._dial(asked.id, self.target), "dial")
        elif asked.address.datagrams:
            self.users[asked.id] = User()
            self.console.use(asked.id, self.users[asked.id])
            self.console.accept(asked.id)

    async def _dial(self, channel: int, target: Endpoint) -> None:
        connection = Dialled(self.console, channel, self.dialled)
        await asyncio.get_running_loop().create_connection(lambda: connection, target.host, target.port)
        self.console.accept(channel)

    def ask(self, target: Endpoint) -> tuple[int, User]:
        """Begin a channel."""
        user = User()
        channel = self.console.begin(user, target)
        self.users[channel] = user
        return channel, user

    async def answer(self, target: Endpoint) -> User:
        """Begin a channel, and wait for the answer."""
        _, user = self.ask(target)
        await wait_for(lambda: user.address or user.why is not None, "an answer")
        return user

    async def listen(self, address: Endpoint) -> tuple[int, User]:
        """Ask for a listener, and wait for the answer."""
        user = User()
        listener = self.console.listen(user, address)
        await wait_for(lambda: user.address or user.why is not None, "an answer")
        return listener, user

    async def forward(self, target: Endpoint) -> int:
        """Listen at the console; return the port."""
        made = self.locals
        server = await asyncio.get_running_loop().create_server(
            lambda: Local(self.console, target, made), HOST, 0, backlog=1000
        )
        self.ports.append(server)
        return int(server.sockets[0].getsockname()[1])


@contextlib.contextmanager
def udp_socket() -> Iterator[socket.socket]:
    """A socket for datagrams on loopback."""
    with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sock:
        sock.bind((HOST, 0))
        sock.setblocking(False)
        yield sock


def rights(forward: str | None = None, listen: str | None = None) -> Rights:
    return Rights(forward=None if forward is None else parse(forward), listen=None if listen is None else parse(listen))


@contextlib.asynccontextmanager
async def forwarded(
    given: Rights = ALL,
    *,
    rules: Rules | None = None,
    files: int = 8192,
    key: bytes = b"k" * 32,
    server: ForwardServer | None = None,
) -> AsyncIterator[World]:
    """Serve one link, at an agent of its own if no server is given."""
    console, agent = linked(key)
    agent.is_asked = True
    world = World(console, agent, server or ForwardServer(Targets(rules, files)))
    room = world.server.targets.descriptors.units
    serving = world.tasks.start(world.server.serve(agent, REQUEST, given), "server")
    carrying = world.tasks.start(world.console.run(), "console")
    try:
        await wait_for(lambda: not agent.is_asked, "the answer")
        yield world
    finally:
        for port in world.ports:
            port.close()
        console.close("the test is over")
        await asyncio.wait([serving, carrying])
        made: list[Local | Dialled] = [*world.locals, *world.dialled]
        await wait_for(lambda: all(each.reasons for each in made if each._transport is not None), "the sockets' end")
        if server is None:
            await wait_for(lambda: world.server.targets.descriptors.units == room, "all places given back")
        await world.tasks.close()
    serving.result()
