"""A man in the middle of TLS with its own certificate: passes a login on, or plays the relay."""

import asyncio
import contextlib
import os
import random
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from natpass_relay.server import RelayServer, RelaySettings
from natpass_wire.aio.dial import RelayAddress, RelayTarget, dial
from natpass_wire.aio.reach import DialError
from natpass_wire.aio.runtime import ReadBuffers
from natpass_wire.aio.tasks import Tasks
from natpass_wire.aio.tls import client_context, server_context
from natpass_wire.errors import LoginRefusedError, RelayNotTrustedError
from natpass_wire.login import v2
from natpass_wire.login.keys import LoginKey
from natpass_wire.pb.login_pb2 import Role
from tests.hostile.relay import ViolationError
from tests.hostile.world import LOGIN
from tests.support.relay import tls_files


class Middle:
    """A client's way into the man in the middle."""

    def __init__(self, passing_on: RelayAddress, playing: RelayAddress) -> None:
        self._addresses = {"passed on": passing_on, "played": playing}

    async def attempt(self, rng: random.Random) -> str:
        """Let a client log in here; return how that failed.

        Raises:
            ViolationError: it succeeded.
        """
        how = rng.choice(list(self._addresses))
        role = rng.choice([Role.ROLE_AGENT, Role.ROLE_CONSOLE])
        claims = v2.Claims(f"client-{rng.randrange(1 << 32)}", role, (), "hostile", os.urandom(16))
        try:
            logged_in = await dial(RelayTarget(self._addresses[how], True, claims, LOGIN), ReadBuffers())
        except (LoginRefusedError, RelayNotTrustedError, DialError) as error:
            if not str(error):
                raise ViolationError("a login through a man in the middle fails without a reason") from None
            return f"{how}: no login, with a reason"
        logged_in.socket.abort()
        raise ViolationError(f"a client has logged in at a man in the middle ({how})")


@asynccontextmanager
async def middle(folder: Path) -> AsyncIterator[Middle]:
    """Run a real relay with TLS, one that does not know the login key, and a proxy to the first one."""
    real = RelayServer(RelaySettings(LOGIN, tls=tls_files(folder, "real")))
    false = RelayServer(RelaySettings(LoginKey(os.urandom(32)), tls=tls_files(folder, "false")))
    files = tls_files(folder, "middle")
    (address,) = await real.start()
    tasks = Tasks()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await asyncio.open_connection(
            address.host, address.port, ssl=client_context(verify=False), server_hostname="relay"
        )
        tasks.start(_pump(reader, there[1]), "middle, up")
        tasks.start(_pump(there[0], writer), "middle, down")

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=server_context(files.certificate, files.key))
    try:
        yield Middle(RelayAddress(*server.sockets[0].getsockname()[:2]), (await false.start())[0])
    finally:
        server.close()
        await tasks.close()
        await false.stop()
        await real.stop()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError, ssl.SSLError):
        while piece := await reader.read(65536):
            writer.write(piece)
            await writer.drain()
    writer.close()
