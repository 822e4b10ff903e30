"""What a forward is measured with: servers that send, take and echo bytes, and clients that count.

`python -m tests.support.forward_load` serves on four free ports of loopback and prints them: `source` sends as many
bytes as it is asked for (8 bytes, big-endian), `sink` takes so many and answers one byte, `echo` echoes, and `once`
answers one byte with one and closes.
"""

import asyncio
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from natpass_wire.aio import runtime

HOST = "127.0.0.1"
_BLOCK = bytes(256 * 1024)
_SIZE = struct.Struct(">Q")


@dataclass(frozen=True)
class Ports:
    """Where the servers listen."""

    source: int
    sink: int
    echo: int
    once: int


def _source(peer: socket.socket) -> None:
    (left,) = _SIZE.unpack(peer.recv(_SIZE.size, socket.MSG_WAITALL))
    while left > 0:
        left -= peer.send(_BLOCK[: min(left, len(_BLOCK))])


def _sink(peer: socket.socket) -> None:
    (left,) = _SIZE.unpack(peer.recv(_SIZE.size, socket.MSG_WAITALL))
    buffer = bytearray(len(_BLOCK))
    while left > 0 and (size := peer.recv_into(buffer)):
        left -= size
    peer.sendall(b"!")


def _serve(peer: socket.socket, is_source: bool) -> None:
    with peer, suppress(OSError, struct.error):
        (_source if is_source else _sink)(peer)


def _accept(server: socket.socket, *, is_source: bool) -> None:
    while True:
        peer, _ = server.accept()
        threading.Thread(target=_serve, args=(peer, is_source), daemon=True).start()


class _Echo(asyncio.Protocol):
    """Echoes; with `once`, one answer and the end."""

    def __init__(self, *, once: bool) -> None:
        self._once = once

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data: bytes) -> None:
        self._transport.write(data)  # type: ignore[attr-defined]  # uvloop's transports are no asyncio.Transport
        if self._once:
            self._transport.close()


async def _main() -> int:
    loop = asyncio.get_running_loop()
    blocking = [socket.create_server((HOST, 0)) for _ in range(2)]
    for server, is_source in zip(blocking, (True, False), strict=True):
        threading.Thread(target=_accept, args=(server,), kwargs={"is_source": is_source}, daemon=True).start()
    echo = await loop.create_server(lambda: _Echo(once=False), HOST, 0, backlog=1024)
    once = await loop.create_server(lambda: _Echo(once=True), HOST, 0, backlog=1024)
    ports = [server.getsockname()[1] for server in (*blocking, *echo.sockets, *once.sockets)]
    print(*ports, flush=True)
    await asyncio.Event().wait()
    return 0


@contextmanager
def servers() -> Iterator[Ports]:
    """Run the servers in a process of their own."""
    command = [sys.executable, "-m", "tests.support.forward_load"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield Ports(*map(int, process.stdout.readline().split()))
        finally:
            process.kill()


def download(port: int, size: int) -> float:
    """Return the seconds that it takes to get so many bytes of a `source`. Raises OSError: fewer came."""
    begin = time.perf_counter()
    with socket.create_connection((HOST, port)) as peer:
        peer.sendall(_SIZE.pack(size))
        buffer = bytearray(len(_BLOCK))
        left = size
        while left > 0 and (came := peer.recv_into(buffer)):
            left -= came
    if left:
        raise OSError(f"{left} bytes did not come")
    return time.perf_counter() - begin


def upload(port: int, size: int) -> float:
    """Return the seconds that it takes until a `sink` has so many bytes. Raises OSError: it did not get them."""
    begin = time.perf_counter()
    with socket.create_connection((HOST, port)) as peer:
        peer.sendall(_SIZE.pack(size))
        left = size
        while left > 0:
            left -= peer.send(_BLOCK[: min(left, len(_BLOCK))])
        if peer.recv(1) != b"!":
            raise OSError("the bytes did not arrive")
    return time.perf_counter() - begin


def echoes(port: int, count: int) -> list[float]:
    """Return the milliseconds of so many echoes of one byte, one after another."""
    found = []
    with socket.create_connection((HOST, port)) as peer:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(count):
            begin = time.perf_counter()
            peer.sendall(b"x")
            if peer.recv(1) != b"x":
                raise OSError("no echo")
            found.append((time.perf_counter() - begin) * 1e3)
    return found


async def connections(port: int, seconds: float, at_once: int) -> tuple[float, int]:
    """Return how many connections a second (open, one byte each way, close) there are, and how many failed."""
    until = time.perf_counter() + seconds
    counts = [0, 0]

    async def one() -> None:
        while time.perf_counter() < until:
            try:
                reader, writer = await asyncio.open_connection(HOST, port)
                writer.write(b"x")
                came = await reader.read()
                writer.close()
                counts[came != b"x"] += 1
            except OSError:
                counts[1] += 1

    begin = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(at_once)))
    return counts[0] / (time.perf_counter() - begin), counts[1]


if __name__ == "__main__":
    runtime.run(_main())
