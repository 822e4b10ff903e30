"""The performance of a desktop: frames and bytes a second, and latency. Times are arguments, in seconds.

Frames and latency need one of our agents: it marks the end of each frame, and the first frame after an input.
"""

from collections import deque

#: Seconds over which rates are measured.
_WINDOW = 3.0
#: Seconds after which an answer is ignored: an outage delayed it.
_ANSWER_SECONDS = 10.0
_MOST_MARK = 0xFFFFFFFF


class Meter:
    """Counts frames and bytes."""

    def __init__(self) -> None:
        self._frames: deque[float] = deque()
        self._received: deque[tuple[float, int]] = deque()
        self._bytes = 0
        self._mark = 0
        self._asked_at: float | None = None
        self._has_frames = False
        #: Seconds from the last key or click to the picture taken after it; None while unknown.
        self.latency: float | None = None

    def restart(self) -> None:
        """Forget the measurements: another link or rate begins."""
        self._frames.clear()
        self._asked_at = self.latency = None
        self._has_frames = False

    def received(self, size: int, now: float) -> None:
        """Count received bytes of pictures."""
        self._received.append((now, size))
        self._bytes += size
        self._forget(now)

    def asked(self, now: float) -> int:
        """Note an input; return the mark to send with it, 0 while an earlier one is unanswered."""
        if self._asked_at is not None and now - self._asked_at <= _ANSWER_SECONDS:
            return 0
        self._asked_at = now
        self._mark = self._mark % _MOST_MARK + 1
        return self._mark

    def frame(self, mark: int, rects: int, now: float) -> None:
        """Count a frame that is shown now.

        Args:
            mark: the mark of the last input before the agent read the screen; 0: no new one.
            rects: its number of rectangles; 0: nothing had changed, so no picture answered.
            now: the time in seconds.
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
        """Return frames a second; None if the agent does not mark the ends of frames."""
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
