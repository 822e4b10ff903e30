"""The targets that openers name, and connections to them: which address, and whether it may be reached."""

import asyncio
import socket
from collections.abc import Callable, Sequence

from natpass_wire.errors import NatpassError
from natpass_wire.pb.link_pb2 import ConnectRequest
from natpass_wire.race import MOST_ATTEMPTS, Address
from natpass_wire.text import printable

#: Returns why an address and a port may not be reached, None if they may. Asked with numeric addresses only: a name may
#: resolve to anything.
Allows = Callable[[str, int], str | None]

#: Seconds for resolving a name and connecting. Existing openers wait 10 s for an answer (docs/wire.md §5).
CONNECT_SECONDS = 8.0
#: Bytes of a host name (RFC 1035).
_MOST_HOST = 253


class TargetError(NatpassError):
    """The target can't be reached, or may not be; the text says why, safe to print."""


def everything(_address: str, _port: int) -> str | None:
    """Allow every address."""
    return None


def asked_target(request: ConnectRequest) -> tuple[str, int]:
    """Return the host and port of an existing program's request, as that program means them.

    Its rules write IPv6 addresses in brackets, and no host means this machine.

    Raises:
        TargetError: the request is invalid.
    """
    host, port = request.caddr.addr, request.caddr.port
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    if not 0 < port < 65536:
        raise TargetError(f"port {port} is not one of 1 to 65535")
    if len(host) > _MOST_HOST or "\0" in host:
        raise TargetError(f"{printable(host, 40)!r} is not a host name")
    return host or "localhost", port


def shown(host: str, port: int) -> str:
    """Return a target for people, safe to print."""
    host = printable(host, _MOST_HOST)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


async def resolved(host: str, port: int, allows: Allows, kind: socket.SocketKind) -> list[Address]:
    """Return the addresses of a target that may be reached, in the system's order.

    Raises:
        TargetError: there are none, or none may be reached.
        TimeoutError: see `connected`.
    """
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=kind)
    except OSError as error:
        raise TargetError(f"{shown(host, port)}: {error.strerror or 'no such host'}") from error
    except ValueError as error:  # the name can't be encoded
        raise TargetError(f"{printable(host, 40)!r} is not a host name") from error
    addresses = list(dict.fromkeys(Address(int(family), _numeric(where), port) for family, _, _, _, where in found))
    refusals = {address: allows(address.host, port) for address in addresses}
    allowed = [address for address in addresses if refusals[address] is None]
    if not allowed:
        reason = next((text for text in refusals.values() if text), "it has no address")
        raise TargetError(f"{shown(host, port)}: {reason}")
    return allowed[:MOST_ATTEMPTS]


async def connected(
    host: str, port: int, allows: Allows, limit: int, seconds: float = CONNECT_SECONDS
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to a target, at the first of its addresses that answers and may be reached.

    Args:
        host: a name, or a numeric address.
        port: the port.
        allows: tells which addresses may be reached.
        limit: bytes that the reader keeps.
        seconds: the time limit.

    Raises:
        TargetError: that failed.
    """
    try:
        async with asyncio.timeout(seconds):
            return await _first(await resolved(host, port, allows, socket.SOCK_STREAM), limit, seconds)
    except TimeoutError as error:
        raise TargetError(f"{shown(host, port)}: no answer within {seconds:.0f} s") from error


async def _first(
    addresses: Sequence[Address], limit: int, seconds: float
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Try the addresses in turn; each gets its share of the time."""
    failure = ""
    for at, address in enumerate(addresses):
        is_last = at == len(addresses) - 1
        try:
            async with asyncio.timeout(None if is_last else seconds / len(addresses)):
                return await asyncio.open_connection(address.host, address.port, limit=limit)
        except TimeoutError:
            if is_last:
                raise
            failure = "no answer"
        except OSError as error:
            failure = reason_of(error)
    raise TargetError(f"{shown(addresses[-1].host, addresses[-1].port)}: {failure}")


def reason_of(error: OSError) -> str:
    """Return a connection's failure for people."""
    return "connection refused" if isinstance(error, ConnectionRefusedError) else error.strerror or str(error)


def _numeric(where: Sequence[object]) -> str:
    zone = f"%{where[3]}" if len(where) == 4 and where[3] else ""
    return f"{where[0]}{zone}"
