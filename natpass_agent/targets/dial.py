"""Connects to a target: all its addresses in a race (RFC 8305), Unix sockets, and sockets for datagrams."""

# Why: docs/decisions/011-racing-addresses.md

import asyncio
import errno
import os
import socket
from collections.abc import Callable, Sequence
from typing import Any

from natpass_agent.targets.reasons import RefusedError, reason_of, refused, text_of
from natpass_wire.aio.tasks import Tasks
from natpass_wire.pb.forward_pb2 import ChannelRefused
from natpass_wire.race import Address, Experience, Race, explain, in_order

#: Seconds to connect, once the addresses are known.
CONNECT_SECONDS = 20.0


def _unlimited() -> bool:
    return True


def _nothing() -> None: ...


async def connect(
    addresses: Sequence[Address], take: Callable[[], bool] = _unlimited, give_back: Callable[[], None] = _nothing
) -> tuple[socket.socket, Address]:
    """Return a TCP connection to the first of these addresses that answers, and its address.

    Args:
        addresses: the addresses.
        take: takes a place for one more socket beside the first, and returns whether there was one.
        give_back: gives it back.

    Raises:
        RefusedError: none does.
    """
    ordered = in_order(addresses, Experience())
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            if len(ordered) == 1:
                try:
                    return await _connected(ordered[0]), ordered[0]
                except OSError as error:
                    raise refused(_where(ordered[0]), error) from None
            return await _race(ordered, take, give_back)
    except TimeoutError:
        where = _where(ordered[0]) if len(ordered) == 1 else f"{len(ordered)} addresses"
        raise RefusedError(ChannelRefused.TIMED_OUT, f"{where}: no answer in {CONNECT_SECONDS:.0f} s") from None


async def connect_path(path: str) -> socket.socket:
    """Return a connection to a Unix socket. Raises RefusedError: it can't be had."""
    sock = unix_socket()
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            await asyncio.get_running_loop().sock_connect(sock, path)
    except OSError as error:
        sock.close()
        raise refused(path, error) from None
    except BaseException:
        sock.close()
        raise
    return sock


def datagram_socket(address: Address) -> socket.socket:
    """Return a UDP socket that is connected to an address. Raises RefusedError: it can't be had."""
    try:
        sock = socket.socket(address.family, socket.SOCK_DGRAM)
    except OSError as error:
        raise refused(_where(address), error) from None
    try:
        sock.setblocking(False)
        sock.connect(sockaddr(address))
    except OSError as error:
        sock.close()
        raise refused(_where(address), error) from None
    return sock


def unix_socket() -> socket.socket:
    """Return a new Unix socket. Raises RefusedError: there can't be one."""
    family = getattr(socket, "AF_UNIX", None)
    if family is None:
        raise RefusedError(ChannelRefused.FAILED, "this agent's system has no Unix sockets")
    try:
        sock = socket.socket(family)
    except OSError as error:
        raise refused("a Unix socket", error) from None
    sock.setblocking(False)
    return sock


def sockaddr(address: Address) -> tuple[Any, ...]:
    """Return an address as sockets take it."""
    host, _, zone = address.host.partition("%")
    if address.family != socket.AF_INET6:
        return host, address.port
    number = _zone(zone)
    # In the host, too: uvloop reads a zone only there, and others take both.
    return f"{host}%{number}" if number else host, address.port, 0, number


def _zone(zone: str) -> int:
    if not zone or zone.isdecimal():
        return int(zone or 0)
    try:
        return socket.if_nametoindex(zone)
    except OSError:
        return 0


def _where(address: Address) -> str:
    return f"[{address}]:{address.port}" if ":" in address.host else f"{address}:{address.port}"


async def _connected(address: Address) -> socket.socket:
    """Return a connected socket. Raises OSError."""
    sock = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, sockaddr(address))
    except BaseException:
        sock.close()
        raise
    return sock


async def _race(
    addresses: Sequence[Address], take: Callable[[], bool], give_back: Callable[[], None]
) -> tuple[socket.socket, Address]:
    loop, race, tasks = asyncio.get_running_loop(), Race(addresses), Tasks()
    happened = asyncio.Event()
    won: list[tuple[socket.socket, Address]] = []
    faults: dict[Address, OSError] = {}

    async def attempt(address: Address) -> None:
        try:
            won.append((await _connected(address), address))
        except OSError as error:
            faults[address] = error
            race.failed(address)
        finally:
            happened.set()

    winner = None
    try:
        while not won and not race.is_lost:
            while (address := race.start(loop.time())) is not None:
                is_further = len(tasks) > 0
                if is_further and not take():  # a hostile name has many addresses, none of which answers
                    faults[address] = OSError(errno.EMFILE, os.strerror(errno.EMFILE))
                    race.failed(address)
                    continue
                task = tasks.start(attempt(address), "connect")
                if is_further:
                    task.add_done_callback(lambda _: give_back())
            happened.clear()
            pause = race.pause(loop.time())
            timer = None if pause is None else loop.call_later(pause, happened.set)
            try:
                await happened.wait()
            finally:
                if timer is not None:
                    timer.cancel()
        winner = won[0] if won else None
    finally:
        try:
            await tasks.close()
        except BaseException:
            winner = None  # nobody gets it
            raise
        finally:
            for each in won:
                if each is not winner:
                    each[0].close()
    if winner is None:
        first = faults[min(faults, key=addresses.index)]
        raise RefusedError(reason_of(first), explain({where: text_of(error) for where, error in faults.items()}))
    return winner
