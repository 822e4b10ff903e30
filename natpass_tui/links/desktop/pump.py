"""A thread that decodes the pictures of one desktop, so that a full screen never delays the keyboard.

The screen and its lock are here: `ScreenPump.screen` lends the screen to other threads. Decoding needs no lock, and
the decoder gives way to borrowers.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from natpass_tui.links.desktop.budget import PixelBudget
from natpass_tui.links.desktop.decode import cost, decode
from natpass_tui.links.desktop.screen import RemoteScreen
from natpass_tui.pixels.framebuffer import reduced
from natpass_tui.pump import PumpThread
from natpass_wire.errors import RemoteProtocolError
from natpass_wire.pb.desktop_pb2 import VncFrame, VncImage

#: Bytes and rectangles that may wait to be decoded before `ScreenPump.is_full`; callers add at most one message beyond.
#: What waits here has used credit and grows old, so it should be little: a screen of 1920x1080 has 510 tiles, about
#: 1 MB. But the decoder must not idle while more is fetched: 30 such screens are drawn and shown at 75 a second
#: (69 to 77), about the same as with eight times as much (69 to 81).
WAITING_BYTES = 128 * 1024
WAITING_IMAGES = 128
#: Rectangles after which a stream that never pauses is shown.
_WAKE_AFTER = 256


@dataclass(frozen=True, slots=True)
class Drawn:
    """The result of drawing since the last `ScreenPump.collect`.

    Attributes:
        images: the number of rectangles.
        is_due: whether it is time to show them.
        error: why no more will be drawn; empty if more will.
        frames: the ends of the frames that were completed.
    """

    images: int
    is_due: bool
    error: str
    frames: tuple[VncFrame, ...] = ()


class ScreenPump(PumpThread[VncImage | VncFrame]):
    """Draws rectangles from a queue onto a `RemoteScreen`.

    The decoder's thread calls `wake` when there is something to show: the queue is drawn (the tiles of one frame arrive
    together), or 256 rectangles are. It also calls it when a full queue is half empty again, but only once before
    `collect`. The thread starts with the first rectangle and ends with `close`.

    Args:
        wake: called from the decoder's thread.
        clock: seconds of a monotonic clock.
    """

    def __init__(self, wake: Callable[[], None], clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__("natpass-desktop", wake)
        self._clock = clock
        self._budget = PixelBudget()
        self._screen = RemoteScreen()
        self._drawn = 0
        self._frames: list[VncFrame] = []
        self._unshown = 0  # rectangles since the last time to show them
        self._is_due = False
        self._was_full = False
        self._generation = 0
        self._taken_in = 0  # the generation of the current rectangle
        self._error = ""

    @property
    def is_full(self) -> bool:
        """Whether the queue is full; callers should wait."""
        return self._waiting > WAITING_BYTES or len(self._queue) > WAITING_IMAGES

    @property
    def _is_half_empty(self) -> bool:
        return self._waiting <= WAITING_BYTES // 2 and len(self._queue) <= WAITING_IMAGES // 2

    @property
    def is_idle(self) -> bool:
        """Whether the queue is empty."""
        return not self._waiting

    @contextmanager
    def screen(self) -> Iterator[RemoteScreen]:
        """Lend the screen for exclusive use. Hold it briefly."""
        with self._lent():
            yield self._screen

    def put(self, image: VncImage | VncFrame) -> None:
        """Queue a rectangle, or the end of a frame; never blocks. The caller checks `is_full`."""
        with self._change:
            if not self._closed and not self._error:
                self._put(image, _weight(image))
                self._was_full = self._was_full or self.is_full

    def collect(self) -> Drawn:
        """Return the result since the last call, and allow `wake` again."""
        with self._change:
            drawn = Drawn(self._drawn, self._is_due, self._error, tuple(self._frames))
            self._drawn = 0
            self._frames.clear()
            self._is_due = False
            self._collected()
            return drawn

    def restart(self) -> None:
        """Drop the queue and the error, for another link; the last picture stays until its first rectangle."""
        with self._change:
            self._generation += 1
            self._drop()
            self._change.notify_all()
            self._frames.clear()
            self._was_full = False
            self._error = ""

    def _take(self) -> VncImage | VncFrame:
        self._taken_in = self._generation
        return super()._take()

    def _work(self, image: VncImage | VncFrame) -> bool:
        error = ""
        try:
            if isinstance(image, VncImage):
                self._draw(image)
        except RemoteProtocolError as broken:
            error = str(broken)
        return self._note(image, error)

    def _draw(self, image: VncImage) -> None:
        with self._lock:
            plan = self._screen.plan(image)
        if not self._afford(cost(image) + plan.also):
            return
        picture = decode(image, plan.factor)
        if picture.shape[:2] == (plan.part.height, plan.part.width):
            picture = reduced(picture, plan.factor)
        with self._lock:
            self._screen.put(plan, picture)

    def _afford(self, pixels: int) -> bool:
        """Wait until so many pixels may be decoded; return whether they still should be.

        Meanwhile the queue gets full, so the agent gets no more credit.
        """
        seconds = self._budget.take(pixels, self._clock())
        with self._change:
            if seconds:
                self._change.wait_for(lambda: self._is_stale, seconds)
            return not self._is_stale

    @property
    def _is_stale(self) -> bool:
        """Whether nobody wants the current rectangle any more. Under `_change`."""
        return self._closed or self._taken_in != self._generation

    def _note(self, image: VncImage | VncFrame, error: str) -> bool:
        """Count a finished item; return whether to call `wake`."""
        with self._change:
            if self._is_stale:
                return False
            self._waiting -= _weight(image)
            if isinstance(image, VncFrame):
                self._frames.append(image)
            else:
                self._drawn += 1
                self._unshown += 1
            if error:
                self._error = error
                self._drop()
            if self._unshown and (not self._queue or self._unshown >= _WAKE_AFTER or isinstance(image, VncFrame)):
                self._is_due = True
                self._unshown = 0
            has_room = self._was_full and self._is_half_empty
            self._was_full = self._was_full and not has_room
            return (self._is_due or has_room or bool(self._frames)) and self._is_first_wake()


def _weight(image: VncImage | VncFrame) -> int:
    """Return the weight in bytes of a waiting rectangle, or of the end of a frame: at least 1."""
    return 1 + len(image.data) if isinstance(image, VncImage) else 1
