"""This machine's limits, to make figures comparable: times differ between machines, ratios hold."""

import asyncio
import multiprocessing
import os
import platform
import socket
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import cast

import uvloop

HOST = "127.0.0.1"
#: Rate of a raw splice on the reference machine, in bytes a second.
REFERENCE_SPLICE = 1.75e9
_CHUNK = 256 * 1024


def machine() -> str:
    """Return a line that describes this machine."""
    model = platform.processor() or platform.machine()
    facts = Path("/proc/cpuinfo")
    if facts.exists():
        lines = facts.read_text().splitlines()
        model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), model)
    system = f"{platform.system()} {platform.release()}"
    return f"{model}, {os.cpu_count()} cores, {system}, Python {platform.python_version()}"


def per_second(work: Callable[[], object], seconds: float = 0.5) -> float:
    """Return how often `work` runs in a second: the best of three runs of about `seconds` / 3 each."""
    once = time.perf_counter()
    work()
    count = max(1, int(seconds / 3 / max(time.perf_counter() - once, 1e-7)))
    best = 0.0
    for _ in range(3):
        begin = time.perf_counter()
        for _ in range(count):
            work()
        best = max(best, count / (time.perf_counter() - begin))
    return best


def memcpy_bytes_per_second(size: int) -> float:
    """Return the rate of copying blocks of `size` bytes."""
    source, target = memoryview(bytes(size)), memoryview(bytearray(size))

    def copy() -> None:
        target[:] = source

    return per_second(copy) * size


def zlib_crc32_bytes_per_second(size: int) -> float:
    """Return the rate of zlib's CRC-32 over blocks of `size` bytes."""
    block = os.urandom(size)
    return per_second(lambda: zlib.crc32(block)) * size


class _Splice(asyncio.BufferedProtocol):
    """Passes what it reads to another transport; stops reading while that is full."""

    def __init__(self) -> None:
        self._buffer = memoryview(bytearray(_CHUNK))
        self.transport: asyncio.Transport | None = None
        self.other: _Splice | None = None
        self.closed = asyncio.Event()
        self.begin = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is not a subclass

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.begin = self.begin or time.perf_counter()
        assert self.other is not None
        assert self.other.transport is not None
        self.other.transport.write(bytes(self._buffer[:nbytes]))

    def pause_writing(self) -> None:
        assert self.other is not None
        assert self.other.transport is not None
        self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        assert self.other is not None
        assert self.other.transport is not None
        self.other.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed.set()
        if self.other is not None and self.other.transport is not None:
            self.other.transport.close()


def splice_bytes_per_second(total: int = 2_000_000_000) -> float:
    """Return the bytes a second that one uvloop moves from one TCP connection to another: the limit of any relay.

    Sender and receiver are separate processes that only make system calls.
    """
    with socket.create_server((HOST, 0)) as entry, socket.create_server((HOST, 0)) as exit_:
        left, right = socket.create_connection(entry.getsockname()), socket.create_connection(exit_.getsockname())
        ends = entry.accept()[0], exit_.accept()[0]
    spawn = multiprocessing.get_context("spawn")  # forked processes would hold copies of all the ends
    children = [
        spawn.Process(target=_send, args=(left, total)),
        spawn.Process(target=_receive, args=(right, total)),
    ]

    async def splice() -> float:
        loop = asyncio.get_running_loop()
        sides = _Splice(), _Splice()
        sides[0].other, sides[1].other = sides[1], sides[0]
        for side, end in reversed(list(zip(sides, ends, strict=True))):  # the sender's last
            end.setblocking(False)
            await loop.connect_accepted_socket(lambda side=side: side, end)  # type: ignore[misc]
        await asyncio.gather(*(side.closed.wait() for side in sides))
        return time.perf_counter() - sides[0].begin

    for child in children:
        child.start()
    left.close()
    right.close()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        took = runner.run(splice())
    for child in children:
        child.join()
    if any(child.exitcode for child in children):
        raise RuntimeError("the splice lost bytes")
    return total / took


def _send(to: socket.socket, total: int) -> None:
    block = memoryview(bytes(_CHUNK))
    while total:
        total -= to.send(block[:total])
    to.shutdown(socket.SHUT_WR)
    to.recv(1)  # only the end comes


def _receive(from_: socket.socket, total: int) -> None:
    room = bytearray(_CHUNK)
    while total:
        got = from_.recv_into(room)
        if not got:
            raise EOFError
        total -= got


def main() -> int:
    """Print the machine and its limits."""
    print(machine())
    splice = splice_bytes_per_second()
    print(f"raw uvloop splice: {splice / 1e9:.2f} GB/s ({splice / REFERENCE_SPLICE:.2f} of the reference machine)")
    return 0
