"""Carriers that peers have made for streams, until their hello names the stream; and the refusal of carriers."""

# Why: docs/decisions/072-arithmetic-in-turn.md

import asyncio
import secrets
from collections.abc import Callable

from natpass_wire.aio.carrier import Carrier
from natpass_wire.links import End
from natpass_wire.pb.link_pb2 import ConnectResponse, LinkEnd
from natpass_wire.pb.stream_pb2 import StreamRecord, StreamReply
from natpass_wire.stream.handshake_limiter import HandshakeLimiter, Offered, Verdict
from natpass_wire.stream.places import EvictionClass, Owner, Places, Rank

#: Seconds for the hello of a carrier, and how many carriers of one opener may wait for it; and how many while half of
#: all places are free, if it has proved a key lately: it may resume hundreds of streams at once.
HELLO_SECONDS = 10.0
MAX_ARRIVALS, MAX_PROVED_ARRIVALS = 16, 64
#: The same for all openers: a client's links are limited. An honest opener says hello at once, so the oldest carrier of
#: the largest holder has to go if there are more.
MAX_ALL_ARRIVALS = 256
#: The beginning of the owners of openers that have not proved a key lately, and of those that have.
_STRANGERS, _PROVED = "strangers", "proved"


class Arrivals:
    """The carriers that have not sent their hello yet; their passenger until then.

    Args:
        on_hello: called with a carrier and its first record; raises RemoteProtocolError if that is not a hello.
        seconds: how long the hello may take.
    """

    def __init__(self, on_hello: Callable[[Carrier, bytes], None], seconds: float = HELLO_SECONDS) -> None:
        self._on_hello = on_hello
        self._seconds = seconds
        self._limiter = HandshakeLimiter(secrets.token_bytes(32))
        self._timers: dict[Carrier, asyncio.TimerHandle] = {}
        self._places: Places[Carrier] = Places(MAX_ALL_ARRIVALS)

    def __len__(self) -> int:
        return len(self._timers)

    def judge(self, offer: Offered) -> tuple[Verdict, bytes]:
        """Decide whether an offer gets the arithmetic of a handshake now.

        Returns:
            The verdict, and the cookie with which to come again; empty unless the verdict is COOKIE.
        """
        now = self._now()
        if self._has_too_many(self._owner(offer.peer, offer.origin)):
            return Verdict.LATER, b""
        verdict = self._limiter.judge(offer, self._places.held((_STRANGERS,)), now)
        return verdict, self._limiter.cookie(offer, now) if verdict is Verdict.COOKIE else b""

    def proved(self, peer: str, owner: Owner) -> None:
        """Record that a client has proved a key, which belongs to `owner`: strangers do not take its turn."""
        self._limiter.proved(peer, owner, self._now())

    def take(self, carrier: Carrier) -> bool:
        """Take a carrier; False if its opener has too many here already."""
        owner = self._owner(carrier.peer, carrier.origin)
        if self._has_too_many(owner):
            return False
        room = self._places.room(owner, lambda waiting: Rank(EvictionClass.AWAY, self._timers[waiting].when()))
        if not room.granted:
            return False
        if room.victim is not None:
            room.victim.close(End(LinkEnd.FAILED, "too many links wait here for a hello"))
        carrier.passenger = self
        self._places.take(carrier, owner)
        self._timers[carrier] = asyncio.get_running_loop().call_later(self._seconds, self._late, carrier)
        return True

    def close(self) -> None:
        """Stop all timers."""
        for carrier in list(self._timers):
            self._forget(carrier)

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

    def _owner(self, peer: str, origin: bytes) -> Owner:
        known = self._limiter.owner(peer, self._now())
        return (_STRANGERS, origin, peer) if known is None else (_PROVED, *known, peer)

    def _has_too_many(self, owner: Owner) -> bool:
        may_have_many = owner[0] == _PROVED and len(self._places) < MAX_ALL_ARRIVALS // 2
        return self._places.held(owner) >= (MAX_PROVED_ARRIVALS if may_have_many else MAX_ARRIVALS)

    def _late(self, carrier: Carrier) -> None:
        self._limiter.failed(carrier.peer)
        carrier.close(End(LinkEnd.FAILED, f"no hello within {self._seconds:.0f} s"))

    def _forget(self, carrier: Carrier) -> None:
        timer = self._timers.pop(carrier, None)
        if timer is not None:
            timer.cancel()
        self._places.give_back(carrier)

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


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
