"""Messages that overtake: few and small, they need no credit and wait for nothing.

Without them, a signal for a command that reads no input would wait behind that input. Both ends count them: they arrive
once and in order among themselves, on any link, but their place among the other messages is not kept.
"""

# Why: docs/decisions/037-signals-overtake.md

from collections import deque
from dataclasses import dataclass, field

from natpass_wire.errors import LocalProtocolError, RemoteProtocolError

#: The most that may be on their way, and the most bytes of each: this bounds memory without credit.
MOST_ON_WAY = 16
MOST_BYTES = 1024


@dataclass(slots=True)
class UrgentSender:
    """The urgent messages of one end that the other end has not acknowledged."""

    _kept: deque[bytes] = field(default_factory=deque)
    _acknowledged: int = 0  # the number of the last one; the first has number 1
    _on_link: int = 0

    @property
    def has_room(self) -> bool:
        """Whether another one is accepted."""
        return len(self._kept) < MOST_ON_WAY

    @property
    def may_send(self) -> bool:
        """Whether one waits to be put on the link."""
        return self._on_link < self._acknowledged + len(self._kept)

    def put(self, message: bytes) -> None:
        """Queue a message, after checking `has_room`.

        Raises:
            LocalProtocolError: it is too large.
        """
        if len(message) > MOST_BYTES:
            raise LocalProtocolError(f"an urgent message of {len(message)} bytes")
        self._kept.append(message)

    def abandon(self) -> None:
        """Forget unsent messages: they will not be read. Sent ones may still be acknowledged."""
        while self.may_send:
            self._kept.pop()

    def next(self) -> tuple[int, bytes]:
        """Return the number and the bytes of the next message. Call it only if `may_send`."""
        message = self._kept[self._on_link - self._acknowledged]
        self._on_link += 1
        return self._on_link, message

    def acknowledged(self, number: int) -> None:
        """Record that the other end has all up to this number.

        Raises:
            RemoteProtocolError: it can't have, or takes back what it said.
        """
        if not self._acknowledged <= number <= self._on_link:
            raise RemoteProtocolError("urgent messages are acknowledged that were not sent, or fewer than before")
        while self._acknowledged < number:
            self._kept.popleft()
            self._acknowledged += 1

    def attach(self, received: int) -> None:
        """Begin on a new link: send again what the other end has not received.

        Raises:
            RemoteProtocolError: as for `acknowledged`.
        """
        self.acknowledged(received)
        self._on_link = received


@dataclass(slots=True)
class UrgentReceiver:
    """The urgent messages from the other end.

    Attributes:
        received: the number of the last one.
    """

    received: int = 0
    _told: int = 0

    @property
    def is_ack_due(self) -> bool:
        """Whether to acknowledge now."""
        return self.received > self._told

    def take(self, number: int, message: bytes) -> None:
        """Record a message.

        Raises:
            RemoteProtocolError: it does not follow the one before, or is too large.
        """
        if number != self.received + 1 or len(message) > MOST_BYTES:
            raise RemoteProtocolError("an urgent message out of turn, or too large")
        self.received = number

    def tell(self) -> int:
        """Return the number to acknowledge now."""
        self._told = self.received
        return self.received
