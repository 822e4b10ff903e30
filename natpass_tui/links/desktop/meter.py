"""How a desktop performs: frames and bytes a second, and how soon it answers. Times are arguments, in seconds.

Only what an agent of ours says can be measured: it marks the end of each frame, and the first frame behind an input.
"""

from collections import deque

#: Rates are of the last so many seconds.
_WINDOW = 3.0
#: An answer that comes later was held up by an outage, and says nothing of the next one.
_ANSWER_SECONDS = 10.0
_MOST_MARK = 0xFFFFFFFF


class Meter:
    """Counts what comes in."""

    def __init__(self) -> None:
        self._frames: deque[float] = deque()
        self._received: deque[tuple[float, int]] = deque()
        self._bytes = 0
        self._mark = 0
        self._asked_at: float | None = None
        self._has_frames = False
        #: Seconds from the last key or click to the picture that was taken after it; None while not known.
        self.latency: float | None = None

    def restart(self) -> None:
        """Forget what was measured: another link, or another rate, begins."""
        self._frames.clear()
        self._asked_at = self.latency = None
        self._has_frames = False

    def received(self, size: int, now: float) -> None:
        """Count bytes of the picture."""
        self._received.append((now, size))
        self._bytes += size
        self._forget(now)

    def asked(self, now: float) -> int:
        """Take note of an input; return the mark to send with it, 0 while an earlier one is not answered."""
        if self._asked_at is not None and now - self._asked_at <= _ANSWER_SECONDS:
            return 0
        self._asked_at = now
        self._mark = self._mark % _MOST_MARK + 1
        return self._mark

    def frame(self, mark: int, rects: int, now: float) -> None:
        """Count a frame that can be seen now.

        Args:
            mark: of the last input before the agent read the screen; 0: there was no new one.
            rects: its rectangles; 0: nothing had changed, so there is no picture that could have answered.
            now: seconds.
        """
        self._has_frames = True
        if rects:
            self._frames.append(now)
            self._forget(now)
        if mark and mark == self._mark and self._asked_at is not None:
            waited, self._asked_at = now - self._asked_at, None
            if rects and waited <= _ANSWER_SECONDS:
                self.latency = waited

    def frames_a_second(self, now: float) -> float | None:
        """Return frames a second; None if the agent does not say where a frame ends."""
        self._forget(now)
        return len(self._frames) / _WINDOW if self._has_frames else None

    def bytes_a_second(self, now: float) -> float:
        """Return bytes a second."""
        self._forget(now)
        return self._bytes / _WINDOW

    def _forget(self, now: float) -> None:
        while self._frames and self._frames[0] <= now - _WINDOW:
            self._frames.popleft()
        while self._received and self._received[0][0] <= now - _WINDOW:
            self._bytes -= self._received.popleft()[1]
