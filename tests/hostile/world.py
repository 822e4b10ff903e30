"""The honest ends: agents that record requests and data, consoles that pin keys, and a record of what was really
sent."""

import asyncio
import os
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from natpass_agent.agent import Agent
from natpass_agent.links.exec import KIND
from natpass_agent.links.running import Running
from natpass_agent.trust import SealedPeers
from natpass_relay.server import RelaySettings
from natpass_tui.known_agents import KnownAgentsStore, KnownFile
from natpass_tui.model.agents import Presence
from natpass_tui.model.console import ROSTER, Console
from natpass_tui.model.trust import PinnedAgents
from natpass_wire.aio.client import RelayClient
from natpass_wire.aio.dial import RelayAddress, RelayTarget
from natpass_wire.aio.link import IncomingLink, Link, LinkEndedError
from natpass_wire.aio.sealing import Sealing, TrustPolicy
from natpass_wire.aio.stream import Stream
from natpass_wire.aio.tasks import Tasks
from natpass_wire.identity.authorized import ALL, Rights
from natpass_wire.login import v2
from natpass_wire.login.keys import RootKey
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.exec_pb2 import ConnectExec, ExecInput, ExecOutput
from natpass_wire.pb.link_pb2 import ConnectRequest
from natpass_wire.pb.login_pb2 import Role
from natpass_wire.program.state import StateDir
from tests.end_to_end.agent_programs import SECRET
from tests.hostile.relay import Adversary, HostileServer, ViolationError
from tests.support.waiting import wait_for

_ROOT = RootKey.from_secret(SECRET)
#: A key that the relay has, and one that it lacks.
LOGIN, PSK = _ROOT.login_key(), _ROOT.link_key()
#: A marker in every request, input and output.
MARKER = b"[for nobody but the other end]"
AGENTS = ("agent-a", "agent-b", "agent-c")
#: A console that was online once, and left a recording.
GONE = "console-gone"
#: The most retries: another console's attack may end an agent's connection.
_PEACEFUL_TRIES = 5


def raw(key: X25519PrivateKey) -> bytes:
    """Return the public key."""
    return key.public_key().public_bytes_raw()


@dataclass(eq=False)
class Spoken:
    """One stream: the console's request and data, the agent's answers, and how much each has received.

    Attributes:
        number: the attempt's, and the stream's within it.
        agent: the agent that it is for.
        sent: the console's messages.
        console, key: the console, and its static key.
        asked: how often the agent got the request.
        heard: the number of messages that the agent has received.
        ended: set once the agent has ended the stream.
    """

    number: bytes
    agent: str
    sent: list[bytes]
    console: str
    key: bytes
    asked: int = 0
    heard: int = 0
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def request(self) -> ConnectRequest:
        """Return the request."""
        return ConnectRequest(
            name="hostile", kind=ConnectRequest.exec, cexec=ConnectExec(argv=[b"run", MARKER, self.number])
        )

    def reply(self, number: int) -> bytes:
        """Return the agent's answer to a message."""
        return MARKER + self.sent[number][::-1]


class Books:
    """All streams that consoles asked for, and all faults of the agents."""

    def __init__(self) -> None:
        self.streams: dict[bytes, Spoken] = {}
        self.faults: list[str] = []

    def note(self, fault: str) -> None:
        """Record a fault."""
        self.faults.append(fault)


class Server:
    """An agent's server: it answers each message. In a real agent this is a process."""

    kind = KIND

    def __init__(self, books: Books, agent: str) -> None:
        self._books = books
        self._agent = agent

    def running(self, link: Link) -> Running | None:
        return None

    async def serve(self, link: IncomingLink, request: ConnectRequest, rights: Rights = ALL) -> None:
        """Serve a stream, if it is one that a console asked for."""
        argv = request.cexec.argv
        spoken = self._books.streams.get(argv[2] if len(argv) == 3 else b"")
        if spoken is None:
            self._books.note(f"{self._agent} was asked by {link.peer} for what no console asked for: {request}")
            return
        spoken.asked += 1
        wrong = [
            text
            for text, is_so in (
                ("twice", spoken.asked > 1),
                ("by another console", spoken.console != link.peer or spoken.key != link.peer_key),
                ("instead of another agent", spoken.agent != self._agent),
                ("for something else", request != spoken.request()),
            )
            if is_so
        ]
        if wrong:
            self._books.note(f"{self._agent} was asked {' and '.join(wrong)}")
        try:
            link.accept()
            await self._answer(link, spoken)
        except LinkEndedError as error:
            if not error.end.text and not error.end.cause:
                self._books.note(f"a stream ended at {self._agent} without a reason")
        finally:
            spoken.ended.set()

    async def _answer(self, link: IncomingLink, spoken: Spoken) -> None:
        while True:
            message = await link.receive()
            number, spoken.heard = spoken.heard, spoken.heard + 1
            if (
                number >= len(spoken.sent)
                or message.type != MsgType.exec_input
                or message.exec_input != ExecInput(data=spoken.sent[number])
            ):
                self._books.note(f"{self._agent} was told what was not said: message {number}")
                return
            await link.room()
            await link.send(Msg(type=MsgType.exec_output, exec_output=ExecOutput(data=spoken.reply(number))))


@dataclass(eq=False)
class Operator:
    """A console, and the agents that it knows."""

    console: Console
    client: RelayClient
    identity: X25519PrivateKey
    known: KnownAgentsStore
    known_file: KnownFile

    @property
    def id(self) -> str:
        """Its client id."""
        return self.client.client_id

    async def say(self, spoken: Spoken, agent_key: bytes, got: list[bytes]) -> Stream:
        """Open a stream, send everything and read all answers into `got`; return the open stream.

        Raises:
            LinkEndedError: it ended first.
            ViolationError: an answer is wrong, or comes from another agent.
        """
        link = await self.console.open_link(spoken.agent, spoken.request())
        if link.peer_key != agent_key:
            raise ViolationError(f"{self.id} accepted a wrong key for {spoken.agent}")

        async def send() -> None:
            for content in spoken.sent:
                await link.room()
                await link.send(Msg(type=MsgType.exec_input, exec_input=ExecInput(data=content)))

        try:
            sending = asyncio.create_task(send())  # noqa: TID251 - it is awaited below
            try:
                while len(got) < len(spoken.sent):
                    message = await link.receive()
                    answer = ExecOutput(data=spoken.reply(len(got)))
                    if message.type != MsgType.exec_output or message.exec_output != answer:
                        raise ViolationError(f"{self.id} was told what was not said: answer {len(got)}")
                    got.append(answer.data)
                await sending
            finally:
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)
        except BaseException:
            link.close()
            raise
        assert isinstance(link, Stream)
        return link


class World:
    """A hostile relay, the agents, and the consoles."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.adversary = Adversary()
        self.books = Books()
        self.agent_keys: dict[str, bytes] = {}
        self.operators: list[Operator] = []
        self._tasks = Tasks()
        self._server = HostileServer(RelaySettings(LOGIN), self.adversary)
        self.address = RelayAddress("127.0.0.1", 0)
        self.adversary.needles = {MARKER: "a marker", MARKER[::-1]: "a marker", PSK.key: "the link key"}

    def target(self, name: str, role: Role, identity: X25519PrivateKey, trust: TrustPolicy) -> RelayTarget:
        """Return a client's login parameters; its keys are needles from now on."""
        public, private = raw(identity), identity.private_bytes_raw()
        self.adversary.needles |= {public: f"the static key of {name}", private: f"the private key of {name}"}
        claims = v2.Claims(name, role, (ROSTER,), "hostile", v2.instance_tag(LOGIN, os.urandom(32)))
        sealing = Sealing(identity, PSK, trust, time.monotonic)
        return RelayTarget(self.address, False, claims, LOGIN, sealing=sealing)

    async def start(self, consoles: int) -> None:
        """Start everything; all clients are logged in when this returns."""
        self.address = (await self._server.start())[0]
        for name in AGENTS:
            identity = X25519PrivateKey.generate()
            self.agent_keys[name] = raw(identity)
            target = self.target(name, Role.ROLE_AGENT, identity, SealedPeers())
            agent = Agent(target, kinds=[Server(self.books, name)], max_links=100_000)
            self._tasks.start(agent.run(), name)
            await agent.client.online()
        tasks = Tasks()
        await self._meet_all(await self.operator(GONE, tasks))
        await tasks.close()
        self.operators = [await self.operator(f"console-{number}", self._tasks) for number in range(consoles)]
        await asyncio.gather(*(self._meet_all(operator) for operator in self.operators))

    async def meet(self, operator: Operator, agent: str) -> None:
        """Let a console speak with an agent without an attack, so that it knows the agent, and a recording exists."""
        for _ in range(_PEACEFUL_TRIES):
            await self.ready(operator, agent)
            number = f"{operator.id} meets {agent} {secrets.token_hex(4)}".encode()
            spoken = Spoken(number, agent, [MARKER, MARKER, MARKER], operator.id, raw(operator.identity))
            self.books.streams[number] = spoken
            try:
                link = await operator.say(spoken, self.agent_keys[agent], [])
            except LinkEndedError:
                continue
            link.close()
            await spoken.ended.wait()
            await operator.client.settled(10)
            self.adversary.forget(operator.id)
            return
        raise ViolationError(f"{operator.id} cannot speak with {agent} without an attack")

    async def ready(self, operator: Operator, agent: str) -> None:
        """Wait until a console sees an agent's true state: some attacks end connections, or tell lies."""
        fleet, router = operator.console.fleet, self.adversary.hub.router

        def is_there() -> bool:
            seen = fleet.get(agent)
            there = seen is not None and bool(seen.streams) and seen.presence is Presence.ONLINE
            return there and operator.console.is_online and router.client(agent) is not None

        await wait_for(is_there, f"{agent} at {operator.id}", timeout=60)

    async def _meet_all(self, operator: Operator) -> None:
        for agent in AGENTS:
            await self.meet(operator, agent)

    async def operator(self, name: str, tasks: Tasks) -> Operator:
        """Start a console."""
        identity = X25519PrivateKey.generate()
        state = StateDir.at(self.folder / name)
        known = KnownAgentsStore(state, str(self.address))
        clients: list[RelayClient] = []

        def connect(*args: Any, **options: Any) -> RelayClient:
            clients.append(RelayClient(*args, **options))
            return clients[0]

        target = self.target(name, Role.ROLE_CONSOLE, identity, PinnedAgents(known))
        console = Console(target, connect=connect)
        tasks.start(console.run(), name)
        await console.first_login()
        return Operator(console, clients[0], identity, known, KnownFile(state))

    def check(self) -> None:
        """Raise ViolationError if a fault was recorded."""
        if faults := self.books.faults or self.adversary.faults:
            raise ViolationError(faults[0])

    async def stop(self) -> None:
        """End everything."""
        await self._tasks.close()
        await self._server.stop()


@asynccontextmanager
async def world(folder: Path, consoles: int) -> AsyncIterator[World]:
    """Run a world."""
    found = World(folder)
    await found.start(consoles)
    try:
        yield found
    finally:
        await found.stop()
