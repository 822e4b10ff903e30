"""Whether the relay is still there, and its round trip.

It checks the socket's counts once a tick, so no frame is delayed.
"""

import asyncio
import secrets
import time

from natpass_wire import envelope
from natpass_wire.aio.sockets import FrameSocket
from natpass_wire.ids import RELAY_ID
from natpass_wire.keepalive import Keepalive
from natpass_wire.pb.envelope_pb2 import Msg, MsgType, Ping

_TICK_SECONDS = 1.0
#: If we send and hear nothing for so many seconds, we ask the relay for a sign of life.
_DOUBT_SECONDS = 2.0


class LifeSigns:
    """The signs of life on one connection, ours and the relay's.

    Args:
        socket: the connection.
        client_id: our id.
        keepalive: of this connection.
        pings: whether the relay answers pings; then they measure the round trip.
    """

    def __init__(self, socket: FrameSocket, client_id: str, keepalive: Keepalive, *, pings: bool) -> None:
        self._socket = socket
        self._client_id = client_id
        self._keepalive = keepalive
        self._pings = pings
        self._loop = asyncio.get_running_loop()
        self._listens = True
        self._ping: tuple[int, float] | None = None
        self._shown_at = 0.0
        self._asked_at: float | None = None  # the first ping since the relay was heard last
        self._heard, self._heard_at = 0, 0.0  # bytes received, and when that was seen
        self._sent, self._ticked_at = 0, 0.0  # bytes sent up to the last tick, and when that was
        #: Seconds from us to the relay and back, None until measured.
        self.round_trip: float | None = None
        #: How many pings the relay has answered; only the latest ping counts each time.
        self.answers = 0

    @property
    def unanswered(self) -> float:
        """Seconds since we asked the relay for a sign of life, without an answer; 0 while nothing is in doubt."""
        if self._asked_at is None or self._socket.received_bytes != self._heard or not self._listens:
            return 0.0
        return self._loop.time() - self._asked_at

    async def watch(self, ended: "asyncio.Future[str]") -> None:
        """Send signs of life and watch for the relay's until the connection has ended; end it if the relay is dead."""
        self._heard, self._heard_at = self._socket.received_bytes, self._loop.time()
        self._sent, self._ticked_at = self._socket.sent_bytes, self._heard_at
        self._show()  # the first round trip is measured at once
        while not ended.done():
            self._tick(self._loop.time())
            await asyncio.wait([ended], timeout=min(_TICK_SECONDS, self._keepalive.interval / 2))

    def measure(self) -> None:
        """Measure the round trip anew, because the last figure shows how busy this process was."""
        if self._pings:
            self.round_trip = None
            self._show()

    def ask(self) -> bool:
        """Ask the relay for a sign of life, which `answers` counts; return False if we do not read answers."""
        if not self._pings or not self._listens:
            return False
        self._show()
        return True

    def answered(self, nonce: int) -> None:
        """Take the relay's answer to a ping."""
        if self._ping is not None and self._ping[0] == nonce:
            self.round_trip = time.perf_counter() - self._ping[1]
            self._ping = None
            self.answers += 1

    def listening(self, listens: bool) -> None:
        """Record that reading was paused (False) or resumed (True)."""
        self._listens = listens
        self._keepalive.listening(listens)

    def _tick(self, now: float) -> None:
        keepalive = self._keepalive
        keepalive.tick(now)
        self._listen(now)
        if self._socket.sent_bytes != self._sent:
            self._sent = self._socket.sent_bytes
            keepalive.sent(self._ticked_at)  # or later: an extra sign of life does no harm
        self._ticked_at = now
        if keepalive.is_dead:
            self._socket.abort(TimeoutError(f"no sign of life for {keepalive.silence:.0f} s"))
        elif keepalive.is_due(now) or (self._pings and self._is_ping_due(now)):
            self._show()

    def _is_ping_due(self, now: float) -> bool:
        """Tell whether to ping the relay: a busy sender wants to know the round trip, too."""
        if now - self._shown_at >= self._keepalive.interval:
            return True
        is_unanswered = self._socket.received_before_write == self._socket.received_bytes
        return self._asked_at is None and is_unanswered and now - self._heard_at >= _DOUBT_SECONDS

    def _listen(self, now: float) -> None:
        """Record whether bytes came since the last time: any byte is life, even of an incomplete frame."""
        if self._socket.received_bytes != self._heard:
            self._heard, self._heard_at = self._socket.received_bytes, now
            self._keepalive.received()
            self._asked_at = None

    def _show(self) -> None:
        """Send a sign of life; a ping if the relay answers them."""
        self._shown_at = self._loop.time()
        self._listen(self._shown_at)
        message = Msg(type=MsgType.keepalive, from_id=self._client_id, to=RELAY_ID)
        if self._pings:
            # The loop's own time has a resolution of 1 ms with uvloop, and stands still within a turn.
            self._ping = (secrets.randbits(64), time.perf_counter())
            message = Msg(type=MsgType.ping, from_id=self._client_id, to=RELAY_ID, ping=Ping(nonce=self._ping[0]))
            if self._asked_at is None:
                self._asked_at = self._shown_at
        self._socket.write(envelope.to_frame(message))
