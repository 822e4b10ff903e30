"""Requests that are too long for one message, while they arrive."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from natpass_agent.links.exec.request import ExecRequest, check_size, parse_long
from natpass_agent.links.request import BadRequestError
from natpass_wire.aio.link import Link
from natpass_wire.commands import MAX_REQUEST_BYTES
from natpass_wire.pb.envelope_pb2 import MsgType

#: A request has to be here so many seconds after it was announced: 2 MiB by a line of 10 KB/s, with a cut or two.
ARRIVAL_SECONDS = 300.0
#: Bytes of all requests that are on their way; who comes later is told to come again.
MOST_ARRIVING_BYTES = 4 * MAX_REQUEST_BYTES


class Arriving:
    """The long requests of one agent.

    Args:
        seconds: how long one may take.
        most: bytes that all of them may have.
    """

    def __init__(self, seconds: float = ARRIVAL_SECONDS, most: int = MOST_ARRIVING_BYTES) -> None:
        self._seconds = seconds
        self._most = most
        self._bytes = 0

    @contextmanager
    def room(self, size: int) -> Iterator[None]:
        """Keep room for a request of so many bytes; to be taken before the link is accepted.

        Raises:
            BadRequestError: it is too long, or too many are on their way.
        """
        check_size(size)
        if self._bytes + size > self._most:
            raise BadRequestError("this agent is busy with other long commands: try again in a moment")
        self._bytes += size
        try:
            yield
        finally:
            self._bytes -= size

    async def receive(self, link: Link, size: int) -> ExecRequest:
        """Return a request of so many bytes, once all of it is here.

        Raises:
            BadRequestError: it makes no sense, or takes too long.
            LinkEndedError: the opener has given up.
        """
        data = bytearray()
        try:
            async with asyncio.timeout(self._seconds):
                while len(data) < size:
                    message = await link.receive()
                    if message.type != MsgType.exec_request or not message.exec_request.data:
                        raise BadRequestError(f"{size - len(data)} bytes of the request are missing")
                    data += message.exec_request.data
                    if len(data) > size:
                        raise BadRequestError(f"the request is longer than the {size} bytes that were announced")
        except TimeoutError:
            raise BadRequestError(
                f"only {len(data)} of the request's {size} bytes came within {self._seconds:.0f} s"
            ) from None
        return parse_long(bytes(data))
