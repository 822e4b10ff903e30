"""From a relay's name to a connection with TLS up: every address of the name takes part in a race.

The race is decided at the end of TLS, not when TCP is connected: a middlebox may accept for an address that is dead,
and go silent. (`create_connection(happy_eyeballs_delay=…)` decides at TCP, and not at all with uvloop.)
"""

import asyncio
import logging
import os
import socket as sockets
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from natpass_wire.aio.runtime import ReadBuffers
from natpass_wire.aio.sockets import FrameHandler, FrameSocket
from natpass_wire.aio.tasks import Tasks
from natpass_wire.errors import NatpassError
from natpass_wire.race import Address, Experience, Race, explain, in_order, names
from natpass_wire.text import printable

log = logging.getLogger(__name__)

#: Seconds for a connection, from the name's addresses to the end of TLS. A console's command gives up after 10 s, and
#: should know why by then.
CONNECT_SECONDS = 8.0


class DialError(NatpassError):
    """There is no connection to the relay; the text says why, safe to print."""


class Newcomer(FrameHandler, Protocol):
    """Who handles a connection from its beginning."""

    socket: FrameSocket

    async def ready(self) -> None:
        """Wait until frames can be sent.

        Raises:
            NatpassError: the connection was lost before.
        """


N = TypeVar("N", bound=Newcomer)


@dataclass(frozen=True, slots=True)
class Place:
    """Where to connect to.

    Attributes:
        host: a name, or a numeric address.
        port: the port.
        tls: the TLS context, None for bare TCP.
    """

    host: str
    port: int
    tls: ssl.SSLContext | None = None

    def __str__(self) -> str:
        shown = printable(self.host)
        return f"[{shown}]:{self.port}" if ":" in shown else f"{shown}:{self.port}"


async def resolve(host: str, port: int) -> list[Address]:
    """Return the addresses that a name has at this moment, the system's favourite first.

    Raises:
        OSError: it has none, or nobody tells.
        ValueError: this does not even fit a question to the name service.
    """
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=sockets.SOCK_STREAM)
    addresses = []
    for family, _, _, _, where in found:
        zone = f"%{where[3]}" if len(where) == 4 and where[3] else ""
        addresses.append(Address(int(family), f"{where[0]}{zone}", int(where[1])))
    return addresses


async def reach(place: Place, make: Callable[[], N], buffers: ReadBuffers, experience: Experience) -> tuple[N, Address]:
    """Connect within 8 s; return the winner's handler, whose connection takes frames, and its address.

    Args:
        place: where to.
        make: makes the handler of an attempt.
        buffers: the loop's read buffers.
        experience: what is known of the addresses.

    Raises:
        DialError: there is no connection, with the reason of each address.
    """
    loop = asyncio.get_running_loop()
    seconds, until = CONNECT_SECONDS, loop.time() + CONNECT_SECONDS
    try:
        async with asyncio.timeout_at(until):
            addresses = in_order(await resolve(place.host, place.port), experience)
    except TimeoutError as error:
        raise DialError(f"cannot reach {place}: the name service does not answer") from error
    except OSError as error:
        raise DialError(f"cannot reach {place}: {reason_of(error)}") from error
    except (TypeError, ValueError) as error:  # TypeError: there is a NUL in it
        log.debug("%s", error)
        raise DialError(f"cannot reach {place}: this is no host name") from error
    race = Race(addresses)
    attempts: list[_Attempt[N]] = []
    tasks = Tasks()
    winner: _Attempt[N] | None = None
    try:
        async with asyncio.timeout_at(until):
            winner = await _first(race, lambda address: _Attempt(place, address, make(), buffers), attempts, tasks)
    except TimeoutError:
        pass
    finally:
        await tasks.close()
        for attempt in attempts:
            if attempt is not winner:
                attempt.handler.socket.abort()
    if winner is None:
        raise DialError(_failure(place, addresses, attempts, seconds))
    return winner.handler, winner.address


class _Attempt(Generic[N]):
    """One address of the race.

    Args:
        place: where to.
        address: the address.
        handler: of the connection.
        buffers: the loop's read buffers.
    """

    def __init__(self, place: Place, address: Address, handler: N, buffers: ReadBuffers) -> None:
        self.address = address
        self.handler = handler
        handler.socket = FrameSocket(handler, buffers, tls=place.tls, server_name=place.host if place.tls else None)
        #: TCP is connected.
        self.is_accepted = False
        #: Why it failed; empty while it has not.
        self.failure = ""

    async def run(self) -> None:
        """Connect; this has failed if there is a `failure` afterwards."""
        loop = asyncio.get_running_loop()
        socket = self.handler.socket
        try:
            await loop.create_connection(lambda: socket, self.address.host, self.address.port)
            self.is_accepted = True
            await self.handler.ready()
        except OSError as error:
            self.failure = reason_of(error)
        except NatpassError as error:
            self.failure = str(error)


async def _first(
    race: Race,
    make: Callable[[Address], _Attempt[N]],
    attempts: list[_Attempt[N]],
    tasks: Tasks,
) -> _Attempt[N] | None:
    """Run the race; return the winner, None if all have failed. Whoever takes part is put into `attempts`."""
    loop = asyncio.get_running_loop()
    running: dict[asyncio.Task[None], _Attempt[N]] = {}
    while not race.is_lost:
        if (address := race.start(loop.time())) is not None:
            attempt = make(address)
            attempts.append(attempt)
            running[tasks.start(attempt.run(), f"connect to {address}")] = attempt
        pause = race.pause(loop.time())
        done, _ = await asyncio.wait(running, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            attempt = running.pop(task)
            task.result()  # what is no failure of the network is a bug of ours
            if not attempt.failure:
                return attempt
            race.failed(attempt.address)
    return None


def _failure(place: Place, addresses: Sequence[Address], attempts: Sequence[_Attempt[N]], seconds: float) -> str:
    """Return why there is no connection."""
    is_name = any(str(address) != place.host for address in addresses)
    silent = [attempt for attempt in attempts if not attempt.failure]
    hint = ""
    if place.tls is not None and any(attempt.is_accepted for attempt in silent):
        hint = " (a relay with --no-tls needs that here as well)"
    if len(silent) == len(attempts):
        which = f": {names(addresses)}" if is_name else ""
        return f"no answer from {place} within {seconds:.0f} s{which}{hint}"
    if not is_name:
        failure = attempts[0].failure
        return failure if attempts[0].is_accepted else f"cannot reach {place}: {failure}"
    untried = addresses[len(attempts) :]
    reasons = {attempt.address: attempt.failure or f"no answer within {seconds:.0f} s" for attempt in attempts}
    return f"cannot reach {place}: {explain(reasons, untried)}{hint}"


def reason_of(error: Exception) -> str:
    """Return what the system says of a failure, without its number."""
    if isinstance(error, ssl.SSLError):
        return str(error.reason)
    if isinstance(error, OSError) and not isinstance(error, sockets.gaierror) and error.errno:
        return os.strerror(error.errno)  # asyncio has words of its own in its place
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
