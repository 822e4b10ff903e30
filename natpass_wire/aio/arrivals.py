"""Links that somebody made for a stream, before it is known for which, and those that are turned away."""

import asyncio
from typing import Protocol

from natpass_wire.aio.record_link import RecordLink
from natpass_wire.links import End
from natpass_wire.pb.link_pb2 import ConnectResponse, LinkEnd
from natpass_wire.pb.stream_pb2 import StreamRecord, StreamReply

#: A link has to say which stream it is for within so many seconds, and so many of one opener may be that far.
HELLO_SECONDS = 10.0
MAX_ARRIVALS = 16
#: And so many of all openers: nobody has shown yet to know the secret, and a client has so many links in all. An honest
#: one says hello at once, so the oldest goes where there are more.
MAX_ALL_ARRIVALS = 256


class Door(Protocol):
    """Who knows the streams."""

    def arrived(self, link: RecordLink, record: bytes) -> None:
        """Take the first record of a link."""

    def wake(self, link: RecordLink) -> None:
        """Have the passenger of this link asked for records."""

    def end_link(self, link: RecordLink, end: End) -> None:
        """End a link."""


class Arrivals:
    """The links that have not said for which stream they are; their passenger until then.

    Args:
        door: gets them when they have.
        seconds: how long they may take.
    """

    def __init__(self, door: Door, seconds: float = HELLO_SECONDS) -> None:
        self._door = door
        self._seconds = seconds
        self._timers: dict[RecordLink, asyncio.TimerHandle] = {}

    def __len__(self) -> int:
        return len(self._timers)

    def take(self, link: RecordLink) -> bool:
        """Take a link; False if its opener has too many here already."""
        if sum(link.peer == other.peer for other in self._timers) >= MAX_ARRIVALS:
            return False
        if len(self._timers) >= MAX_ALL_ARRIVALS:
            self._door.end_link(next(iter(self._timers)), End(LinkEnd.FAILED, "too many links wait here for a hello"))
        link.passenger = self
        late = End(LinkEnd.FAILED, f"no hello within {self._seconds:.0f} s")
        self._timers[link] = asyncio.get_running_loop().call_later(self._seconds, self._door.end_link, link, late)
        return True

    def close(self) -> None:
        """Wait for nobody any more."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def link_sealed(self, link: RecordLink) -> None:
        """Wait on: nothing is done before the hello."""

    def link_received(self, link: RecordLink, record: bytes) -> None:
        """Take the first record."""
        self._forget(link)
        self._door.arrived(link, record)

    def link_ended(self, link: RecordLink, end: End) -> None:
        """Forget the link."""
        self._forget(link)

    def next_record(self, link: RecordLink) -> None:
        """Return None: there is nothing to say before the hello."""
        return

    def _forget(self, link: RecordLink) -> None:
        timer = self._timers.pop(link, None)
        if timer is not None:
            timer.cancel()


class LastWords:
    """The passenger of a link whose stream is not served: one reply, and the link's end."""

    def __init__(self, door: Door, text: str, reason: ConnectResponse.Reason) -> None:
        self._door = door
        self._reply: bytes | None = StreamRecord(reply=StreamReply(text=text, reason=reason)).SerializeToString()
        self._end = End(LinkEnd.FAILED, text)

    def link_sealed(self, link: RecordLink) -> None:
        """Not called: it was before."""

    def link_received(self, link: RecordLink, record: bytes) -> None:
        """Take no more."""

    def link_ended(self, link: RecordLink, end: End) -> None:
        """Nothing is left to do."""

    def next_record(self, link: RecordLink) -> bytes | None:
        """Return the reply, once; the link ends behind it."""
        reply, self._reply = self._reply, None
        if reply is not None:
            asyncio.get_running_loop().call_soon(self._door.end_link, link, self._end)
        return reply
