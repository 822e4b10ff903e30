"""A connection that a proxy makes for us."""

import asyncio
import socket as sockets
from typing import Any

from python_socks import ProxyError, ProxyType
from python_socks.async_.asyncio import Proxy as SocksProxy

from natpass_wire.aio.sockets import FrameSocket
from natpass_wire.errors import NatpassError, RemoteProtocolError
from natpass_wire.http_connect import ProxyResponse, request
from natpass_wire.proxy import Proxy, ProxyKind
from natpass_wire.race import Address
from natpass_wire.text import printable

#: The most bytes of one read from a proxy.
_READ_BYTES = 4096


class ProxyRefusesError(NatpassError):
    """The proxy refuses; the text says why, safe to print."""


async def connect_tcp(address: Address) -> sockets.socket:
    """Return a TCP connection.

    Raises:
        OSError: the connection failed.
    """
    loop = asyncio.get_running_loop()
    socket = sockets.socket(sockets.AddressFamily(address.family), sockets.SOCK_STREAM)
    try:
        socket.setblocking(False)
        socket.setsockopt(sockets.IPPROTO_TCP, sockets.TCP_NODELAY, 1)
        await loop.sock_connect(socket, (address.host, address.port))
    except BaseException:
        socket.close()
        raise
    return socket


async def ask(proxy: Proxy, socket: sockets.socket, host: str, port: int) -> None:
    """Make the proxy connect to a relay, by the relay's name.

    Raises:
        ProxyRefusesError: it refuses, or does not speak its URL's protocol.
        OSError: the connection to it is lost.
        ValueError: `host` is not a host name.
    """
    try:
        await (_ask_http if proxy.kind is ProxyKind.HTTP else _ask_socks)(proxy, socket, host, port)
    except RemoteProtocolError as error:
        raise ProxyRefusesError(str(error)) from error


async def _ask_http(proxy: Proxy, socket: sockets.socket, host: str, port: int) -> None:
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(socket, request(host, port, proxy.user, proxy.password))
    answer, refusal = ProxyResponse(), None
    while refusal is None:
        data = await loop.sock_recv(socket, _READ_BYTES)
        if not data:
            raise ProxyRefusesError("closed the connection")
        refusal = answer.receive(data)
    if refusal:
        raise ProxyRefusesError(f"refuses: {refusal}")


async def _ask_socks(proxy: Proxy, socket: sockets.socket, host: str, port: int) -> None:
    asking = SocksProxy(
        ProxyType.SOCKS5,
        proxy.host,
        proxy.port,
        username=proxy.user,
        password=proxy.password,
        rdns=True,  # the proxy resolves names: they may mean nothing here
        forward=_Connected(socket),
    )
    try:
        await asking.connect(host, port)
    except ProxyError as error:
        raise ProxyRefusesError(f"refuses: {printable(str(error), 100)}") from error


class _Connected(SocksProxy):
    """Gives python-socks our connection: it plays a proxy in front of the proxy."""

    def __init__(self, socket: sockets.socket) -> None:
        super().__init__(ProxyType.SOCKS5, "", 0)
        self._socket = socket

    async def connect(self, *_: Any, **__: Any) -> sockets.socket:
        """Return the connection."""
        return self._socket


async def adopt(socket: sockets.socket, frames: FrameSocket) -> None:
    """Give a connected socket to a frame socket, which owns it from now on."""
    loop = asyncio.get_running_loop()
    handing = loop.create_task(loop.create_connection(lambda: frames, sock=socket), name="adopt a connection")
    try:
        await asyncio.shield(handing)
    except asyncio.CancelledError:
        # This waits for no network, and must not be cut short: uvloop would close the descriptor of a socket that is
        # still ours, and perhaps whatever gets its number next.
        await asyncio.wait([handing])
        frames.abort()
        raise
