"""Carriers that somebody made for a stream, before it is known for which, and those that are turned away."""

import asyncio
from collections.abc import Callable

from natpass_wire.aio.carrier import Carrier
from natpass_wire.links import End
from natpass_wire.pb.link_pb2 import ConnectResponse, LinkEnd
from natpass_wire.pb.stream_pb2 import StreamRecord, StreamReply

#: A carrier has to say which stream it is for within so many seconds, and so many of one opener may be that far.
HELLO_SECONDS = 10.0
MAX_ARRIVALS = 16
#: And so many of all openers: nobody has shown yet to know the secret, and a client has so many links in all. An honest
#: one says hello at once, so the oldest goes where there are more.
MAX_ALL_ARRIVALS = 256


class Arrivals:
    """The carriers that have not said for which stream they are; their passenger until then.

    Args:
        on_hello: gets them when they have, with what they said; raises RemoteProtocolError where that is no hello.
        seconds: how long they may take.
    """

    def __init__(self, on_hello: Callable[[Carrier, bytes], None], seconds: float = HELLO_SECONDS) -> None:
        self._on_hello = on_hello
        self._seconds = seconds
        self._timers: dict[Carrier, asyncio.TimerHandle] = {}

    def __len__(self) -> int:
        return len(self._timers)

    def take(self, carrier: Carrier) -> bool:
        """Take a carrier; False if its opener has too many here already."""
        if sum(carrier.peer == other.peer for other in self._timers) >= MAX_ARRIVALS:
            return False
        if len(self._timers) >= MAX_ALL_ARRIVALS:
            next(iter(self._timers)).close(End(LinkEnd.FAILED, "too many links wait here for a hello"))
        carrier.passenger = self
        late = End(LinkEnd.FAILED, f"no hello within {self._seconds:.0f} s")
        self._timers[carrier] = asyncio.get_running_loop().call_later(self._seconds, carrier.close, late)
        return True

    def close(self) -> None:
        """Wait for nobody any more."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def carrier_sealed(self, carrier: Carrier) -> None:
        """Wait on: nothing is done before the hello."""

    def carrier_received(self, carrier: Carrier, record: bytes) -> None:
        """Take the first record."""
        self._forget(carrier)
        self._on_hello(carrier, record)

    def carrier_ended(self, carrier: Carrier, end: End) -> None:
        """Forget it."""
        self._forget(carrier)

    def next_record(self, carrier: Carrier) -> None:
        """Return None: there is nothing to say before the hello."""
        return

    def _forget(self, carrier: Carrier) -> None:
        timer = self._timers.pop(carrier, None)
        if timer is not None:
            timer.cancel()


class LastWords:
    """The passenger of a carrier whose stream is not served: one reply, and its end."""

    def __init__(self, text: str, reason: ConnectResponse.Reason) -> None:
        self._reply: bytes | None = StreamRecord(reply=StreamReply(text=text, reason=reason)).SerializeToString()
        self._end = End(LinkEnd.FAILED, text)

    def carrier_sealed(self, carrier: Carrier) -> None:
        """Not called: it was before."""

    def carrier_received(self, carrier: Carrier, record: bytes) -> None:
        """Take no more."""

    def carrier_ended(self, carrier: Carrier, end: End) -> None:
        """Nothing is left to do."""

    def next_record(self, carrier: Carrier) -> bytes | None:
        """Return the reply, once; the carrier ends behind it."""
        reply, self._reply = self._reply, None
        if reply is not None:
            asyncio.get_running_loop().call_soon(carrier.close, self._end)
        return reply
