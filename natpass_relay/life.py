"""Whether a logged-in client still lives: it is heard now and then, and takes what waits for it. No I/O."""

from typing import Protocol

from natpass_wire.keepalive import INTERVAL_LEGACY, RELAY_SILENCE_LEGACY, Keepalive

#: Seconds after which the relay closes a client that takes none of the bytes in its socket.
STUCK_SECONDS = 60.0
#: Seconds between two ticks that count against a client at most: if more passed, we stalled, not the client.
_MOST_OF_TICK = 2.0


class ByteCounts(Protocol):
    """What a socket counts: bytes received, given to it to send, waiting in it, and not taken by the other end."""

    received_bytes: int
    sent_bytes: int

    @property
    def untaken_bytes(self) -> int:
        """How many of the sent bytes have not reached the other end's system, as far as ours knows."""
        ...

    @property
    def waiting_bytes(self) -> int:
        """How many bytes wait to be sent."""
        ...


class Life:
    """One client's signs of life.

    Args:
        keepalive: its keepalive.
        now: seconds of the clock that `tick` gets.
    """

    def __init__(self, keepalive: Keepalive, now: float) -> None:
        self.keepalive = keepalive
        self._ticked_at = now
        self._received = self._sent = self._taken = self._waiting = 0
        self._stuck = 0.0
        self._probed_at = (0, 0)  # bytes received, and taken by the other end
        self._arrived = 0

    @classmethod
    def begin(cls, now: float, dead_after: float | None) -> "Life":
        """Return the life of a client that has logged in now.

        Args:
            now: the time.
            dead_after: seconds of silence that end it; None for those of an existing program.
        """
        if dead_after is None:
            return cls(Keepalive.start(now, INTERVAL_LEGACY, RELAY_SILENCE_LEGACY), now)
        return cls(Keepalive.start(now, dead_after / 3, dead_after), now)

    def probe(self, socket: ByteCounts) -> None:
        """Begin to look for a sign of life."""
        self._probed_at = socket.received_bytes, _arrived(socket)

    def is_shown(self, socket: ByteCounts, *, is_behind: bool) -> bool:
        """Tell whether there was a sign of life since `probe`: bytes, even part of a frame. See `tick`."""
        received, arrived = self._probed_at
        return socket.received_bytes != received or (is_behind and _arrived(socket) != arrived)

    def tick(self, socket: ByteCounts, now: float, *, is_behind: bool = False) -> float:
        """Advance the clock, about once a second; return how many seconds of that count.

        Args:
            socket: what has come and gone.
            now: the time.
            is_behind: it is not read, since it does not keep up; then it lives if it takes bytes.
        """
        if socket.received_bytes != self._received:
            self._received = socket.received_bytes
            self.keepalive.received()
        if is_behind and (arrived := _arrived(socket)) != self._arrived:
            self._arrived = arrived
            self.keepalive.received()
        if socket.sent_bytes != self._sent:
            self._sent = socket.sent_bytes
            self.keepalive.sent(now)
        self.keepalive.tick(now)
        self._waiting = socket.waiting_bytes
        taken = socket.sent_bytes - self._waiting
        passed = min(now - self._ticked_at, _MOST_OF_TICK)
        self._stuck += passed
        if not self._waiting or taken != self._taken:
            self._stuck = 0.0
        self._taken = taken
        self._ticked_at = now
        return passed

    @property
    def fault(self) -> str | None:
        """Why the client has to be closed, None if it need not be."""
        if self.keepalive.is_dead:
            return f"silent for {self.keepalive.silence:.0f} s"
        if self._stuck >= STUCK_SECONDS:
            return f"took none of {self._waiting} waiting bytes for {STUCK_SECONDS:.0f} s"
        return None

    def is_due(self, now: float) -> bool:
        """Tell whether we should send a sign of life of our own."""
        return self.keepalive.is_due(now)


def _arrived(socket: ByteCounts) -> int:
    return socket.sent_bytes - socket.untaken_bytes
