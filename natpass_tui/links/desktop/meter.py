"""How a desktop performs: pictures and bytes a second, and how soon it answers. Times are arguments, in seconds."""

from collections import deque

#: Rates are of the last so many seconds.
_WINDOW = 3.0
#: A picture that comes later after a key or click than this was not made by it.
_ANSWER = 2.0


class Meter:
    """Counts what comes in."""

    def __init__(self) -> None:
        self._pictures: deque[float] = deque()
        self._received: deque[tuple[float, int]] = deque()
        self._bytes = 0
        self._asked: float | None = None
        #: Seconds from the last key or click to the picture after it, None while not known.
        self.latency: float | None = None

    def received(self, size: int, now: float) -> None:
        """Count bytes of the picture."""
        self._received.append((now, size))
        self._bytes += size
        self._forget(now)

    def picture(self, now: float) -> None:
        """Count a picture that could be shown."""
        self._pictures.append(now)
        self._forget(now)
        if self._asked is not None:
            waited, self._asked = now - self._asked, None
            if waited <= _ANSWER:
                self.latency = waited

    def asked(self, now: float) -> None:
        """Take note that something was sent that a picture will answer."""
        if self._asked is None or now - self._asked > _ANSWER:
            self._asked = now

    def frames_a_second(self, now: float) -> float:
        """Return pictures a second."""
        self._forget(now)
        return len(self._pictures) / _WINDOW

    def bytes_a_second(self, now: float) -> float:
        """Return bytes a second."""
        self._forget(now)
        return self._bytes / _WINDOW

    def _forget(self, now: float) -> None:
        while self._pictures and self._pictures[0] <= now - _WINDOW:
            self._pictures.popleft()
        while self._received and self._received[0][0] <= now - _WINDOW:
            self._bytes -= self._received.popleft()[1]
