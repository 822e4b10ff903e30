"""A link between two ends in this process, with as much back-pressure as one on a network."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Self

from natpass_wire.aio.link import LinkEndedError
from natpass_wire.frame import MAX_DATA_BYTES
from natpass_wire.links import End
from natpass_wire.pb.envelope_pb2 import Msg
from natpass_wire.pb.link_pb2 import LinkEnd

#: Bytes that wait for the other end before there is no room.
_WINDOW = 256 * 1024


class InProcessLink:
    """One end, as a `Link`. Make both by `pair`.

    Args:
        peer: the client id that the other end stands for.
    """

    peer_key = None
    link_id = ""
    is_plain = False
    detached = None
    resumes = 0
    unacknowledged = None
    is_holding = False

    def __init__(self, peer: str) -> None:
        self.peer = peer
        #: Why the link ended, None while it has not.
        self.end: End | None = None
        self._other = self
        self._unread: deque[Msg] = deque()
        self._unread_bytes = 0
        self._changed = asyncio.Event()
        self._over = asyncio.Event()

    @classmethod
    def pair(cls, peer: str) -> tuple[Self, Self]:
        """Return both ends of a new link."""
        one, other = cls(peer), cls(peer)
        one._other, other._other = other, one
        return one, other

    def watch(self, watcher: Callable[[], None]) -> None:
        """No-op: it never detaches."""

    async def ended(self) -> End:
        """Wait until the link is gone; return why."""
        await self._over.wait()
        assert self.end is not None
        return self.end

    async def room(self) -> int:
        """Wait until there is room to send, see `Link`."""
        while self.end is None and self._other._unread_bytes >= _WINDOW:
            self._changed.clear()
            await self._changed.wait()
        self._check()
        return MAX_DATA_BYTES

    async def send(self, message: Msg, *, newest: bool = False) -> None:
        """Send a message, see `Link`; `newest` is ignored, since nothing is lost."""
        await self.room()
        self.put(message)

    def put(self, message: Msg) -> None:
        """Send a message at once, see `Link`."""
        self._check()
        self._other._unread.append(message)
        self._other._unread_bytes += message.ByteSize()
        self._other._changed.set()

    async def send_serialised(self, message: bytes, *, newest: bool = False) -> None:
        """Send a message that is serialised already, see `Link`."""
        await self.send(Msg.FromString(message))

    def send_urgent(self, message: Msg) -> bool:
        """Return False: here nothing overtakes."""
        return False

    def on_urgent(self, handler: Callable[[Msg], None]) -> None:
        """No-op, as above."""

    @property
    def has_unread(self) -> bool:
        """Whether a message waits to be read."""
        return bool(self._unread)

    async def receive(self) -> Msg:
        """Return the next message, see `Link`."""
        while not self._unread:
            self._check()
            self._changed.clear()
            await self._changed.wait()
        message = self._unread.popleft()
        self._unread_bytes -= message.ByteSize()
        self._other._changed.set()
        return message

    async def receive_batch(self) -> list[Msg]:
        """Return all messages that have arrived, at least one, see `Link`."""
        batch = [await self.receive()]
        while self._unread:
            batch.append(await self.receive())
        return batch

    def close(
        self,
        text: str = "",
        cause: LinkEnd.Cause = LinkEnd.CLOSED,
        status: int | None = None,
        *,
        gives_up: bool = False,
    ) -> None:
        """End the link at both ends. No-op if it has ended."""
        if self.end is None:
            for each in (self, self._other):
                each.end = End(cause, text, status)
                each._over.set()
                each._changed.set()

    def _check(self) -> None:
        if self.end is not None:
            raise LinkEndedError(self.end)
