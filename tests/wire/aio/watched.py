"""A running client, and what it said."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from natpass_wire.aio.client import Phase, RelayClient, RelayStatus
from natpass_wire.aio.dial import LegacyLogin, RelayAddress, RelayTarget
from natpass_wire.aio.link import IncomingLink, Link
from natpass_wire.login import v2
from natpass_wire.login.keys import LoginKey
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.link_pb2 import ConnectRequest, ConnectShell
from natpass_wire.pb.login_pb2 import Role
from natpass_wire.pb.shell_pb2 import ShellData
from tests.support.waiting import wait_for
from tests.wire.aio.plugs import HOST
from tests.wire.aio.stub import KEY

CLAIMS = v2.Claims("c", Role.ROLE_CONSOLE, ("roster",), "test 1", b"i" * 16)
SHELL = ConnectRequest(name="s", kind=ConnectRequest.shell, cshell=ConnectShell())


def target(port: int, *, tls: bool = False, host: str = HOST, login: LoginKey | LegacyLogin = KEY) -> RelayTarget:
    return RelayTarget(RelayAddress(host, port), tls=tls, claims=CLAIMS, login=login)


@dataclass
class Watched:
    """A running client and what it said."""

    client: RelayClient
    statuses: list[RelayStatus] = field(default_factory=list)
    asked: list[tuple[IncomingLink, ConnectRequest]] = field(default_factory=list)
    relayed: list[Msg] = field(default_factory=list)
    order: list[str] = field(default_factory=list)

    @property
    def phases(self) -> list[Phase]:
        return [status.phase for status in self.statuses]

    async def until(self, phase: Phase, reason: str = "") -> RelayStatus:
        """Wait for a status; return it."""

        def found() -> list[RelayStatus]:
            return [status for status in self.statuses if status.phase is phase and reason in status.reason]

        await wait_for(found, f"{phase} {reason!r} among {self.statuses}")
        return found()[-1]


@contextlib.asynccontextmanager
async def running(where: RelayTarget, *, serves: bool = True, random: float = 0.5) -> AsyncIterator[Watched]:
    """Run a client; end it afterwards."""
    watched: Watched
    statuses: list[RelayStatus] = []

    def on_link(link: IncomingLink, request: ConnectRequest) -> None:
        watched.order.append("link")
        watched.asked.append((link, request))

    def on_relay_message(message: Msg) -> None:
        watched.order.append("message")
        watched.relayed.append(message)

    client = RelayClient(
        where,
        on_status=statuses.append,
        on_link=on_link if serves else None,
        on_relay_message=on_relay_message,
        on_online=lambda connection: watched.order.append("online"),
        rng=lambda: random,
    )
    watched = Watched(client, statuses)
    task = asyncio.get_running_loop().create_task(client.run(), name="client")
    try:
        yield watched
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert client.connection is None


def data(content: bytes) -> Msg:
    return Msg(type=MsgType.shell_data, sdata=ShellData(data=content))


async def pass_time(seconds: float) -> None:
    """Let time pass: what is tested here is that nothing happens meanwhile."""
    until = asyncio.get_running_loop().time() + seconds
    await wait_for(lambda: asyncio.get_running_loop().time() >= until)


async def receive_all(link: Link, count: int) -> list[bytes]:
    return [(await link.receive()).sdata.data for _ in range(count)]
