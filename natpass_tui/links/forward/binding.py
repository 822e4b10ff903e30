"""Sockets bound to the address of a rule, for TCP, UDP and Unix sockets."""

import asyncio
import errno
import os
import socket
import stat
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from natpass_tui.links.forward.rules import ANY_HOST
from natpass_wire.channels.events import Endpoint
from natpass_wire.program.platform_sockets import local_socket

#: Which addresses stand for loopback and for all. The first has to be there, the others where the system has IPv6.
_LOOPBACK = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))
_ANY = ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::"))  # noqa: S104 - the rule asks for all addresses
#: What a system without IPv6, or without this address, says.
_NOT_HERE = frozenset({errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL, errno.EPROTONOSUPPORT})
#: Attempts to find a port that is free at all addresses of a rule.
_ATTEMPTS = 16
_STALE_SECONDS = 1.0


class Bound:
    """Sockets of one rule, bound to its address, with the same port.

    Attributes:
        sockets: they do not listen yet.
    """

    def __init__(self, sockets: Sequence[socket.socket], path: bytes = b"") -> None:
        self.sockets = list(sockets)
        self._path = path
        self._file = _identity(path) if path else None

    @property
    def port(self) -> int:
        """The sockets' port, 0 for a Unix socket."""
        return 0 if self._path else int(self.sockets[0].getsockname()[1])

    @property
    def address(self) -> str:
        """The first socket's address, `HOST:PORT` or a path."""
        if self._path:
            return os.fsdecode(self._path)
        host, port = self.sockets[0].getsockname()[:2]
        return address_text(host, port)

    def close(self) -> None:
        """Close the sockets, and remove the file of a Unix socket if it is still ours."""
        for sock in self.sockets:
            sock.close()
        if self._file is not None and _identity(self._path) == self._file:
            with suppress(OSError):
                Path(os.fsdecode(self._path)).unlink()
        self._file = None


def address_text(host: str, port: int) -> str:
    """Return `HOST:PORT`, with brackets around an IPv6 address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


async def bind(end: Endpoint) -> Bound:
    """Bind sockets to an address.

    Raises:
        OSError: that is not possible.
    """
    if end.path:
        return await asyncio.get_running_loop().run_in_executor(None, _bind_path, end.path)
    kind = socket.SOCK_DGRAM if end.datagrams else socket.SOCK_STREAM
    addresses: Sequence[tuple[int, str]]
    match end.host:
        case "":
            addresses, needed = _LOOPBACK, 1
        case host if host == ANY_HOST:
            addresses, needed = _ANY, 1
        case host:
            found = await asyncio.get_running_loop().getaddrinfo(host, end.port, type=kind, flags=socket.AI_PASSIVE)
            addresses = list(dict.fromkeys((int(family), _with_zone(where)) for family, _, _, _, where in found))
            needed = len(addresses)
    for _ in range(_ATTEMPTS - 1):
        try:
            return Bound(_bind_all(addresses, needed, end.port, kind))
        except OSError as error:
            if end.port or error.errno != errno.EADDRINUSE:
                raise
    return Bound(_bind_all(addresses, needed, end.port, kind))


def _with_zone(where: Sequence[object]) -> str:
    return f"{where[0]}%{where[3]}" if len(where) == 4 and where[3] else str(where[0])


def _bind_all(addresses: Sequence[tuple[int, str]], needed: int, port: int, kind: int) -> list[socket.socket]:
    """Bind to all addresses; those beyond `needed` may be none of this system's."""
    sockets: list[socket.socket] = []
    try:
        for number, (family, host) in enumerate(addresses):
            try:
                sock = socket.socket(family, kind)
            except OSError as error:
                if number >= needed and error.errno in _NOT_HERE:
                    continue
                raise
            sockets.append(sock)
            sock.setblocking(False)
            # Where there is an exclusive use, the other option would take the port from whoever has it.
            if kind == socket.SOCK_STREAM and not hasattr(socket, "SO_EXCLUSIVEADDRUSE"):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            try:
                sock.bind(socket.getaddrinfo(host, port, family, kind, flags=socket.AI_NUMERICHOST)[0][4])
            except OSError as error:
                if number >= needed and error.errno in _NOT_HERE:
                    sockets.pop().close()
                    continue
                raise
            port = port or int(sock.getsockname()[1])
    except BaseException:
        for sock in sockets:
            sock.close()
        raise
    return sockets


def _bind_path(path: bytes) -> Bound:
    """Bind a Unix socket that only this user can connect to; a file that nobody listens at any more is replaced."""
    sock = local_socket()
    try:
        sock.setblocking(False)
        try:
            sock.bind(path)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or not _is_stale(path):
                raise
            Path(os.fsdecode(path)).unlink()
            sock.bind(path)
        Path(os.fsdecode(path)).chmod(0o600)  # before it listens: nobody has connected
    except BaseException:
        sock.close()
        raise
    return Bound([sock], path)


def _is_stale(path: bytes) -> bool:
    """Tell whether a file is a socket at which nobody listens."""
    try:
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            return False
        with local_socket() as probe:
            probe.settimeout(_STALE_SECONDS)
            probe.connect(path)
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return False


def _identity(path: bytes) -> tuple[int, int] | None:
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino
