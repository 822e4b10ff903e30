"""Two ends of a link without a network: bounded as a stream is, and its reader gives the sender credit."""

import asyncio
from collections import deque
from collections.abc import Callable

from natpass_wire.aio.link import Detached, LinkEndedError
from natpass_wire.frame import MAX_DATA_BYTES
from natpass_wire.links import End
from natpass_wire.pb.envelope_pb2 import Msg
from natpass_wire.pb.link_pb2 import ConnectResponse, LinkEnd
from tests.support.addresses import check_no_addresses

#: Bytes that wait for the reader before the sender has to.
_WINDOW = 256 * 1024


class MemoryLink:
    """One end. What is sent is serialised and parsed, as on a network."""

    def __init__(self, name: str, key: bytes | None = None) -> None:
        self.peer = name
        self.peer_key = key
        self.link_id = "0123456789abcdef"
        self.is_plain = False
        self.is_holding = False
        self.end: End | None = None
        self.detached: Detached | None = None
        self.resumes = 0
        self.unacknowledged = 0
        self.is_asked = False
        self.refused: End | None = None
        #: Messages that were sent, and those that were to be the newest.
        self.sent = self.newest = 0
        self.other: MemoryLink
        self._unread: deque[bytes] = deque()
        self._bytes = 0
        self._owed = 0
        self._is_stopped = False
        self._watchers: list[Callable[[], None]] = []
        self._changed = asyncio.Event()

    def stop(self) -> None:
        """Have no room from now on, as on a network that is cut."""
        self._is_stopped = True

    def go_on(self) -> None:
        self._is_stopped = False
        self._changed.set()

    def detach(self, reason: str) -> None:
        """Have no way to the other end, until `attach`."""
        self.stop()
        self.detached = Detached(reason, asyncio.get_running_loop().time())
        for watcher in self._watchers:
            watcher()

    def attach(self) -> None:
        """Have a way again."""
        self.detached = None
        self.go_on()
        for watcher in self._watchers:
            watcher()

    def watch(self, watcher: Callable[[], None]) -> None:
        self._watchers.append(watcher)

    async def ended(self) -> End:
        while self.end is None:
            await self._change()
        return self.end

    async def room(self) -> int:
        while self._is_stopped or self.other._bytes >= _WINDOW:
            if self.end is not None:
                raise LinkEndedError(self.end)
            await self._change()
        if self.end is not None:
            raise LinkEndedError(self.end)
        return MAX_DATA_BYTES

    async def send(self, message: Msg, *, newest: bool = False) -> None:
        await self.room()
        self.put(message)
        self.newest += newest

    def put(self, message: Msg) -> None:
        check_no_addresses(message)
        self.sent += 1
        if self.other.end is None:
            data = message.SerializeToString()
            assert len(data) < 0xFFFF
            self.other._unread.append(data)
            self.other._bytes += len(data)
            self.other._changed.set()

    async def send_serialised(self, message: bytes, *, newest: bool = False) -> None:
        await self.send(Msg.FromString(message), newest=newest)

    def send_urgent(self, message: Msg) -> bool:
        return False

    def on_urgent(self, handler: Callable[[Msg], None]) -> None:
        """Take no note: nothing overtakes."""

    @property
    def has_unread(self) -> bool:
        return bool(self._unread)

    async def receive(self) -> Msg:
        self._settle()
        while not self._unread:
            if self.end is not None:
                raise LinkEndedError(self.end)
            await self._change()
        self._owed = len(self._unread[0])
        return Msg.FromString(self._unread.popleft())

    async def receive_batch(self) -> list[Msg]:
        return [await self.receive()]

    def close(
        self,
        text: str = "",
        cause: LinkEnd.Cause = LinkEnd.CLOSED,
        status: int | None = None,
        *,
        gives_up: bool = False,
    ) -> None:
        for end in (self, self.other):
            if end.end is None:
                end.end = End(cause, text, status)
                end._changed.set()

    def accept(self) -> None:
        if self.end is not None:
            raise LinkEndedError(self.end)
        self.is_asked = False

    def refuse(self, text: str, reason: ConnectResponse.Reason = ConnectResponse.FAILED) -> None:
        if self.is_asked:
            self.is_asked = False
            self.refused = End(text=text, reason=reason)
            self.close(text)

    def _settle(self) -> None:
        self._bytes -= self._owed
        self._owed = 0
        self.other._changed.set()

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()


def linked(key: bytes | None = None) -> tuple[MemoryLink, MemoryLink]:
    """Return the ends of a console and of an agent, which knows the console by this key."""
    console, agent = MemoryLink("agent"), MemoryLink("console", key)
    console.other, agent.other = agent, console
    return console, agent
