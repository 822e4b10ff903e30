"""Listeners at the agent, for `-R`: TCP and UDP sockets, and Unix sockets that only the agent's user may use."""

import asyncio
import contextlib
import errno
import os
import socket
from collections.abc import Callable, Sequence
from functools import partial
from ipaddress import IPv4Address, IPv6Address

from natpass_agent.links.forward.claims import ListenClaims
from natpass_agent.links.forward.connections import SourceSocket
from natpass_agent.links.forward.datagrams import DatagramListener
from natpass_agent.links.forward.places import Holder, Place
from natpass_agent.platform.listening import remove_dead, reuse
from natpass_agent.targets import dial
from natpass_agent.targets.reasons import RefusedError, not_allowed, refused
from natpass_agent.targets.resolve import Resolver, ip_of, text_of
from natpass_wire.aio.link import Link
from natpass_wire.channels.events import Endpoint
from natpass_wire.identity.patterns import IpAddress, Reach
from natpass_wire.pb.forward_pb2 import ChannelRefused
from natpass_wire.race import Address

#: Connections that wait to be accepted.
_BACKLOG = 512
#: Sockets of one listener: a name may have any number of addresses.
_MOST_ADDRESSES = 4
#: Ports that are tried when any port will do, but it has to be the same at several addresses.
_TRIES = 16
_LOOPBACK: tuple[IpAddress, ...] = (IPv4Address("127.0.0.1"), IPv6Address("::1"))
_ALL = IPv4Address(0), IPv6Address(0)
#: Hosts that are not looked up.
_SPECIAL: dict[str, tuple[IpAddress, ...]] = {
    "": _LOOPBACK,
    "localhost": _LOOPBACK,
    "*": _ALL,
    str(_ALL[0]): _ALL[:1],
    str(_ALL[1]): _ALL[1:],
}


class OpenListener:
    """A listener that is open. `ChannelUser`: it hears when the console ends it.

    Args:
        session: the link.
        channel: its id.
        places: where it listens.
        close: closes its sockets.
        is_udp: whether it takes datagrams.
    """

    def __init__(
        self,
        session: Holder,
        channel: int,
        places: Sequence[Place],
        close: Callable[[], None],
        *,
        is_udp: bool = False,
    ) -> None:
        self._session = session
        self.is_udp = is_udp
        self.channel = channel
        self.places = tuple(places)
        self._close: Callable[[], None] | None = close

    @property
    def link(self) -> Link:
        """The link that it is in."""
        return self._session.link.link

    def opened(self, host: str, port: int) -> None:
        """Never called: the console asked for it."""

    def not_opened(self, reason: ChannelRefused.Reason, text: str) -> None:
        """Never called, as above."""

    def received(self, data: bytes) -> None:
        """Never called: listeners get no bytes."""

    def ended(self) -> None:
        """Never called, as above."""

    def writable(self) -> None:
        """Never called, as above."""

    def was_reset(self, text: str) -> None:
        """Stop listening; its connections go on."""
        self.close(text)

    def close(self, reason: str) -> None:
        """Stop listening. No-op if that is done."""
        if self._close is not None:
            close, self._close = self._close, None
            close()
            self._session.link.reset(self.channel, reason)
            self._session.closed(self)


async def listen(
    session: Holder, channel: int, address: Endpoint, limits: Reach, resolver: Resolver, *, claims: ListenClaims
) -> OpenListener:
    """Return a listener.

    Args:
        session: the link.
        channel: the listener's id.
        address: where; no host: loopback; `*`: all addresses; port 0: any.
        limits: where this console may listen.
        resolver: looks the host up.
        claims: who listens where.

    Raises:
        RefusedError: it is not allowed, or can't be.
    """
    if address.path:
        return await _listen_at_path(session, channel, address, limits, resolver, claims=claims)
    addresses = await _allowed(address, limits, resolver)
    if len(addresses) > _MOST_ADDRESSES:
        raise RefusedError(ChannelRefused.TOO_MANY, f"{text_of(address)} has more than {_MOST_ADDRESSES} addresses")
    ips = [ip_of(each) for each in addresses]
    sockets = await claims.bind(lambda: _bound(addresses, address), session.link.link, address, ips)
    loop, places = asyncio.get_running_loop(), [Place.of(sock) for sock in sockets]
    closers: list[Callable[[], None]] = []
    more = 0  # places beyond the first, which the session has taken
    try:
        for _ in sockets[1:]:
            if not session.take_socket():
                raise RefusedError(ChannelRefused.TOO_MANY, "too many connections")
            more += 1
        for sock, place in zip(sockets, places, strict=True):
            if address.datagrams:
                _, protocol = await loop.create_datagram_endpoint(
                    partial(DatagramListener, session, place, channel, sock, address.idle), sock=sock
                )
                closers.append(protocol.close)
            else:
                server = await loop.create_server(
                    partial(SourceSocket, session, place, channel), sock=sock, backlog=_BACKLOG
                )
                closers.append(server.close)
    except BaseException as error:
        for stop in closers:
            stop()
        for sock in sockets[len(closers) :]:
            sock.close()
        session.give_back(more)
        if isinstance(error, OSError):
            raise refused(text_of(address), error) from None
        raise

    def close() -> None:
        for each in closers:
            each()

    return OpenListener(session, channel, places, close, is_udp=address.datagrams)


async def _allowed(address: Endpoint, limits: Reach, resolver: Resolver) -> list[Address]:
    """Return the addresses to listen at, all of which are allowed. Raises RefusedError: they are not."""
    if (ips := _SPECIAL.get(address.host.lower())) is not None:
        families = {4: socket.AF_INET, 6: socket.AF_INET6}
        found = [Address(int(families[ip.version]), str(ip), address.port) for ip in ips]
    else:
        found = await resolver.addresses(address.host, address.port)
    names = limits.names(address.port)
    named = await resolver.named(names) if names else {}
    if not all(limits.allows(ip_of(each), address.port, named) for each in found):
        raise not_allowed(f"listening at {text_of(address)}")
    return found


def _bound(addresses: Sequence[Address], address: Endpoint) -> list[socket.socket]:
    """Return a socket for each address that this machine has, all with one port. Raises RefusedError: it can't be."""
    fault: OSError = OSError("it has no address")
    for _ in range(_TRIES):
        sockets: list[socket.socket] = []
        port = address.port
        for each in addresses:
            try:
                sockets.append(_bind(each, port, datagrams=address.datagrams))
                port = port or int(sockets[-1].getsockname()[1])
            except OSError as error:
                fault = error
                if error.errno not in {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}:
                    break
        else:
            if sockets:
                return sockets
        for sock in sockets:
            sock.close()
        if address.port or fault.errno != errno.EADDRINUSE:
            break
    raise refused(f"listening at {text_of(address)}", fault)


def _bind(address: Address, port: int, *, datagrams: bool) -> socket.socket:
    sock = socket.socket(address.family, socket.SOCK_DGRAM if datagrams else socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        if not datagrams:
            reuse(sock)
        if address.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)  # IPv4 has a rule of its own
        host, _, *rest = dial.sockaddr(address)
        sock.bind((host, port, *rest))
    except BaseException:
        sock.close()
        raise
    return sock


async def _listen_at_path(
    session: Holder, channel: int, address: Endpoint, limits: Reach, resolver: Resolver, *, claims: ListenClaims
) -> OpenListener:
    path = await resolver.path(address, limits)
    what = f"listening at {text_of(address)}"
    sock = dial.unix_socket()

    def bind() -> None:
        try:
            remove_dead(path)
            sock.bind(path)
        except OSError as error:
            raise refused(what, error) from None

    try:
        await claims.bind(bind, session.link.link, address, path=path)
    except BaseException:
        sock.close()
        raise
    try:
        os.chmod(path, 0o600)  # before anybody can connect  # noqa: PTH101 - a text, as sockets take it
        made = os.stat(path)  # noqa: PTH116 - as above
        place = Place("", 0, path)
        server = await asyncio.get_running_loop().create_unix_server(
            lambda: SourceSocket(session, place, channel), sock=sock, backlog=_BACKLOG
        )
    except BaseException as error:
        sock.close()
        with contextlib.suppress(OSError):
            os.unlink(path)  # noqa: PTH108 - as above
        if isinstance(error, OSError):
            raise refused(what, error) from None
        raise

    def close() -> None:
        server.close()
        with contextlib.suppress(OSError):
            now = os.stat(path)  # noqa: PTH116 - as above
            if (now.st_dev, now.st_ino) == (made.st_dev, made.st_ino):
                os.unlink(path)  # noqa: PTH108 - as above

    return OpenListener(session, channel, [place], close)
