"""Carriers that peers have made for streams, until their hello names the stream; and the refusal of carriers."""

import asyncio
from collections.abc import Callable

from natpass_wire.aio.carrier import Carrier
from natpass_wire.links import End
from natpass_wire.pb.link_pb2 import ConnectResponse, LinkEnd
from natpass_wire.pb.stream_pb2 import StreamRecord, StreamReply

#: Seconds for the hello of a carrier, and how many carriers of one opener may wait for it.
HELLO_SECONDS = 10.0
MAX_ARRIVALS = 16
#: The same for all openers: none of them has proved yet that it knows the secret, and a client's links are limited. An
#: honest one says hello at once, so the oldest has to go if there are more.
MAX_ALL_ARRIVALS = 256


class Arrivals:
    """The carriers that have not sent their hello yet; their passenger until then.

    Args:
        on_hello: called with a carrier and its first record; raises RemoteProtocolError if that is not a hello.
        seconds: how long the hello may take.
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
        """Stop all timers."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def carrier_sealed(self, carrier: Carrier) -> None:
        """No-op: everything starts with the hello."""

    def carrier_received(self, carrier: Carrier, record: bytes) -> None:
        """Take the first record."""
        self._forget(carrier)
        self._on_hello(carrier, record)

    def carrier_ended(self, carrier: Carrier, end: End) -> None:
        """Forget the carrier."""
        self._forget(carrier)

    def next_record(self, carrier: Carrier) -> None:
        """Return None: nothing is sent before the hello."""
        return

    def _forget(self, carrier: Carrier) -> None:
        timer = self._timers.pop(carrier, None)
        if timer is not None:
            timer.cancel()


class LastWords:
    """The passenger of a carrier whose stream is not served: it sends one reply and ends the carrier."""

    def __init__(self, text: str, reason: ConnectResponse.Reason) -> None:
        self._reply: bytes | None = StreamRecord(reply=StreamReply(text=text, reason=reason)).SerializeToString()
        self._end = End(LinkEnd.FAILED, text)

    def carrier_sealed(self, carrier: Carrier) -> None:
        """Not called: the carrier was sealed before."""

    def carrier_received(self, carrier: Carrier, record: bytes) -> None:
        """Ignore the record."""

    def carrier_ended(self, carrier: Carrier, end: End) -> None:
        """No-op."""

    def next_record(self, carrier: Carrier) -> bytes | None:
        """Return the reply, once; then the carrier ends."""
        reply, self._reply = self._reply, None
        if reply is not None:
            asyncio.get_running_loop().call_soon(carrier.close, self._end)
        return reply
