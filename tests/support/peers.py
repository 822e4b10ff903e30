"""Programs at both sides of a forward: sockets that do what they are told and nothing else."""

import asyncio
import socket
import struct

from natpass_wire.channels.events import Endpoint
from tests.support.waiting import PATIENCE

HOST = "127.0.0.1"
MIB = 1024 * 1024
UNIX = getattr(socket, "AF_UNIX", socket.AF_INET)  # not on Windows


class Peer:
    """A program's socket, which does what it is told and nothing else."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self.sock = sock
        self._loop = asyncio.get_running_loop()

    @classmethod
    async def to(cls, address: str | int) -> "Peer":
        """Connect to a port of loopback, to `HOST:PORT`, or to a path."""
        text = f"{HOST}:{address}" if isinstance(address, int) else address
        is_path = text.startswith("/")
        host, _, port = text.rpartition(":")
        sock = socket.socket(UNIX if is_path else socket.AF_INET6 if ":" in host else socket.AF_INET)
        sock.setblocking(False)
        where = text if is_path else (host.strip("[]"), int(port))
        try:
            await asyncio.get_running_loop().sock_connect(sock, where)
        except BaseException:
            sock.close()
            raise
        return cls(sock)

    async def send(self, data: bytes) -> None:
        async with asyncio.timeout(6 * PATIENCE):
            await self._loop.sock_sendall(self.sock, data)

    async def read(self, size: int) -> bytes:
        """Return exactly so many bytes, or what came before the end."""
        found = bytearray()
        async with asyncio.timeout(6 * PATIENCE):
            while len(found) < size and (data := await self._loop.sock_recv(self.sock, min(MIB, size - len(found)))):
                found += data
        return bytes(found)

    async def read_all(self) -> bytes:
        return await self.read(1 << 40)

    def end(self) -> None:
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def close(self) -> None:
        self.sock.close()


class Target:
    """A program that listens; with `takes_little` its connections hold few bytes that it has not read."""

    def __init__(self, path: str = "", *, takes_little: bool = False) -> None:
        self.sock = socket.socket(UNIX if path else socket.AF_INET)
        if takes_little:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        self.sock.bind(path or (HOST, 0))
        self.sock.listen(1000)
        self.sock.setblocking(False)
        self.path = path
        self.peers: list[Peer] = []

    @property
    def port(self) -> int:
        return int(self.sock.getsockname()[1])

    @property
    def endpoint(self) -> Endpoint:
        if self.path:
            return Endpoint(path=self.path.encode())
        return Endpoint(HOST, self.port)

    async def accept(self) -> Peer:
        async with asyncio.timeout(PATIENCE):
            sock, _ = await asyncio.get_running_loop().sock_accept(self.sock)
        self.peers.append(Peer(sock))
        return self.peers[-1]

    def close(self) -> None:
        self.sock.close()
        for peer in self.peers:
            peer.close()
