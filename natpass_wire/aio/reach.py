"""From a relay's name to a connection with TLS up: a race of all addresses of the name.

The race is decided at the end of TLS, not when TCP is connected: a middlebox may accept a connection for a dead address
and then go silent. (`create_connection(happy_eyeballs_delay=…)` decides at TCP, and uvloop ignores it.)
"""

# Why: docs/decisions/011-racing-addresses.md

import asyncio
import logging
import os
import socket as sockets
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Generic, Protocol, TypeVar

from natpass_wire.aio.runtime import ReadBuffers
from natpass_wire.aio.sockets import FrameHandler, FrameSocket
from natpass_wire.aio.tasks import Tasks
from natpass_wire.aio.tunnel import adopt, ask, connect_tcp
from natpass_wire.errors import NatpassError
from natpass_wire.http_connect import request
from natpass_wire.proxy import Proxy
from natpass_wire.race import Address, Experience, Race, explain, in_order, names
from natpass_wire.text import printable

log = logging.getLogger(__name__)

#: Seconds for a connection, from resolving the name to the end of TLS. A console's command gives up after 10 s, and
#: should know the reason by then.
CONNECT_SECONDS = 8.0
#: Bytes that a relay may send before we are logged in. Most are its certificates; a long chain has 20 KiB.
MAX_BYTES_BEFORE_LOGIN = 64 * 1024


class DialError(NatpassError):
    """The connection to the relay failed; the text says why, safe to print."""


class Newcomer(FrameHandler, Protocol):
    """A handler of a connection from its beginning."""

    socket: FrameSocket

    async def ready(self) -> None:
        """Wait until frames can be sent.

        Raises:
            NatpassError: the connection was lost before.
        """


N = TypeVar("N", bound=Newcomer)


@dataclass(frozen=True, slots=True)
class Destination:
    """Where to connect to.

    Attributes:
        host: a name, or a numeric address.
        port: the port.
        tls: the TLS context, None for bare TCP.
        proxy: the proxy that makes the connection for us, and resolves the name; None: we do.
    """

    host: str
    port: int
    tls: ssl.SSLContext | None = None
    proxy: Proxy | None = None

    def __str__(self) -> str:
        shown = printable(self.host)
        return f"[{shown}]:{self.port}" if ":" in shown else f"{shown}:{self.port}"

    @property
    def hop(self) -> str:
        """The proxy or relay that we connect to directly, for people."""
        return f"the proxy {self.proxy}" if self.proxy is not None else str(self)

    @property
    def through(self) -> str:
        """The proxy on the way, for people; empty without one."""
        return through(self.proxy)

    def check(self) -> None:
        """Raise ValueError or TypeError for a name that TLS or a proxy can't ask for."""
        if self.proxy is not None:
            request(self.host, self.port, None, None)
        if self.tls is not None:
            self.tls.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname=self.host)


def through(proxy: Proxy | None) -> str:
    """Return the proxy on the way to a relay, for people; empty without one."""
    return f" through the proxy {proxy}" if proxy is not None else ""


async def resolve(host: str, port: int) -> list[Address]:
    """Return the present addresses of a name, the system's favourite first.

    Raises:
        OSError: it has none, or the name service fails.
        ValueError: this can't even be asked of the name service.
    """
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=sockets.SOCK_STREAM)
    addresses = []
    for family, _, _, _, where in found:
        zone = f"%{where[3]}" if len(where) == 4 and where[3] else ""
        addresses.append(Address(int(family), f"{where[0]}{zone}", int(where[1])))
    return addresses


async def reach(
    place: Destination, make: Callable[[], N], buffers: ReadBuffers, experience: Experience
) -> tuple[N, Address]:
    """Connect within 8 s; return the winner's handler, whose connection is ready for frames, and its address.

    Args:
        place: the destination.
        make: makes the handler of an attempt.
        buffers: the loop's read buffers.
        experience: what we know of the addresses.

    Raises:
        DialError: the connection failed, with the reason for each address.
    """
    loop = asyncio.get_running_loop()
    seconds, until = CONNECT_SECONDS, loop.time() + CONNECT_SECONDS
    try:
        async with asyncio.timeout_at(until):
            place.check()
            host, port = (place.host, place.port) if place.proxy is None else (place.proxy.host, place.proxy.port)
            addresses = in_order(await resolve(host, port), experience)
    except TimeoutError as error:
        raise DialError(f"cannot reach {place.hop}: the name service does not answer") from error
    except OSError as error:
        raise DialError(f"cannot reach {place.hop}: {reason_of(error)}") from error
    except (TypeError, ValueError) as error:  # TypeError: there is a NUL in it
        log.debug("%s", error)
        raise DialError(f"cannot reach {place}: this is not a host name") from error
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
        # Cut before awaiting anything: a cancellation now would leave them connected.
        _cut(attempts, winner)
        try:
            await tasks.close()
        except BaseException:  # nobody gets the winner
            _cut(attempts, None)
            raise
        _cut(attempts, winner)  # also those that have connected meanwhile
    if winner is None:
        raise DialError(_failure(place, addresses, attempts, seconds))
    return winner.handler, winner.address


def _cut(attempts: "Sequence[_Attempt[N]]", winner: "_Attempt[N] | None") -> None:
    """Close the connections of all attempts but the winner's."""
    for attempt in attempts:
        if attempt is not winner:
            attempt.handler.socket.abort()


class _Stage(IntEnum):
    """The progress of an attempt."""

    CONNECTING = 1  # TCP, to the relay or the proxy
    ASKING = 2  # the proxy for the relay
    THERE = 3  # from now on only the relay and we are involved


class _Attempt(Generic[N]):
    """One address of the race.

    Args:
        place: the destination.
        address: the relay's or the proxy's address.
        handler: the connection's handler.
        buffers: the loop's read buffers.
    """

    def __init__(self, place: Destination, address: Address, handler: N, buffers: ReadBuffers) -> None:
        self._place = place
        self.address = address
        self.handler = handler
        name = place.host if place.tls else None
        handler.socket = FrameSocket(
            handler, buffers, tls=place.tls, server_name=name, allowance=MAX_BYTES_BEFORE_LOGIN
        )
        self.stage = _Stage.CONNECTING
        #: Why it failed; empty if it has not.
        self.failure = ""

    async def run(self) -> None:
        """Connect; after a failure, `failure` is set."""
        try:
            if self._place.proxy is None:
                loop, socket = asyncio.get_running_loop(), self.handler.socket
                await loop.create_connection(lambda: socket, self.address.host, self.address.port)
            else:
                await self._through(self._place.proxy)
            self.stage = _Stage.THERE
            await self.handler.ready()
        except OSError as error:
            broke_off = "broke off: " if self.stage is _Stage.ASKING else ""
            self.failure = f"{broke_off}{reason_of(error)}"
        except NatpassError as error:
            self.failure = str(error)

    async def _through(self, proxy: Proxy) -> None:
        raw = await connect_tcp(self.address)
        try:
            self.stage = _Stage.ASKING
            await ask(proxy, raw, self._place.host, self._place.port)
        except BaseException:
            raw.close()
            raise
        await adopt(raw, self.handler.socket)


async def _first(
    race: Race,
    make: Callable[[Address], _Attempt[N]],
    attempts: list[_Attempt[N]],
    tasks: Tasks,
) -> _Attempt[N] | None:
    """Run the race; return the winner, None if all have failed. Each attempt is added to `attempts`."""
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
            task.result()  # any other error is a bug of ours
            if not attempt.failure:
                return attempt
            race.failed(attempt.address)
    return None


def _failure(place: Destination, addresses: Sequence[Address], attempts: Sequence[_Attempt[N]], seconds: float) -> str:
    """Return why the connection failed."""
    is_name = any(str(address) != (place.proxy or place).host for address in addresses)
    silent = [attempt for attempt in attempts if not attempt.failure]
    hint = ""
    if place.tls is not None and any(attempt.stage is _Stage.THERE for attempt in silent):
        hint = " (a relay with --no-tls needs that here as well)"
    if len(silent) == len(attempts):
        which = f": {names(addresses)}" if is_name else ""
        who = f"{place}{place.through}" if any(each.stage is _Stage.THERE for each in attempts) else place.hop
        return f"no answer from {who} within {seconds:.0f} s{which}{hint}"
    told = {each.failure for each in attempts if each.failure and each.stage is _Stage.ASKING}
    if not is_name and attempts[0].stage is not _Stage.ASKING:
        failure = attempts[0].failure
        there = attempts[0].stage is _Stage.THERE
        return f"{failure}{place.through}" if there else f"cannot reach {place.hop}: {failure}"
    untried = addresses[len(attempts) :]
    reasons = {attempt.address: attempt.failure or f"no answer within {seconds:.0f} s" for attempt in attempts}
    if len(told) == 1 and all(attempt.stage <= _Stage.ASKING for attempt in attempts):  # what the proxy says counts
        others = {each.address: reasons[each.address] for each in attempts if each.failure not in told}
        return f"{place.hop} {told.pop()}" + (f" ({explain(others, untried)})" if others else "")
    who = place.hop if all(each.stage is _Stage.CONNECTING for each in attempts) else f"{place}{place.through}"
    return f"cannot reach {who}: {explain(reasons, untried)}{hint}"


def reason_of(error: Exception) -> str:
    """Return the system's text for a failure, without its number."""
    if isinstance(error, ssl.SSLError):
        return str(error.reason)
    if isinstance(error, OSError) and not isinstance(error, sockets.gaierror) and error.errno:
        return os.strerror(error.errno)  # asyncio puts its own text in its place
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
