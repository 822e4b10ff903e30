"""All streams of one client: they outlive its connections, and each gets its next link here."""

# Why: docs/decisions/025-who-keeps-a-stream.md
# Why: docs/decisions/071-places-by-proved-key.md

import asyncio
import logging
import secrets
from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import partial

from natpass_wire.aio.arrivals import Arrivals, LastWords
from natpass_wire.aio.carrier import Carrier
from natpass_wire.aio.link import IncomingLink, Link, LinkEndedError
from natpass_wire.aio.plain_links import OPEN_SECONDS
from natpass_wire.aio.relay_connection import RelayConnection
from natpass_wire.aio.stream import Stream, now
from natpass_wire.errors import LocalProtocolError
from natpass_wire.links import End
from natpass_wire.pb.link_pb2 import ConnectRequest, ConnectResponse, LinkEnd
from natpass_wire.stream.core import StreamCore, StreamPhase
from natpass_wire.stream.handshake_limiter import Offered, Verdict
from natpass_wire.stream.places import EvictionClass, Owner, Places, Rank, listed, unlisted
from natpass_wire.stream.receiver import Room
from natpass_wire.stream.records import STREAM_ID_BYTES, parse_hello
from natpass_wire.stream.sender import PROCESS_KEPT
from natpass_wire.text import printable

log = logging.getLogger(__name__)

#: Seconds for which a target keeps a stream whose opener is away: a long tunnel, a lunch with the lid closed.
KEEP_SECONDS = 3600.0
#: The most streams of one client, including those whose end is not acknowledged yet.
MAX_STREAMS = 512
#: Seconds within which a peer acknowledges an end that it has been sent; it needs no reader for that.
CLOSING_SECONDS = 30.0
#: Seconds before the next link for a detached stream: the first is made at once, then the delay doubles.
_FIRST_RETRY, _MOST_RETRY = 0.1, 0.5
#: The same for a stream that only has its end left to send: nobody waits for that.
_MOST_RETRY_OF_END = 8.0
#: A link is given up if the other end does not answer our hello within so many seconds.
_ANSWER_SECONDS = 10.0
#: Ids of streams that a target remembers after they are gone: of each owner, and for how many owners.
_MOST_SERVED, _MOST_OWNERS = 1024, 256
GONE_TEXT = "the agent was restarted, or has given this link up"

_Key = tuple[str, bytes]


@dataclass(slots=True)
class _Care:
    """The timers of one stream.

    Attributes:
        since: when it was opened.
        timer: while it is detached, or not answered.
        delay: seconds before the next link.
        closing_since: since when its end waits for a link, 0.0 if it does not.
        closing: looks whether the end is acknowledged.
        kept: units that the peer has not acknowledged, and since when there are so many.
        carrier: the present carrier, and since when it carries the stream.
    """

    since: float
    timer: asyncio.TimerHandle | None = None
    delay: float = 0.0
    closing_since: float = 0.0
    closing: asyncio.TimerHandle | None = None
    kept: int = 0
    kept_since: float = 0.0
    carrier: Carrier | None = None
    carried_since: float = 0.0

    def cancel(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def close(self) -> None:
        self.cancel()
        if self.closing is not None:
            self.closing.cancel()
            self.closing = None


class Streams:
    """The streams of one client.

    Args:
        on_stream: called with streams that peers ask for; None: we serve none.
        keep_seconds: how long we keep a stream whose opener is away.
        is_listed: tells whether we know a static key by name: its links have places of their own then.
    """

    def __init__(
        self,
        on_stream: Callable[[IncomingLink, ConnectRequest], None] | None = None,
        keep_seconds: float = KEEP_SECONDS,
        is_listed: Callable[[bytes], bool] = lambda _key: False,
    ) -> None:
        self._on_stream = on_stream
        self._keep_seconds = keep_seconds
        self._is_listed = is_listed
        self._connection: RelayConnection | None = None
        self._streams: dict[_Key, Stream] = {}
        self._care: dict[Stream, _Care] = {}
        self._owners: dict[Stream, Owner] = {}
        self._places: Places[Stream] = Places(MAX_STREAMS)  # of the streams that peers have opened
        self._served: dict[Hashable, deque[bytes]] = {}  # ids of streams, also of those that are gone, by owner
        self._arrivals = Arrivals(self._arrived)
        self._room = Room()
        self._kept = Room(PROCESS_KEPT)
        self._changed = asyncio.Event()
        #: Returns why a stream that a peer opened may not go on over another carrier, empty if it may.
        self.why_not_resume: Callable[[Stream], str] = lambda _: ""

    def __len__(self) -> int:
        """Return how many streams there are, including those whose end is still on its way."""
        return len(self._streams)

    @property
    def is_waiting(self) -> bool:
        """Whether a stream waits for a connection."""
        return any(not stream.core.is_attached for stream in self._streams.values())

    # what the client calls

    def online(self, connection: RelayConnection) -> None:
        """Take the next connection: all streams that we opened go on over it."""
        self._connection = connection
        for stream in list(self._streams.values()):
            if stream.core.is_opener and stream.carrier is None:
                self._attach(stream)

    def offline(self) -> None:
        """Record that there is no connection: it has ended all carriers."""
        self._connection = None
        for stream in list(self._streams.values()):
            if stream.core.is_opener and not stream.core.is_attached:
                self._care[stream].cancel()  # the next connection brings the next link

    def retry(self, peer: str) -> None:
        """Note that `peer` is back: detached streams to it go on at once."""
        for stream in list(self._streams.values()):
            if stream.peer == peer and stream.core.is_opener and stream.carrier is None:
                self._care[stream].delay = 0.0
                self._attach(stream)

    async def open(self, peer: str, request: ConnectRequest, timeout: float = OPEN_SECONDS) -> Link:
        """Open a stream to `peer` and wait for its answer.

        Raises:
            LinkEndedError: it was refused, or not answered in time.
            LocalProtocolError: there are too many streams.
        """
        if len(self._streams) >= MAX_STREAMS:
            raise LocalProtocolError(f"there are {MAX_STREAMS} streams already")
        core = StreamCore(secrets.token_bytes(STREAM_ID_BYTES), request, self._room, peer, self._kept)
        stream = self._add(Stream(core, peer, self._stream_changed))
        try:
            self._attach(stream)
            async with asyncio.timeout(timeout):
                await stream.opened()
        except TimeoutError as error:
            text = f"{printable(peer)} did not answer within {timeout:.0f} s"
            if stream.detached is not None:
                text = f"{text}: {stream.detached.reason}"
            stream.close(text, LinkEnd.FAILED)
            raise LinkEndedError(End(LinkEnd.FAILED, text, reason=ConnectResponse.ABSENT)) from error
        except BaseException:
            stream.close()  # end it over there as well, if it is open or will be
            raise
        return stream

    def owner_of(self, link: Link) -> Owner:
        """Return to whom the places of a link that a peer has opened are counted."""
        if isinstance(link, Stream) and link in self._owners:
            return self._owners[link]
        return unlisted(b"", link.peer)

    def kept_until(self, link: Link) -> float | None:
        """Return when a stream whose opener is away is given up, in the loop's time; None if that does not apply."""
        if not isinstance(link, Stream) or link.core.is_opener or link.detached is None:
            return None
        care = self._care.get(link)
        return care.timer.when() if care is not None and care.timer is not None else None

    async def settled(self, seconds: float) -> None:
        """Wait until the other sides have acknowledged the ends of our streams, at most so many seconds."""
        try:
            async with asyncio.timeout(seconds):
                while any(stream.core.state is StreamPhase.CLOSING for stream in self._streams.values()):
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return

    def close(self) -> None:
        """Forget all streams: the program ends."""
        for stream in list(self._streams.values()):
            stream.fail(End(LinkEnd.CLOSED))
        for care in self._care.values():
            care.close()
        self._arrivals.close()

    # what the connection calls

    def arriving(self, carrier: Carrier) -> bool:
        """Take a carrier that a peer has made for a stream; return False to refuse it."""
        return self._on_stream is not None and self._arrivals.take(carrier)

    def offered(self, offer: Offered) -> tuple[Verdict, bytes]:
        """Decide whether a peer's offer of a stream gets an answer now, see `Arrivals.judge`."""
        return self._arrivals.judge(offer)

    def _arrived(self, carrier: Carrier, record: bytes) -> None:
        """Take the first record of a carrier that a peer made: it names the stream.

        Raises:
            RemoteProtocolError: it does not, or the two ends of that stream do not agree.
        """
        hello = parse_hello(record).hello
        if carrier.peer_key is not None:
            self._arrivals.proved(carrier.peer, self._owner(carrier))
        stream = self._streams.get((carrier.peer, hello.stream_id))
        if stream is not None and stream.peer_key != carrier.peer_key:
            # Another peer's stream, or a sealed one that would now be unsealed: it does not exist for this peer.
            self._turn_away(carrier, GONE_TEXT, ConnectResponse.GONE)
        elif stream is not None and stream.core.state is not StreamPhase.ENDED and not stream.core.is_opener:
            if reason := self.why_not_resume(stream):
                self._not_resumed(stream, carrier, reason)
            else:
                stream.ride(carrier, hello)
        elif stream is None and hello.HasField("request") and self._on_stream is not None:
            owner = self._owner(carrier)
            if hello.stream_id in self._served.get(owner[0], ()):
                # Its opener never heard our answer, and asks again. What was asked for must not happen twice.
                self._turn_away(carrier, GONE_TEXT, ConnectResponse.GONE)
                return
            if not self._make_room(owner):
                text = f"you have {self._places.held(owner)} links to this agent already"
                self._turn_away(carrier, text, ConnectResponse.REFUSED)
                return
            # All who are not listed share one part of the windows: ids and networks are easy to come by.
            core = StreamCore(hello.stream_id, room=self._room, owner=owner[0], kept=self._kept)
            stream = self._add(Stream(core, carrier.peer, self._stream_changed))
            self._owners[stream] = owner
            self._places.take(stream, owner)
            self._remember(owner, hello.stream_id)
            stream.ride(carrier, hello)
            self._on_stream(stream, hello.request)
        else:
            self._turn_away(carrier, GONE_TEXT, ConnectResponse.GONE)

    # inside

    def _stream_changed(self, stream: Stream) -> None:
        """Find a carrier for a stream that has none; remove a stream that is over."""
        self._changed.set()
        care = self._care.get(stream)
        if care is None:
            return
        core = stream.core
        if stream.carrier is not care.carrier:
            care.carrier, care.carried_since = stream.carrier, now()
        if core.state is StreamPhase.ENDED:
            if stream.carrier is None or not core.has_output(now()):
                self._remove(stream)
            return
        if stream.carrier is not None:
            if core.is_through or not core.is_opener:
                care.cancel()
                care.delay = 0.0
            if core.state is StreamPhase.CLOSING and care.closing is None:
                care.kept, care.kept_since = core.sender.kept_units, now()
                care.closing = self._later(CLOSING_SECONDS, partial(self._check_end, stream))
            return
        care.cancel()
        if not core.is_opener:
            text = f"its opener did not come back within {self._keep_seconds:.0f} s"
            care.timer = self._later(self._keep_seconds, partial(stream.fail, End(LinkEnd.PEER_GONE, text)))
        elif self._connection is not None and not self._connection.ended.done():
            most = _MOST_RETRY
            if core.state is StreamPhase.CLOSING:
                care.closing_since = care.closing_since or now()
                if now() - care.closing_since > self._keep_seconds:  # its target has not kept it either
                    stream.fail(End(LinkEnd.PEER_GONE, "its end could not be delivered"))
                    return
                most = _MOST_RETRY_OF_END
            care.timer = self._later(care.delay, partial(self._attach, stream))
            care.delay = min(max(2 * care.delay, _FIRST_RETRY), most)

    def _add(self, stream: Stream) -> Stream:
        self._streams[stream.peer, stream.core.stream_id] = stream
        self._care[stream] = _Care(now())
        return stream

    def _remove(self, stream: Stream) -> None:
        self._care.pop(stream).close()
        self._owners.pop(stream, None)
        self._places.give_back(stream)
        key = (stream.peer, stream.core.stream_id)
        if self._streams.get(key) is stream:
            del self._streams[key]
        if stream.carrier is not None:
            stream.carrier.close(stream.end or End(LinkEnd.CLOSED))

    def _owner(self, carrier: Carrier) -> Owner:
        key = carrier.peer_key
        return listed(key) if key is not None and self._is_listed(key) else unlisted(carrier.origin, carrier.peer)

    def _remember(self, owner: Owner, stream_id: bytes) -> None:
        """Remember that a stream was served: the last ones of each owner, of the owners that came last."""
        ids = self._served.pop(owner[0], None)
        self._served[owner[0]] = deque(maxlen=_MOST_SERVED) if ids is None else ids
        self._served[owner[0]].append(stream_id)
        if len(self._served) > _MOST_OWNERS:
            del self._served[next(iter(self._served))]

    def _make_room(self, owner: Owner) -> bool:
        """Make room for another stream of `owner`; return False if it has had its share."""
        room = self._places.room(owner, self._rank)
        if room.victim is not None:
            room.victim.fail(End(LinkEnd.PEER_GONE, "its place was needed for somebody else"))
            if room.victim in self._care:  # it still has something to say
                self._remove(room.victim)
        return room.granted

    def _rank(self, stream: Stream) -> Rank:
        """Return what would be lost with a stream."""
        since = self._care[stream].since
        if stream.core.state is StreamPhase.ENDED:
            return Rank(EvictionClass.ENDING)
        if stream.detached is not None:
            return Rank(EvictionClass.AWAY, stream.detached.since)
        is_closing = stream.core.state is StreamPhase.CLOSING
        return (
            Rank(EvictionClass.CLOSING, since) if is_closing else Rank(EvictionClass.ACTIVE, -since)
        )  # the newest first

    def _check_end(self, stream: Stream) -> None:
        """Give a stream up whose end the peer does not acknowledge.

        A peer acknowledges an end when it arrives, whatever its reader does. An end that waits behind messages waits
        for their reader, as long as for a peer that is away.
        """
        care, core = self._care.get(stream), stream.core
        if care is None or core.state is not StreamPhase.CLOSING:
            return
        care.closing = self._later(CLOSING_SECONDS, partial(self._check_end, stream))
        if core.sender.kept_units != care.kept:
            care.kept, care.kept_since = core.sender.kept_units, now()
        stuck = now() - care.kept_since
        is_sent = stream.carrier is not None and core.is_through and core.sender.room() > 0
        if stuck >= self._keep_seconds or (is_sent and min(stuck, now() - care.carried_since) >= CLOSING_SECONDS * 0.9):
            stream.fail(End(LinkEnd.PEER_GONE, f"its end was not acknowledged within {CLOSING_SECONDS:.0f} s"))

    def _attach(self, stream: Stream) -> None:
        """Make a carrier for a stream that we have opened."""
        care, connection = self._care.get(stream), self._connection
        if care is None or stream.carrier is not None or connection is None or connection.ended.done():
            return
        care.cancel()
        try:
            carrier = connection.carriers.carry(stream.peer, stream)
        except LocalProtocolError as error:  # too many links: there may be fewer soon
            log.warning("%s", error)
            care.timer = self._later(_MOST_RETRY, partial(self._attach, stream))
            return
        stream.ride(carrier)
        care.timer = self._later(_ANSWER_SECONDS, partial(self._unanswered, stream))

    def _unanswered(self, stream: Stream) -> None:
        if stream.carrier is not None and not stream.core.is_through:
            stream.carrier.close(End(LinkEnd.FAILED, f"{printable(stream.peer)} does not answer"))

    def _not_resumed(self, stream: Stream, carrier: Carrier, reason: str) -> None:
        """Keep a stream from going on. Unless its owner has ended it meanwhile, its opener may try again."""
        end = stream.end
        if end is None:
            carrier.close(End(LinkEnd.FAILED, reason))
            return
        stream.fail(end)  # what it has not sent goes to nobody
        self._turn_away(carrier, end.text or reason, ConnectResponse.REFUSED)

    def _turn_away(self, carrier: Carrier, text: str, reason: ConnectResponse.Reason) -> None:
        carrier.passenger = LastWords(text, reason)
        carrier.wake()

    @staticmethod
    def _later(seconds: float, call: Callable[[], object]) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(seconds, call)
