"""One end of a stream, as the programs use it: a link that outlives connections."""

import asyncio
import time
from collections import deque
from collections.abc import Callable

from natpass_wire import envelope
from natpass_wire.aio.carrier import Carrier
from natpass_wire.aio.link import MESSAGES_A_TURN, Detached, LinkEndedError
from natpass_wire.aio.sealing import NotTrustedError
from natpass_wire.errors import LocalProtocolError, RemoteProtocolError
from natpass_wire.frame import MAX_DATA_BYTES
from natpass_wire.links import End
from natpass_wire.pb.envelope_pb2 import Msg
from natpass_wire.pb.link_pb2 import ConnectResponse, LinkEnd
from natpass_wire.pb.stream_pb2 import StreamHello
from natpass_wire.stream.core import (
    ACK_SECONDS,
    Event,
    Finished,
    Resumed,
    StreamCore,
    StreamEnded,
    StreamOpened,
    StreamPhase,
    StreamReceived,
    Urgent,
)
from natpass_wire.text import printable

#: A message with the record around it, the seal and the envelope of its frame has to fit into 65 535 bytes.
MAX_MESSAGE_BYTES = 64 * 1024 - 1 - 1024

#: `receive_batch` returns no further message once it has so many units: the size of one read of the socket.
BATCH_UNITS = 256 * 1024

#: The clock for round trips: the loop's own clock counts milliseconds (uvloop), and local round trips take less.
now = time.perf_counter


class Stream:
    """A stream of ours, or one that a peer asks for (then `accept` or `refuse` it, once).

    One task reads, any number send.

    Args:
        core: the stream without I/O.
        peer: the other end's client id.
        on_change: called when the stream was attached, detached, or is over.
    """

    def __init__(self, core: StreamCore, peer: str, on_change: Callable[["Stream"], None]) -> None:
        self.core = core
        self._peer = peer
        self._on_change = on_change
        #: The present carrier, None while detached.
        self.carrier: Carrier | None = None
        self._unread: deque[tuple[Msg | bytes, int]] = deque()
        self._was_opened = False
        self._peer_key: bytes | None = None
        self._owed = 0  # units of the messages that the reader has at present
        self._ack_timer: asyncio.TimerHandle | None = None
        self._read = 0  # messages since others had a turn
        self._detached: Detached | None = None
        self._watchers: list[Callable[[], None]] = []
        self._on_urgent: Callable[[Msg], None] | None = None
        self._changed = asyncio.Event()
        self._over = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    # Link: what kinds call

    @property
    def peer(self) -> str:
        """The other end's client id."""
        return self._peer

    @property
    def peer_key(self) -> bytes | None:
        """The other end's static key; None if the stream is not sealed (or, for an opener, not answered yet)."""
        return self._peer_key

    @property
    def is_plain(self) -> bool:
        """Return False: only our programs have streams."""
        return False

    @property
    def link_id(self) -> str:
        """The stream's id, as text."""
        return self.core.stream_id.hex()

    @property
    def end(self) -> End | None:
        """Why the stream ended, None while it has not."""
        return self.core.end

    @property
    def detached(self) -> Detached | None:
        """Why nothing gets through, None while the other end can be reached, or if the stream ended."""
        return self._detached

    @property
    def resumes(self) -> int:
        """How many times the stream has gone on over another link."""
        return self.core.resumes

    @property
    def unacknowledged(self) -> int:
        """How many messages the other end has not consumed, see `Link`."""
        return self.core.sender.unacknowledged

    @property
    def is_holding(self) -> bool:
        """Return False: an unread stream blocks nothing else."""
        return False

    @property
    def is_asked(self) -> bool:
        """Whether the stream waits for our answer."""
        return self.core.state is StreamPhase.ASKED

    def watch(self, watcher: Callable[[], None]) -> None:
        """Call `watcher` whenever `detached` changes."""
        self._watchers.append(watcher)

    async def ended(self) -> End:
        """Wait until the stream is over; return why. Messages that came before its end may still be unread."""
        while (end := self.core.end) is None:
            await self._over.wait()
        return end

    async def opened(self) -> None:
        """Wait until the target has accepted.

        Raises:
            LinkEndedError: it refused, or can't be reached.
        """
        while not self._was_opened:  # its end may have come with the answer, while its messages are unread
            await self._change()

    async def room(self) -> int:
        """Wait until there is room to send; return how many bytes of data one message should have at most.

        Raises:
            LinkEndedError: the stream is over.
        """
        while not (room := self.core.room()):
            await self._change()
        return min(room, MAX_DATA_BYTES)

    async def send(self, message: Msg, *, newest: bool = False) -> None:
        """Send a message, see `Link`."""
        await self.room()
        self._put(message.SerializeToString(), newest=newest)

    async def send_serialised(self, message: bytes, *, newest: bool = False) -> None:
        """Send a message that is serialised already, see `Link`."""
        await self.room()
        self._put(message, newest=newest)

    def put(self, message: Msg) -> None:
        """Send a message at once, see `Link`."""
        self._put(message.SerializeToString())

    def send_urgent(self, message: Msg) -> bool:
        """Send a message that overtakes all others, see `Link`."""
        if self.core.state is not StreamPhase.OPEN:
            return False
        is_taken = self.core.send_urgent(message.SerializeToString())
        self._wake()
        return is_taken

    def on_urgent(self, handler: Callable[[Msg], None]) -> None:
        """Call `handler` with each message that overtakes, see `Link`."""
        self._on_urgent = handler

    @property
    def has_unread(self) -> bool:
        """Whether a message waits to be read."""
        return bool(self._unread)

    async def receive(self) -> Msg:
        """Return the next message; the one before is consumed.

        Raises:
            LinkEndedError: the stream is over, and there is nothing left to read.
        """
        self._settle()
        if self._read >= MESSAGES_A_TURN:
            self._read = 0
            await asyncio.sleep(0)
        while not self._unread:
            await self._change()
            self._read = 0
        message, self._owed = self._next_unread()
        return message

    async def receive_batch(self) -> list[Msg]:
        """Return the next messages; those before are consumed, see `Link`.

        Raises:
            LinkEndedError: the stream is over, and there is nothing left to read.
        """
        batch = [await self.receive()]
        while self._unread and self._owed < BATCH_UNITS and self._read < MESSAGES_A_TURN:
            message, units = self._next_unread()
            batch.append(message)
            self._owed += units
        return batch

    def close(
        self,
        text: str = "",
        cause: LinkEnd.Cause = LinkEnd.CLOSED,
        status: int | None = None,
        *,
        gives_up: bool = False,
    ) -> None:
        """End the stream, see `Link`. No-op if it has ended."""
        if self.core.end is not None:
            return
        if self.core.state is StreamPhase.ASKED:
            self.refuse(text)
            return
        self.core.finish(End(cause, text, status), gives_up=gives_up)
        self._drop_unread()
        self._tell()
        if self.carrier is not None:
            self._on_change(self)  # the end has to be acknowledged in time

    def accept(self) -> None:
        """Accept the stream.

        Raises:
            LinkEndedError: the opener has given up already.
        """
        if self.core.end is not None:
            raise LinkEndedError(self.core.end)
        self.core.accept()
        self._tell()

    def refuse(self, text: str, reason: ConnectResponse.Reason = ConnectResponse.FAILED) -> None:
        """Refuse the stream, with the reason for a person. No-op if it was answered already."""
        if self.is_asked:
            self.core.refuse(text, reason)
            self._tell()

    # what `Streams` calls

    def ride(self, carrier: Carrier, hello: StreamHello | None = None) -> None:
        """Go on over a carrier.

        Args:
            carrier: the carrier; this stream becomes its passenger.
            hello: target: the carrier's first record.

        Raises:
            RemoteProtocolError: the two ends do not agree on their positions; the stream is over then.
        """
        older, self.carrier = self.carrier, carrier
        carrier.passenger = self
        if hello is not None:
            self._peer_key = carrier.peer_key
        if older is not None:
            older.close(End(LinkEnd.CLOSED, "the stream goes on over another link"))
        if hello is None:
            self.core.attach()
        else:
            try:
                events = self.core.attach_by(hello)
            except RemoteProtocolError as error:
                self._broken(error)
                raise
            self._take(events)
        self._tell()
        self._on_change(self)

    def fail(self, end: End) -> None:
        """End the stream at once: it can't go on."""
        self.core.fail(end)
        self._detached = None
        self._tell()

    def detach(self, reason: str) -> None:
        """Record that there is no carrier, and why."""
        self.carrier = None
        self.core.detach()
        before = self._detached
        if self.core.state is not StreamPhase.ENDED and (before is None or before.reason != reason):
            self._detached = Detached(reason, before.since if before else self._loop.time())
            self._notify()
        self._on_change(self)

    # Passenger: what the carrier calls

    def carrier_sealed(self, carrier: Carrier) -> None:
        """Record the other end's key; it has to be the key from before.

        Raises:
            NotTrustedError: it is another one.
        """
        if self._peer_key is not None and carrier.peer_key != self._peer_key:
            raise NotTrustedError(f"{printable(self._peer)} came back with another key")
        self._peer_key = carrier.peer_key

    def carrier_received(self, carrier: Carrier, record: bytes) -> None:
        """Take a record.

        Raises:
            RemoteProtocolError: it breaks the protocol; the stream is over then.
        """
        if carrier is self.carrier:
            try:
                events = self.core.receive(record, now())
            except RemoteProtocolError as error:
                self._broken(error)
                raise
            self._take(events)
            self._wake()

    def carrier_ended(self, carrier: Carrier, end: End) -> None:
        """Wait for another carrier."""
        if carrier is not self.carrier:
            return
        is_refused = end.reason not in {ConnectResponse.UNSET, ConnectResponse.RETRY}
        if end.is_alarm or (self.core.state is StreamPhase.OPENING and is_refused):
            self.carrier = None
            self.core.detach()
            self.fail(end)
        else:
            self.detach(end.text or "the connection was lost")

    def next_record(self, carrier: Carrier) -> bytes | None:
        """Return the next record to send."""
        if carrier is not self.carrier:
            return None
        record = self.core.next(now())
        if record is not None:
            self._changed.set()
        if self.core.state is StreamPhase.ENDED and not self.core.has_output(now()):
            self._loop.call_soon(self._on_change, self)
        return record

    # inside

    def _put(self, message: bytes, *, newest: bool = False) -> None:
        if len(message) > MAX_MESSAGE_BYTES:
            raise LocalProtocolError(f"a message of {len(message)} bytes does not fit into a frame")
        if self.core.end is not None:
            raise LinkEndedError(self.core.end)
        self.core.send(message, newest=newest)
        self._wake()

    def _broken(self, error: RemoteProtocolError) -> None:
        """End the stream, since the other end broke the protocol."""
        self.fail(End(LinkEnd.FAILED, f"protocol error: {error}"))

    def _take(self, events: list[Event]) -> None:
        """Handle the core's events."""
        for event in events:
            match event:
                case StreamReceived(message, units, data):
                    if self.core.end is not None:
                        self._nobody_reads(units)
                    else:
                        # Parsed, a message may take 17 times the memory that it has credit for: see `_next_unread`.
                        self._unread.append((data if self._unread else message, units))
                case Urgent(message):
                    self._loop.call_soon(self._overtake, message)  # a handler's exception must not hit the connection
                case StreamOpened() | Resumed():
                    self._was_opened = True
                    self._detached = None
                    self._on_change(self)
                    self._notify()
                case StreamEnded() | Finished():
                    self._detached = None
                    self._over.set()
                    self._on_change(self)
        if events:
            self._changed.set()

    def _next_unread(self) -> tuple[Msg, int]:
        """Remove the next message; return it with its units. All but the first wait as they came."""
        message, units = self._unread.popleft()
        self._read += 1
        return (envelope.parse(message) if isinstance(message, bytes) else message), units

    def _overtake(self, message: Msg) -> None:
        if self._on_urgent is not None and self.core.end is None:
            self._on_urgent(message)

    def _settle(self) -> None:
        """Give the sender credit: the reader has consumed its messages."""
        if self._owed:
            self.core.consumed(self._owed)
            self._owed = 0
            self._wake()

    def _acknowledge(self) -> None:
        """Acknowledge, since no record went that could have taken it along."""
        self._ack_timer = None
        if self.core.is_ack_owed:
            self.core.acknowledge()
            self._wake()

    def _drop_unread(self) -> None:
        if self.core.is_opener:
            self._settle()
        while self._unread:
            self._nobody_reads(self._unread.popleft()[1])

    def _nobody_reads(self, units: int) -> None:
        """Give a target credit for unread messages, so that its end, which follows them, can arrive.

        An opener's end needs no credit, and an opener must not be told that its messages were consumed.
        """
        if self.core.is_opener:
            self.core.consumed(units)

    def _tell(self) -> None:
        """Let all waiting tasks see that the state has changed."""
        self._changed.set()
        self._wake()
        if self.core.end is not None:
            self._over.set()
        if self.core.state is StreamPhase.ENDED:
            self._on_change(self)

    def _wake(self) -> None:
        """Send what may be sent now; an acknowledgement waits a moment for a record to go with."""
        if self.carrier is not None and self.core.has_output(now()):
            self.carrier.wake()
        if self.core.is_ack_owed and self._ack_timer is None:
            self._ack_timer = self._loop.call_later(ACK_SECONDS, self._acknowledge)

    def _notify(self) -> None:
        self._changed.set()
        for watcher in self._watchers:
            watcher()

    async def _change(self) -> None:
        """Wait for a change.

        Raises:
            LinkEndedError: the stream is over.
        """
        if self.core.end is not None:
            raise LinkEndedError(self.core.end)
        self._changed.clear()
        await self._changed.wait()
