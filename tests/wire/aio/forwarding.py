"""Two ends of a link with channels, and real sockets on both sides of it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from natpass_wire.aio.channel_socket import ChannelSocket
from natpass_wire.aio.channels import ChannelLink
from natpass_wire.aio.link import Link
from natpass_wire.aio.tasks import Tasks
from natpass_wire.channels.events import ChannelAsked, Endpoint, ListenAsked
from natpass_wire.links import End
from natpass_wire.pb.forward_pb2 import ChannelRefused
from natpass_wire.pb.link_pb2 import LinkEnd
from tests.support.memory_link import linked
from tests.support.peers import HOST, Peer, Target
from tests.support.relay import CONSOLE, running_relay
from tests.support.waiting import wait_for


class Local(ChannelSocket):
    """A connection that came to us: it begins a channel."""

    def __init__(self, link: ChannelLink, target: Endpoint, made: "list[Local]", listener: int = 0) -> None:
        super().__init__(link)
        self._target, self._listener = target, listener
        self.reasons: list[str] = []
        self.address: tuple[str, int] | None = None
        made.append(self)

    def connected(self, transport: asyncio.Transport) -> None:
        self.channel = self._link.begin(self, self._target, self._listener, "somebody" if self._listener else "")

    def opened(self, host: str, port: int) -> None:
        self.address = host, port

    def gone(self, reason: str) -> None:
        self.reasons.append(reason)


class Dialled(ChannelSocket):
    """A connection of ours to a target, for a channel that the other end began."""

    def __init__(self, link: ChannelLink, channel: int, made: "list[Dialled]") -> None:
        super().__init__(link)
        self.channel = channel
        self.reasons: list[str] = []
        made.append(self)

    def connected(self, transport: asyncio.Transport) -> None:
        if not self._link.use(self.channel, self):
            self.abort("gone")

    def gone(self, reason: str) -> None:
        self.reasons.append(reason)


class Listening:
    """The console's word for a listener at the agent."""

    def __init__(self) -> None:
        self.address: tuple[str, int] | None = None
        self.why = ""

    def opened(self, host: str, port: int) -> None:
        self.address = host, port

    def not_opened(self, reason: ChannelRefused.Reason, text: str) -> None:
        self.why = text

    def received(self, data: bytes) -> None:
        raise AssertionError

    def ended(self) -> None:
        raise AssertionError

    def was_reset(self, text: str) -> None:
        self.why = text

    def writable(self) -> None:
        raise AssertionError


@dataclass
class Forwarding:
    """Both ends, and what was made at each."""

    console_link: Link
    agent_link: Link
    tasks: Tasks = field(default_factory=Tasks)
    locals: list[Local] = field(default_factory=list)
    dialled: list[Dialled] = field(default_factory=list)
    servers: list[asyncio.AbstractServer] = field(default_factory=list)
    #: What was asked at the agent and is not answered yet, while it waits.
    waiting: list[ChannelAsked] = field(default_factory=list)
    waits: bool = False
    ends: list[End] = field(default_factory=list)
    console_target: Endpoint = field(default_factory=Endpoint)

    def __post_init__(self) -> None:
        self.console = ChannelLink(self.console_link, is_console=True, asked=self._console_asked)
        self.agent = ChannelLink(self.agent_link, is_console=False, asked=self._agent_asked)

    @property
    def sockets(self) -> "list[Local | Dialled]":
        """All sockets that were connected."""
        made: list[Local | Dialled] = [*self.locals, *self.dialled]
        return [each for each in made if each._transport is not None]

    async def run(self, end: ChannelLink) -> None:
        self.ends.append(await end.run())

    def answer(self) -> None:
        """Dial what was asked for so far."""
        waiting, self.waiting = self.waiting, []
        for asked in waiting:
            self.tasks.start(self._dial(self.agent, asked.id, asked.address), "dial")

    async def forward(self, target: Endpoint, path: str = "") -> int:
        """Listen for connections to a target beyond the agent; return the port."""

        def made() -> Local:
            return Local(self.console, target, self.locals)

        loop = asyncio.get_running_loop()
        if path:
            self.servers.append(await loop.create_unix_server(made, path))
            return 0
        server = await loop.create_server(made, HOST, 0, backlog=1000)
        self.servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    def _agent_asked(self, asked: ChannelAsked | ListenAsked) -> None:
        if isinstance(asked, ListenAsked):
            self.tasks.start(self._listen(asked), "listen")
        elif self.waits:
            self.waiting.append(asked)
        else:
            self.tasks.start(self._dial(self.agent, asked.id, asked.address), "dial")

    def _console_asked(self, asked: ChannelAsked | ListenAsked) -> None:
        self.tasks.start(self._dial(self.console, asked.id, self.console_target), "dial")

    async def _listen(self, asked: ListenAsked) -> None:
        def made() -> Local:
            return Local(self.agent, Endpoint(), self.locals, asked.id)

        server = await asyncio.get_running_loop().create_server(made, HOST, asked.address.port)
        self.servers.append(server)
        self.agent.accept(asked.id, *server.sockets[0].getsockname()[:2])
        self.agent.use(asked.id, Listening())

    async def _dial(self, end: ChannelLink, channel: int, address: Endpoint) -> None:
        def made() -> Dialled:
            return Dialled(end, channel, self.dialled)

        loop = asyncio.get_running_loop()
        try:
            if address.path:
                await loop.create_unix_connection(made, address.path.decode())
            else:
                await loop.create_connection(made, address.host, address.port)
        except OSError:
            end.refuse(channel, ChannelRefused.NOT_LISTENING, "refused")
        else:
            end.accept(channel, address.host, address.port)


@contextlib.asynccontextmanager
async def forwarding(*, real: bool = False) -> AsyncIterator[Forwarding]:
    """Give two ends whose links are in memory, or streams through a relay."""
    async with contextlib.AsyncExitStack() as stack:
        if real:
            relay = await stack.enter_async_context(running_relay())
            agent = await relay.join("agent")
            console = await relay.join("console", CONSOLE)
            link: Link = await console.open("agent", plain=False)
            found = Forwarding(link, agent.links[-1])
        else:
            found = Forwarding(*linked())
        found.tasks.start(found.run(found.console), "console's channels")
        found.tasks.start(found.run(found.agent), "agent's channels")
        try:
            yield found
        finally:
            for server in found.servers:
                server.close()
            found.console_link.close("", LinkEnd.CLOSED)
            await wait_for(lambda: len(found.ends) == 2, "the end of both")
            await wait_for(lambda: all(each.reasons for each in found.sockets), "the sockets' end")
            await found.tasks.close()


@contextlib.asynccontextmanager
async def pair(
    world: Forwarding, folder: Path | None = None, *, takes_little: bool = False
) -> AsyncIterator[tuple[Peer, Peer]]:
    """Give a client and the target that it has reached, over TCP, or over sockets in a folder."""
    path = str(folder / "target") if folder else ""
    with contextlib.closing(Target(path, takes_little=takes_little)) as target:
        here = str(folder / "here") if folder else ""
        port = await world.forward(target.endpoint, here)
        client = await Peer.to(here or port)
        with contextlib.closing(client):
            there = await target.accept()
            await wait_for(lambda: world.dialled and world.dialled[-1]._transport, "the agent's socket")
            yield client, there


async def until_blocked(peer: Peer, most: int) -> int:
    """Send until nothing is taken for a while of turns; return how many bytes were."""
    sent, idle = 0, 0
    chunk = bytes(64 * 1024)
    while idle < 200 and sent < most:
        try:
            sent += peer.sock.send(chunk)
            idle = 0
        except BlockingIOError:
            idle += 1
            await asyncio.sleep(0)
    return sent
