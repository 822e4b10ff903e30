"""Messages that overtake: few and small, they need no credit and wait for nothing.

Without them, a signal for a command that reads no input would wait behind that input. Both ends count them: they arrive
once and in order among themselves, on any link, but their place among the other messages is not kept.
"""

# Why: docs/decisions/037-signals-overtake.md

from collections import deque

from natpass_wire.errors import LocalProtocolError, RemoteProtocolError
from natpass_wire.pb.stream_pb2 import StreamUrgent

#: The most that may be on their way, and the most bytes of each: this bounds memory without credit.
MOST_ON_WAY = 16
MOST_BYTES = 1024


class UrgentSender:
    """The urgent messages of one end that the other end has not acknowledged. The first one has number 1."""

    def __init__(self) -> None:
        #: Those that are not on the link yet.
        self.waiting: deque[bytes] = deque()
        self._sent: deque[bytes] = deque()
        #: How many the other end has received, as it has said.
        self.acknowledged = 0

    @property
    def has_room(self) -> bool:
        """Whether another one is accepted."""
        return len(self._sent) + len(self.waiting) < MOST_ON_WAY

    def put(self, message: bytes) -> None:
        """Queue a message, after checking `has_room`.

        Raises:
            LocalProtocolError: it is too large.
        """
        if len(message) > MOST_BYTES:
            raise LocalProtocolError(f"an urgent message of {len(message)} bytes")
        self.waiting.append(message)

    def abandon(self) -> None:
        """Forget unsent messages: they will not be read. Sent ones may still be acknowledged."""
        self.waiting.clear()

    def next(self) -> StreamUrgent:
        """Return the next message. Call it only if one is `waiting`."""
        message = self.waiting.popleft()
        self._sent.append(message)
        return StreamUrgent(number=self.acknowledged + len(self._sent), message=message)

    def acknowledge(self, number: int) -> None:
        """Record that the other end has all up to this number.

        Raises:
            RemoteProtocolError: it can't have, or takes back what it said.
        """
        if not self.acknowledged <= number <= self.acknowledged + len(self._sent):
            raise RemoteProtocolError("urgent messages are acknowledged that were not sent, or fewer than before")
        while self.acknowledged < number:
            self._sent.popleft()
            self.acknowledged += 1

    def attach(self, received: int) -> None:
        """Begin on a new link: send again what the other end has not received.

        Raises:
            RemoteProtocolError: as for `acknowledge`.
        """
        self.acknowledge(received)
        self.waiting.extendleft(reversed(self._sent))
        self._sent.clear()
