"""Listening sockets, opened before any file is written: if a port is taken, the start fails without a trace."""

# Why: docs/decisions/017-dual-stack.md

import contextlib
import errno
import os
import socket
from collections.abc import Iterator, Sequence
from ipaddress import IPv6Address, ip_address
from typing import NoReturn

from natpass_relay.addresses import ListenAddress, clash, plain
from natpass_relay.platform.sockets import take_address
from natpass_wire.aio.dial import RelayAddress
from natpass_wire.errors import UserError
from natpass_wire.text import printable

#: Connections that the system may queue for us: thousands come at once after a restart.
BACKLOG = 1024

_Info = tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[object, ...]]


@contextlib.contextmanager
def listening(addresses: Sequence[RelayAddress]) -> Iterator[list[socket.socket]]:
    """Open listening sockets, see `listen_on`, and close them in the end.

    Raises:
        UserError: as `listen_on`.
    """
    found = listen_on(addresses)
    try:
        yield found
    finally:
        for listener in found:
            listener.close()


def listen_on(addresses: Sequence[RelayAddress]) -> list[socket.socket]:
    """Return sockets that listen on all of these, in order.

    A name stands for all its addresses that this machine has. `::` takes IPv4 as well.

    Raises:
        UserError: one of them can't be listened on, or one includes another.
    """
    resolved = [(address, _resolved(address)) for address in addresses]
    places = [
        ListenAddress(plain(ip_address(str(info[4][0]))), address.port, str(address))
        for address, infos in resolved
        for info in infos
    ]
    if fault := clash(places):
        raise UserError(fault)
    with contextlib.ExitStack() as stack:
        found: list[socket.socket] = []
        for address, infos in resolved:
            found += [stack.enter_context(listener) for listener in _listen(address, infos)]
        stack.pop_all()
        return found


def address_of(listener: socket.socket) -> RelayAddress:
    """Return where a socket listens."""
    host, port, *rest = listener.getsockname()
    if rest and rest[1]:  # a link-local address means nothing without its interface
        host = f"{host.partition('%')[0]}%{socket.if_indextoname(rest[1])}"
    return RelayAddress(host, port)


def _resolved(address: RelayAddress) -> list[_Info]:
    try:
        infos = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP, flags=socket.AI_PASSIVE
        )
    except (OSError, UnicodeError) as error:
        _fail(address, error)
    ours = [info for info in infos if info[0] in {socket.AF_INET, socket.AF_INET6}]
    return list({info[4]: info for info in ours}.values())  # /etc/hosts may have duplicates


def _listen(address: RelayAddress, infos: Sequence[_Info]) -> list[socket.socket]:
    found: list[socket.socket] = []
    missing: OSError | None = None
    for family, kind, protocol, _, name in infos:
        try:
            listener = socket.socket(family, kind, protocol)
        except OSError as error:
            missing = error
            continue
        try:
            take_address(listener)
            if family == socket.AF_INET6:  # the system's default is a setting (net.ipv6.bindv6only)
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            listener.bind(name)
            listener.listen(BACKLOG)  # two sockets can bind one port, but only one can listen
        except OSError as error:
            listener.close()
            missing = error
            if error.errno == errno.EADDRNOTAVAIL and len(infos) > 1:  # localhost may be a ::1 that is missing here
                continue
            for other in found:
                other.close()
            _fail(address, error)
        found.append(listener)
    if not found and missing is not None:
        _fail(address, missing)
    return found


def _fail(address: RelayAddress, error: Exception) -> NoReturn:
    if not isinstance(error, OSError):
        raise UserError(f"cannot listen on {printable(str(address))}: this is not a host name") from error
    known = error.errno is not None and error.errno > 0  # negative numbers are from name resolution
    why = os.strerror(error.errno or 0) if known else error.strerror or str(error)
    if error.errno == errno.EAFNOSUPPORT or (error.errno == errno.EADDRNOTAVAIL and _is_of_every_machine(address.host)):
        why = f"this system has no IPv6 (0.0.0.0:{address.port} is all of its IPv4 addresses)"
    raise UserError(f"cannot listen on {printable(str(address))}: {printable(why)}") from error


def _is_of_every_machine(host: str) -> bool:
    """Tell whether every machine with IPv6 has this address."""
    try:
        return ip_address(host) in {IPv6Address("::"), IPv6Address("::1")}
    except ValueError:
        return False
