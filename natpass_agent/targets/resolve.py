"""Looks names and paths up, in threads: the name service may take a minute, and nobody else may wait for that."""

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable, Hashable, Iterable
from dataclasses import replace
from ipaddress import ip_address
from typing import Any

from natpass_agent.targets.lookups import Lookups
from natpass_agent.targets.reasons import RefusedError, not_allowed, refused
from natpass_wire.channels.events import Endpoint
from natpass_wire.identity.patterns import IpAddress, Reach, TargetPattern, dialled
from natpass_wire.pb.forward_pb2 import ChannelRefused
from natpass_wire.race import Address
from natpass_wire.text import printable

#: Addresses of a name that are looked at: a hostile name server may return any number.
_MOST_ADDRESSES = 64

Lookup = Callable[[str, int], list[tuple[Any, ...]]]


def _getaddrinfo(host: str, port: int) -> list[tuple[Any, ...]]:
    return list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))


class Resolver:
    """Looks up for one link.

    Args:
        lookup: asks the name service, as `socket.getaddrinfo` does; it may block.
        lookups: the threads of the agent.
        owner: to whom they are counted.
    """

    def __init__(self, lookup: Lookup = _getaddrinfo, lookups: Lookups | None = None, owner: Hashable = None) -> None:
        self._lookup = lookup
        self._lookups = Lookups() if lookups is None else lookups
        self._owner = owner

    async def addresses(self, host: str, port: int) -> list[Address]:
        """Return the addresses that a host has now, as they will be dialled, the system's favourite first.

        Raises:
            RefusedError: it has none.
        """
        with contextlib.suppress(ValueError):
            return [_address(dialled(address := ip_address(host)), port, getattr(address, "scope_id", None))]
        name = printable(host)
        if not host:
            raise RefusedError(ChannelRefused.NO_HOST, "no host is named")
        try:
            found = await self._lookups.run(lambda: self._lookup(host, port), self._owner)
        except TimeoutError:
            raise RefusedError(ChannelRefused.NO_HOST, f"{name}: the name service does not answer") from None
        except (UnicodeError, ValueError, TypeError):
            raise RefusedError(ChannelRefused.NO_HOST, f"{name} is not a host name") from None
        except OSError as error:
            raise refused(name, error) from None
        addresses = []
        for _, _, _, _, where in found[:_MOST_ADDRESSES]:
            zone = str(where[3]) if len(where) == 4 and where[3] else None
            with contextlib.suppress(ValueError):
                addresses.append(_address(dialled(ip_address(str(where[0]).partition("%")[0])), port, zone))
        if not addresses:
            raise RefusedError(ChannelRefused.NO_HOST, f"{name} has no address")
        return list(dict.fromkeys(addresses))

    async def allowed(self, target: Endpoint, limits: Reach) -> tuple[list[Address], dict[str, list[IpAddress]]]:
        """Return the addresses of a target that may be dialled, and those of the rules' names, if they mattered.

        The addresses themselves are checked, and these very ones are to be dialled: another lookup may say something
        else.

        Raises:
            RefusedError: it has no address, or none of them is allowed.
        """
        found = await self.addresses(target.host, target.port)
        named: dict[str, list[IpAddress]] = {}
        allowed = [each for each in found if limits.allows(ip_of(each), target.port, named)]
        if len(allowed) < len(found) and (names := limits.names(target.port)):
            named = await self.named(names)
            allowed = [each for each in found if limits.allows(ip_of(each), target.port, named)]
        if not allowed:
            raise not_allowed(text_of(target))
        return allowed, named

    async def named(self, names: Iterable[str]) -> dict[str, list[IpAddress]]:
        """Return the addresses of names, none for those that have none."""

        async def one(name: str) -> list[IpAddress]:
            try:
                return [ip_of(each) for each in await self.addresses(name, 0)]
            except RefusedError:
                return []

        wanted = sorted(names)
        return dict(zip(wanted, await asyncio.gather(*map(one, wanted)), strict=True))

    async def path(self, target: Endpoint, limits: Reach) -> str:
        """Return the path of a Unix socket without links.

        Raises:
            RefusedError: it is not allowed.
        """
        try:
            path = await self._lookups.run(lambda: _real_path(target.path, limits), self._owner)
        except (OSError, ValueError):
            raise RefusedError(ChannelRefused.FAILED, f"{text_of(target)} can't be looked up") from None
        if path is None:
            raise not_allowed(text_of(target))
        return path


def text_of(target: Endpoint) -> str:
    """Return a target for people, safe to print."""
    if target.path:
        return printable(os.fsdecode(target.path))
    host = printable(target.host) or "127.0.0.1"  # a listener's, where nothing means loopback
    return f"[{host}]:{target.port}" if ":" in host else f"{host}:{target.port}"


def ip_of(address: Address) -> IpAddress:
    """Return an address without its port and zone."""
    return ip_address(address.host.partition("%")[0])


def _address(ip: IpAddress, port: int, zone: str | None = None) -> Address:
    family = socket.AF_INET if ip.version == 4 else socket.AF_INET6
    return Address(int(family), f"{ip}%{zone}" if zone and ip.version == 6 else str(ip), port)


def _real_path(path: bytes, limits: Reach) -> str | None:
    """Return a path without links, None if it is not allowed."""
    real = os.path.realpath(os.fsdecode(path), strict=False)
    return real if allows_real_path(limits, real) else None


def allows_real_path(limits: Reach, path: str) -> bool:
    """Tell whether a path without links is allowed. A pattern stands for what its folder is now."""
    return Reach(tuple(tuple(map(_resolved, patterns)) for patterns in limits.lists)).allows_path(path)


def _resolved(pattern: TargetPattern) -> TargetPattern:
    """Return a pattern of paths whose folders, up to the first with a wildcard, are no links."""
    if pattern.path in {"", "*"}:
        return pattern
    parts = pattern.path.split("/")
    fixed = next((at for at, part in enumerate(parts) if set(part) & set("*?[")), len(parts))
    real = os.path.realpath("/".join(parts[:fixed]) or "/").rstrip("/")
    return replace(pattern, path="/".join([real, *parts[fixed:]]))
