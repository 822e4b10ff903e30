"""The relay's server: listening sockets, their connections, and the relay's clock."""

import asyncio
import contextlib
import logging
import socket
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from natpass_relay.addresses import IpNetwork, is_in
from natpass_relay.admission import Doors
from natpass_relay.agents_file import AgentsFile
from natpass_relay.certificate import Certificate
from natpass_relay.client_socket import ClientSocket
from natpass_relay.connection import Connection
from natpass_relay.delivery import MEMORY_BYTES
from natpass_relay.hub import Hub
from natpass_relay.known_networks import KnownNetworks
from natpass_relay.listening import BACKLOG, address_of, listen_on
from natpass_relay.lobby_room import NetworkStanding
from natpass_relay.ticks import Ticks
from natpass_wire.aio.dial import RelayAddress
from natpass_wire.aio.runtime import LISTENERS, ReadBuffers
from natpass_wire.aio.sockets import CLOSE_SECONDS
from natpass_wire.aio.tasks import Tasks
from natpass_wire.aio.tls import server_context
from natpass_wire.errors import UserError
from natpass_wire.keepalive import SILENCE_V2
from natpass_wire.login import legacy, v2
from natpass_wire.login.keys import LoginKey
from natpass_wire.program.state import StateDir
from natpass_wire.version import __version__

log = logging.getLogger(__name__)

#: What this relay understands beyond existing programs (docs/wire.md §6).
CAPABILITIES = ("roster", "invite")
_HUB_TICK_SECONDS = 0.25
_TICK_SECONDS = 1.0
#: Connections that are ticked in one go, so that data never waits for the rest.
_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """A certificate and its key, both PEM files."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class RelaySettings:
    """A relay's settings.

    Attributes:
        key: the login key of handshake v2.
        listen: the addresses to listen on, unless `RelayServer.start` is given sockets; port 0 for any.
        tls: the certificate; None for bare TCP.
        proxy_certificates: files with the certificates of TLS proxies in front of this relay.
        dialects: the older handshakes that are admitted.
        legacy_secret: the older handshakes' secret; required if one is admitted.
        login_seconds: the time limit for a login.
        dead_after: seconds of silence that end a connection.
        memory: bytes that may wait for clients that are slow.
        trusted_proxies: the networks of TCP proxies that say who a connection is from (PROXY protocol).
        state: where networks that clients have logged in from, and agents, are kept over a restart; None: nowhere.
    """

    key: LoginKey
    listen: tuple[RelayAddress, ...] = (RelayAddress("127.0.0.1", 0),)
    tls: TlsFiles | None = None
    proxy_certificates: tuple[Path, ...] = ()
    dialects: frozenset[legacy.Dialect] = frozenset()
    legacy_secret: str | None = field(default=None, repr=False)
    login_seconds: float = v2.LOGIN_SECONDS
    dead_after: float = SILENCE_V2
    memory: int = MEMORY_BYTES
    trusted_proxies: tuple[IpNetwork, ...] = ()
    state: StateDir | None = None

    def bindings(self) -> tuple[v2.Binding, ...]:
        """Return the channel bindings that a client may see.

        Raises:
            UserError: a certificate can't be read.
        """
        own = v2.NO_TLS
        if self.tls is not None:
            own = v2.tls_binding(Certificate.from_pem_file(self.tls.certificate).sha256)
        proxies = (Certificate.from_pem_file(path) for path in self.proxy_certificates)
        return (own, *(v2.tls_binding(certificate.sha256) for certificate in proxies))


class RelayServer:
    """One relay. Call `start`, then `stop`.

    Raises:
        UserError: a file of the settings is invalid.
    """

    def __init__(self, settings: RelaySettings) -> None:
        self._settings = settings
        self._doors = Doors(
            key=settings.key,
            bindings=settings.bindings(),
            dialects=settings.dialects,
            legacy_secret=settings.legacy_secret,
            capabilities=CAPABILITIES,
            program=f"natpass-relay {__version__}",
            dead_after=settings.dead_after,
        )
        self._tls: ssl.SSLContext | None = None
        if settings.tls is not None:
            self._tls = server_context(settings.tls.certificate, settings.tls.key)
        self._buffers = ReadBuffers()
        self._tasks = Tasks()
        self._servers: list[asyncio.Server] = []
        self._hub: Hub | None = None
        self._networks: KnownNetworks | None = None
        self._agents: AgentsFile | None = None
        self.ticks = Ticks()

    @property
    def hub(self) -> Hub:
        """The hub behind the sockets; exists from `start` on."""
        assert self._hub is not None
        return self._hub

    async def start(self, sockets: Sequence[socket.socket] | None = None) -> list[RelayAddress]:
        """Listen; return the real addresses.

        Args:
            sockets: the listening sockets, see `natpass_relay.listening`; the server closes them. By default, it opens
                those of the settings.

        Raises:
            UserError: the relay can't listen on an address.
        """
        if sockets is None:
            sockets = listen_on(self._settings.listen)
        loop = asyncio.get_running_loop()
        networks = KnownNetworks(self._settings.state) if self._settings.state is not None else None
        standing = NetworkStanding(remembered=networks.remembered) if networks is not None else NetworkStanding()
        seconds, memory = self._settings.login_seconds, self._settings.memory
        self._hub = Hub(self._doors, time.monotonic, seconds, standing, memory)  # uvloop's clock counts milliseconds
        if self._settings.state is not None:
            self._agents = AgentsFile(self._settings.state, self._hub.publisher)
        for listener in sockets:
            for copy in (listener, *(listener.dup() for _ in range(LISTENERS - 1))):
                self._servers.append(await loop.create_server(self._new_socket, sock=copy, backlog=BACKLOG))
        self._tasks.start(self._tick_hub(self._hub), "relay clock")
        self._tasks.start(self._tick_connections(self._hub), "relay connections")
        if networks is not None:
            self._networks = networks
            self._tasks.start(networks.keep(), "networks that are remembered")
        if self._agents is not None:
            self._tasks.start(self._agents.keep(), "agents that are remembered")
        return [address_of(listener) for listener in sockets]

    def reload(self) -> None:
        """Reload the certificate, its key, and the proxies' certificates; new connections get them.

        If one of them is invalid, all stay as they were. Logins that have begun use the old certificate, which their
        clients have seen.
        """
        files, proxies = self._settings.tls, self._settings.proxy_certificates
        if files is None and not proxies:
            log.info("SIGHUP: nothing to reload (there is no certificate; other options need a restart)")
            return
        try:
            bindings = self._settings.bindings()
            tls = server_context(files.certificate, files.key) if files is not None else None
            fingerprint = Certificate.from_pem_file(files.certificate).fingerprint if files is not None else ""
            if self._settings.bindings() != bindings:  # clients would see another than the login expects
                raise UserError("a certificate changed while it was read")
        except UserError as error:
            log.error("SIGHUP: the certificate stays as it was: %s", error)
            return
        (own, *others), (old_own, *old_others) = bindings, self._doors.bindings
        self._doors, self._tls = replace(self._doors, bindings=bindings), tls
        if self._hub is not None:
            self._hub.change_doors(self._doors)
        if files is not None:
            log.info("SIGHUP: the certificate is %s: SHA-256 %s", _news(own != old_own), fingerprint)
        for path, binding, old in zip(proxies, others, old_others, strict=True):
            log.info("SIGHUP: the proxy's certificate in %s is %s", path, _news(binding != old))

    async def stop(self) -> None:
        """Tell all clients, flush, and close."""
        if not self._servers:
            return
        for server in self._servers:
            server.close()
        agents = self._agents.at_stop() if self._agents is not None else ""  # before all count as away
        self.hub.shut_down()
        with contextlib.suppress(TimeoutError):  # each socket has a deadline of its own; this is for our bugs
            async with asyncio.timeout(2 * CLOSE_SECONDS):
                await self.hub.empty.wait()
                for server in self._servers:
                    await server.wait_closed()
        await self._tasks.close()
        if self._networks is not None:
            self._networks.save()
        if self._agents is not None:
            self._agents.write(agents)
        log.info("stopped")

    def _new_socket(self) -> ClientSocket:
        return ClientSocket(Connection(self.hub), self.hub, self._buffers, self._tls, self._is_proxied)

    def _is_proxied(self, host: str) -> bool:
        return bool(self._settings.trusted_proxies) and is_in(host, self._settings.trusted_proxies)

    async def _tick_hub(self, hub: Hub) -> None:
        while True:
            for step in (hub.tick_logins, hub.tick_round_trips, hub.tick_roster):
                self.ticks.run(step)
            await asyncio.sleep(_HUB_TICK_SECONDS)

    async def _tick_connections(self, hub: Hub) -> None:
        while True:
            connections = hub.all_connections()
            for first in range(0, len(connections), _AT_ONCE):
                for connection in connections[first : first + _AT_ONCE]:
                    self.ticks.run(hub.tick_connection, connection)
                await asyncio.sleep(0)
            await asyncio.sleep(min(_TICK_SECONDS, self._settings.dead_after / 6))


def _news(is_new: bool) -> str:
    return "a new one" if is_new else "the same"
