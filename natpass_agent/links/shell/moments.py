"""Tells whether input that nobody typed is still in time: answers of the terminal, pointer, focus. Pure.

Such input reacts to output, and is for the program that wrote it. A later program would take it for keys: a hundred
late answers stand at a prompt, and Enter runs them. The console says which output the input reacts to
(`ShellData.seen`). This module remembers when that output was read, and which process group was in the foreground.
"""

# Why: docs/decisions/057-late-answers.md

from collections import deque
from dataclasses import dataclass

from natpass_wire.pb.shell_pb2 import ShellData

#: Seconds for which such input is valid.
VALID_SECONDS = 2.0
#: Reads within so many seconds are remembered as one.
_MERGE_SECONDS = 0.05
#: Reads that are remembered: they cover `VALID_SECONDS`, unless the foreground changes all the time.
_MOST_READS = 128
#: Seconds without a read after which the next output counts as old.
_UNREAD_SECONDS = 0.5
#: Bytes that then count as old, unless the pty is empty before: more than the kernels' ptys hold.
_MOST_UNREAD = 64 * 1024


@dataclass(slots=True)
class _Read:
    """Output that was read at one time.

    Attributes:
        end: the position after it.
        at: when it was written; an estimate, earlier rather than later.
        group: the foreground process group then, None if unknown.
    """

    end: int
    at: float
    group: int | None


class Moments:
    """The recent output of a pty with its times, and the interrupts in between.

    Args:
        valid_seconds: seconds for which input is valid.
    """

    def __init__(self, valid_seconds: float = VALID_SECONDS) -> None:
        self._valid_seconds = valid_seconds
        self._position = 0
        self._reads: deque[_Read] = deque()
        self._forgotten = 0  # output before this position was read too long ago, or is not remembered
        self._interrupted = 0  # an interrupt came after output before this position,
        self._interrupted_at: float | None = None  # at this time
        self._old: tuple[float, int] | None = None  # output up to this position was written at this time
        self._down = 0  # how many pointer buttons are down,
        self._pressed: int | None = None  # and the position since which one is for the program

    def reads_on(self, since: float, now: float) -> None:
        """Record that output waits, and that there was no read since `since`."""
        if now - since > _UNREAD_SECONDS:
            self._old = since, self._position + _MOST_UNREAD

    def read(self, size: int, group: int | None, now: float, *, drained: bool) -> None:
        """Record output.

        Args:
            size: its size in bytes.
            group: the foreground process group, None if unknown.
            now: in seconds.
            drained: whether the pty is empty now.
        """
        at = now
        if self._old is not None:
            at, until = self._old
            if drained or self._position + size >= until:
                self._old = None
        self._position += size
        last = self._reads[-1] if self._reads else None
        if last is not None and last.group == group and 0 <= at - last.at < _MERGE_SECONDS:
            last.end = self._position
        else:
            self._reads.append(_Read(self._position, at, group))
        self._forget(now)

    def interrupted(self, unread: int, now: float) -> None:
        """Record that an interrupt was sent: a program that asked before may be gone.

        Args:
            unread: bytes of output that wait in the pty; they are from before the interrupt, too.
            now: in seconds.
        """
        self._interrupted = self._position + unread
        self._interrupted_at = now
        self._pressed = None

    def takes(self, source: ShellData.Source, seen: int, group: int | None, now: float) -> bool:
        """Tell whether input is for the program that runs now. Typed input always is.

        A button that went down for a program goes up for it, however late, unless the program has ended. Which of
        several buttons goes up is unknown, so the program may get one too many.

        Args:
            source: where the input comes from.
            seen: the position after the output that it reacts to.
            group: the foreground process group, None if unknown.
            now: in seconds.
        """
        if source == ShellData.TYPED:
            return True
        if source == ShellData.RELEASE:
            pressed = self._pressed
            self._down = max(self._down - 1, 0)
            if not self._down:
                self._pressed = None
            return pressed is not None and not self._another_since(pressed, group)
        is_answer = source == ShellData.ANSWER
        valid = (
            seen <= self._position  # a console can't have seen output of the future
            and not self._is_of_the_interrupted(seen, now, is_answer=is_answer)
            and not self._another_since(seen, group)
            and not self._is_late(seen, now, is_answer=is_answer)
        )
        if source == ShellData.PRESS:
            self._down += 1
            if valid and self._pressed is None:
                self._pressed = seen
        return valid

    def _is_of_the_interrupted(self, seen: int, now: float, *, is_answer: bool) -> bool:
        """Tell whether it is for a program that was interrupted.

        A program that ignores the interrupt and writes nothing still gets the pointer.
        """
        if self._interrupted_at is None or seen > self._interrupted:
            return False
        return is_answer or now - self._interrupted_at <= self._valid_seconds

    def _is_late(self, seen: int, now: float, *, is_answer: bool) -> bool:
        """Tell whether the output that followed the seen one is too old; for an answer, whether the seen output is."""
        self._forget(now)
        if seen < self._forgotten or (is_answer and seen == self._forgotten):
            return True
        later = next((read for read in self._reads if read.end > seen or (is_answer and read.end == seen)), None)
        return later is not None and now - later.at > self._valid_seconds

    def _another_since(self, position: int, group: int | None) -> bool:
        """Tell whether another process group had the foreground since the output up to `position`."""
        if group is None:
            return False
        behind = (read for read in self._reads if read.end >= position)
        return any(read.group is not None and read.group != group for read in behind)

    def _forget(self, now: float) -> None:
        """Forget reads that are too old for valid input, except the last: it tells the foreground group."""
        while len(self._reads) > 1 and (
            now - self._reads[0].at > self._valid_seconds or len(self._reads) > _MOST_READS
        ):
            self._forgotten = self._reads.popleft().end
