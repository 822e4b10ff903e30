"""An opener of `forward` messages, over a link without a network, and targets on loopback."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.link_pb2 import ConnectAddr, ConnectRequest, Data
from tests.agent.fake_link import FakeOpener


class ForwardOpener(FakeOpener):
    """An existing program that asks for a connection, or for datagrams."""

    @classmethod
    def to(cls, kind: ConnectRequest.Kind, host: str, port: int) -> "ForwardOpener":
        return cls(ConnectRequest(name="rule", kind=kind, caddr=ConnectAddr(addr=host, port=port)))

    def say(self, data: bytes) -> None:
        self.deliver(Msg(type=MsgType.forward, data=Data(data=data)))

    @property
    def pieces(self) -> list[bytes]:
        """What came, message by message."""
        return [message.data.data for message in self.sent if message.type == MsgType.forward]

    @property
    def output(self) -> bytes:
        return b"".join(self.pieces)

    @property
    def refusal(self) -> str | None:
        """Why the link was refused, None if it was not answered; empty if it was accepted."""
        return None if self.answer is None else "" if self.answer.ok else self.answer.msg


Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def target(serve: Serve, host: str = "127.0.0.1") -> AsyncIterator[int]:
    """Yield the port of a server on loopback; its connections end with it."""
    writers: list[asyncio.StreamWriter] = []

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        await serve(reader, writer)

    server = await asyncio.start_server(served, host, 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()
