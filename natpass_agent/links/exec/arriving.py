"""Requests that are too long for one message, while they arrive."""

# Why: docs/decisions/036-long-requests.md

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from natpass_agent.links.exec.request import ExecRequest, check_size, parse_long
from natpass_agent.links.request import BadRequestError
from natpass_wire.aio.link import Link
from natpass_wire.commands import MAX_REQUEST_BYTES
from natpass_wire.pb.envelope_pb2 import MsgType

#: A request has to be here so many seconds after it was announced: 2 MiB by a line of 10 KB/s, with a cut or two.
ARRIVAL_SECONDS = 300.0
#: Seconds between two pieces. A console sends one after another, and a line of 10 KB/s brings one of 60 KiB in six.
#: What has not come by then was not run: its opener can ask once more.
PROGRESS_SECONDS = 10.0
#: Bytes of all requests that are on their way; who comes later is told to come again.
MOST_ARRIVING_BYTES = 4 * MAX_REQUEST_BYTES
#: Of those, bytes of one console, such as 32 of xargs' commands at a time. The rest is for the others.
MOST_OF_ONE_BYTES = MOST_ARRIVING_BYTES // 2


class Arriving:
    """The long requests of one agent.

    Args:
        seconds: how long one may take.
        most: bytes that all of them may have.
        progress_seconds: how long the next piece of one may take.
        most_of_one: bytes that those of one console may have.
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
        """Keep room for a request of so many bytes; to be taken before the link is accepted.

        Args:
            link: the opener's: a console is known by its key, and by its id only if it has shown none.
            size: bytes.

        Raises:
            BadRequestError: it is too long, or too many are on their way.
        """
        check_size(size)
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
            self._of -= Counter({opener: size})  # forgets who has none left

    async def receive(self, link: Link, size: int) -> ExecRequest:
        """Return a request of so many bytes, once all of it is here.

        Raises:
            BadRequestError: it makes no sense, or takes too long.
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
        return parse_long(bytes(data))
