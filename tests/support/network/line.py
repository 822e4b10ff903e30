"""One direction of a slow line: a queue in front of a bottleneck, then a delay. Pure; the clock is passed in."""

import random
from collections import deque
from dataclasses import dataclass

#: What is sent at once: a packet, or what a fast line sends in this time.
_PACKET = 1500
_BURST_SECONDS = 0.002
#: The size of a line's queue beyond the bytes on their way; home routers have at least as much.
QUEUE_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Shape:
    """The properties of a line, the same in both directions.

    Attributes:
        rate: bytes a second.
        delay: seconds one way: half the round trip.
        queue: the most bytes that wait in front of the bottleneck, beyond the line's own content (rate x round trip).
        jitter: mean of each packet's extra delay, exponentially distributed, in seconds one way. Packets do not
            overtake each other: those after a late one arrive with it, as over TCP.
    """

    rate: float
    delay: float = 0.0
    queue: int = QUEUE_BYTES
    jitter: float = 0.0

    @property
    def room(self) -> int:
        """The most bytes that are in the line or wait for it."""
        return int(self.rate * 2 * (self.delay + self.jitter)) + self.queue


class Line:
    """The bytes in one direction of a line.

    A token bucket: packets leave the queue one by one, and each occupies the line for size / rate seconds.
    """

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self._burst = max(_PACKET, int(shape.rate * _BURST_SECONDS))
        self._free_at = self._newest_at = 0.0
        self._random = random.Random(1)
        self._packets: deque[tuple[float, bytes]] = deque()  # time of arrival, content
        self._held = 0

    @property
    def held(self) -> int:
        """Bytes put in and not taken out yet."""
        return self._held

    @property
    def is_full(self) -> bool:
        """Whether the sender has to wait."""
        return self._held >= self.shape.room

    def put(self, data: bytes, now: float) -> None:
        """Put bytes into the queue."""
        for start in range(0, len(data), self._burst):
            packet = data[start : start + self._burst]
            self._free_at = max(self._free_at, now) + len(packet) / self.shape.rate
            late = self._random.expovariate(1 / self.shape.jitter) if self.shape.jitter else 0.0
            self._newest_at = max(self._newest_at, self._free_at + self.shape.delay + late)
            self._packets.append((self._newest_at, packet))
        self._held += len(data)

    def take(self, now: float) -> bytes:
        """Return the bytes that have arrived by now."""
        arrived = []
        while self._packets and self._packets[0][0] <= now:
            arrived.append(self._packets.popleft()[1])
        data = b"".join(arrived)
        self._held -= len(data)
        return data

    @property
    def next_at(self) -> float | None:
        """Return when the next packet arrives, None if the line is empty."""
        return self._packets[0][0] if self._packets else None
