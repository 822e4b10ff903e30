"""A relay in this process, and its clients."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from natpass_relay.certificate import make_self_signed
from natpass_relay.server import RelayServer, RelaySettings, TlsFiles
from natpass_wire.aio.client import Phase, RelayClient, RelayStatus
from natpass_wire.aio.dial import RelayAddress, RelayTarget
from natpass_wire.aio.link import IncomingLink, Link
from natpass_wire.aio.relay_connection import RelayConnection
from natpass_wire.aio.streams import KEEP_SECONDS
from natpass_wire.aio.tasks import Tasks
from natpass_wire.ids import RELAY_ID
from natpass_wire.login import v2
from natpass_wire.login.keys import LoginKey
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.link_pb2 import ConnectRequest
from natpass_wire.pb.login_pb2 import Role
from natpass_wire.pb.roster_pb2 import About, RosterWatch
from natpass_wire.roster import RosterMirror
from tests.support.sealing import sealing
from tests.support.waiting import wait_for

KEY = LoginKey(b"k" * 32)
AGENT, CONSOLE = Role.ROLE_AGENT, Role.ROLE_CONSOLE


def instance(name: str) -> bytes:
    """Return an instance tag."""
    return hashlib.md5(name.encode()).digest()


def tls_files(folder: Path, name: str = "relay") -> TlsFiles:
    """Make a certificate and its key."""
    files = TlsFiles(folder / f"{name}.crt", folder / f"{name}.key")
    certificate, key = make_self_signed()
    files.certificate.write_bytes(certificate)
    files.key.write_bytes(key)
    return files


class TestClient:
    """A client of a relay, which records what it was told."""

    __test__ = False

    def __init__(self, target: RelayTarget, *, accepts: bool = True, keep_seconds: float = KEEP_SECONDS) -> None:
        self.accepts = accepts
        self.links: list[IncomingLink] = []
        self.messages: list[Msg] = []
        self.statuses: list[RelayStatus] = []
        self.mirror = RosterMirror()
        self.client = RelayClient(
            target,
            on_link=self.on_link if target.claims.role == AGENT else None,
            on_stream=self.on_link if target.claims.role == AGENT else None,
            on_relay_message=self.on_message,
            on_status=self.statuses.append,
            rng=lambda: 0.5,
            keep_seconds=keep_seconds,
        )

    @property
    def connection(self) -> RelayConnection:
        assert self.client.connection is not None
        return self.client.connection

    def on_link(self, link: IncomingLink, _request: ConnectRequest) -> None:
        self.links.append(link)
        if self.accepts:
            link.accept()

    def on_message(self, message: Msg) -> None:
        self.messages.append(message)
        if message.type == MsgType.roster:
            assert not self.mirror.receive(message.roster).gap

    def say(self, message: Msg) -> None:
        """Send a message to the relay itself."""
        message.from_id = self.client.client_id
        message.to = RELAY_ID
        self.connection.send(message)

    def about(self, host: str) -> None:
        self.say(Msg(type=MsgType.about, about=About(host=host)))

    def watch(self) -> None:
        self.say(Msg(type=MsgType.roster_watch, roster_watch=RosterWatch(on=True)))

    def present(self) -> dict[str, str]:
        """Return the connected agents of the roster and their hosts' names."""
        entries = self.mirror.entries.items()
        return {client_id: entry.about.host for client_id, entry in entries if not entry.away_since_unix_ms}

    async def waiting(self) -> RelayStatus:
        """Wait until it is between two attempts; return the status with the reason."""
        await wait_for(lambda: self.client.status.phase is Phase.WAITING, "a lost connection")
        return self.client.status

    async def open(self, peer: str, *, plain: bool = True) -> Link:
        """Open a link: a plain one, or a stream."""
        return await self.client.open_link(peer, ConnectRequest(name="test", kind=ConnectRequest.shell), plain=plain)


@dataclass
class TestRelay:
    """A relay on a free port of loopback, and its clients."""

    __test__ = False

    server: RelayServer
    addresses: list[RelayAddress]
    tls: bool
    tasks: Tasks

    @property
    def address(self) -> RelayAddress:
        """The address for its clients."""
        return self.addresses[0]

    def target(
        self, client_id: str, role: Role = AGENT, *, tag: str | None = None, capabilities: tuple[str, ...] = ()
    ) -> RelayTarget:
        claims = v2.Claims(client_id, role, capabilities, "test 1", instance(client_id if tag is None else tag))
        return RelayTarget(self.address, self.tls, claims, KEY, sealing=sealing())

    def run(self, target: RelayTarget, *, accepts: bool = True) -> TestClient:
        """Start a client."""
        found = TestClient(target, accepts=accepts)
        self.tasks.start(found.client.run(), f"client {target.claims.client_id}")
        return found

    async def join(
        self,
        client_id: str,
        role: Role = AGENT,
        *,
        tag: str | None = None,
        accepts: bool = True,
        capabilities: tuple[str, ...] = (),
    ) -> TestClient:
        """Start a client, and wait until it is logged in."""
        found = self.run(self.target(client_id, role, tag=tag, capabilities=capabilities), accepts=accepts)
        await found.client.online()
        return found


@asynccontextmanager
async def running_relay(tls: TlsFiles | None = None, **settings: object) -> AsyncIterator[TestRelay]:
    """Run a relay; its clients end with it."""
    chosen = replace(RelaySettings(KEY, tls=tls), **settings)  # type: ignore[arg-type]
    server = RelayServer(chosen)
    addresses = await server.start()
    tasks = Tasks()
    try:
        yield TestRelay(server, addresses, tls is not None, tasks)
    finally:
        await tasks.close()
        await server.stop()
