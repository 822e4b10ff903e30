"""Receives requests that are too long for one message, for all kinds that run commands."""

# Why: docs/decisions/036-long-requests.md

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from natpass_agent.links.request import BadRequestError
from natpass_wire.aio.link import Link
from natpass_wire.commands import MAX_REQUEST_BYTES
from natpass_wire.pb.envelope_pb2 import MsgType

#: Seconds that a request may take after it was announced: 2 MiB at 10 KB/s, with a cut or two.
ARRIVAL_SECONDS = 300.0
#: Seconds between two pieces at most. A console sends them without a pause, and at 10 KB/s 60 KiB take six seconds. A
#: request that stalls was not run: its opener can ask again.
PROGRESS_SECONDS = 10.0
#: Bytes of all arriving requests together; later ones are told to try again.
MOST_ARRIVING_BYTES = 4 * MAX_REQUEST_BYTES
#: Bytes of one console's arriving requests, such as 32 of xargs' commands at a time. The rest is for the others.
MOST_OF_ONE_BYTES = MOST_ARRIVING_BYTES // 2


class Arriving:
    """The arriving long requests of one agent.

    Args:
        seconds: time limit for one request.
        most: bytes of all of them together at most.
        progress_seconds: time limit for the next piece of one.
        most_of_one: bytes of those of one console at most.
    """

    def __init__(
        self,
        seconds: float = ARRIVAL_SECONDS,
        most: int = MOST_ARRIVING_BYTES,
        progress_seconds: float = PROGRESS_SECONDS,
        most_of_one: int = MOST_OF_ONE_BYTES,
    ) -> None:
        self._seconds = seconds
        self._most = most
        self._progress_seconds = progress_seconds
        self._bytes = 0
        self._most_of_one = most_of_one
        self._of: Counter[bytes | str] = Counter()

    @contextmanager
    def room(self, link: Link, size: int) -> Iterator[None]:
        """Reserve memory for a request; enter this before the link is accepted.

        Args:
            link: the opener's link: a console is known by its key, or by its id if it has shown no key.
            size: the request's size in bytes.

        Raises:
            BadRequestError: it is too long, or too many are arriving.
        """
        if size > MAX_REQUEST_BYTES:
            text = f"the command and its variables have {size} bytes, at most {MAX_REQUEST_BYTES} are taken"
            raise BadRequestError(text)
        opener = link.peer_key or link.peer
        if self._of[opener] + size > self._most_of_one:
            raise BadRequestError("other long commands of this console are on their way: try again in a moment")
        if self._bytes + size > self._most:
            raise BadRequestError("this agent is busy with other long commands: try again in a moment")
        self._bytes += size
        self._of[opener] += size
        try:
            yield
        finally:
            self._bytes -= size
            self._of -= Counter({opener: size})  # drops zero counts

    async def receive(self, link: Link, size: int) -> bytes:
        """Receive a request of `size` bytes.

        Raises:
            BadRequestError: other bytes came, or it takes too long.
            LinkEndedError: the opener has given up.
        """
        data = bytearray()
        loop = asyncio.get_running_loop()
        since = at = loop.time()
        try:
            while len(data) < size:
                at = loop.time()
                async with asyncio.timeout_at(min(at + self._progress_seconds, since + self._seconds)):
                    message = await link.receive()
                if message.type != MsgType.exec_request or not message.exec_request.data:
                    raise BadRequestError(f"{size - len(data)} bytes of the request are missing")
                data += message.exec_request.data
                if len(data) > size:
                    raise BadRequestError(f"the request is longer than the {size} bytes that were announced")
        except TimeoutError:
            raise BadRequestError(
                f"only {len(data)} of the request's {size} bytes came within {loop.time() - since:.0f} s, "
                f"the last of them {loop.time() - at:.0f} s ago"
            ) from None
        return bytes(data)
