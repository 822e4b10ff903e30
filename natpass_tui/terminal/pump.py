"""A thread that parses one terminal's output, so that a flood in a tab never blocks the screen.

The engine and its lock live here: `Pump.engine` lends the engine to other threads. The parser yields to them after each
portion, see `natpass_tui.terminal.amplifiers`.
"""

# Why: docs/decisions/083-the-cost-of-a-terminals-bytes.md

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from natpass_tui.pump import PumpThread
from natpass_tui.terminal.amplifiers import portions
from natpass_tui.terminal.clipboard import MOST_CLIPS, Clip
from natpass_tui.terminal.engine import REPLIES_LIMIT, TerminalEngine

#: Bytes taken from the queue at a time: a third of a millisecond with libghostty.
STEP_BYTES = 64 * 1024
#: Bytes waiting to be parsed at which `Pump.is_full`; a sender that respects it adds at most one message more.
#:
#: What waits here used credit already, so it should be little. But with nothing waiting, the parser would idle while
#: the next message is fetched. `cat` of 100 MB through relay, agent, a stream and a view: 45 MB/s (43 to 53 in five
#: runs), as with 256 KiB (43; 38 to 48) and 128 KiB (48; 41 to 54).
WAITING_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class TerminalReply:
    """An answer of the engine to the application."""

    data: bytes
    #: The position after the message that asked, in bytes fed since the start.
    seen: int


@dataclass(frozen=True, slots=True)
class Parsed:
    """The results of parsing since the last `Pump.collect`."""

    #: Bytes of the remote that are parsed: grant that much credit.
    size: int
    #: The engine's answers to the application, in order.
    replies: tuple[TerminalReply, ...]
    title: str
    #: Bells since the engine was built.
    bells: int
    #: Texts for the clipboard, in order; at most the last `MOST_CLIPS`.
    clipboard: tuple[Clip, ...]


class Pump(PumpThread[tuple[bytes, ...]]):
    """Feeds an engine from a queue. The parser thread calls ``wake`` once for any number of steps.

    It does not call it again before `collect`. The thread starts with the first bytes and ends with `close`.
    """

    def __init__(self, engine: TerminalEngine, wake: Callable[[], None]) -> None:
        super().__init__("natpass-terminal", wake)
        self._engine = engine
        self._parsed = 0
        self._position = 0  # the parser's, in all bytes fed; like the engine, it needs the lock
        self._fed = 0
        self._replies: list[TerminalReply] = []
        self._clipboard: list[Clip] = []
        self._title = ""
        self._bells = 0

    @property
    def waiting(self) -> int:
        """Bytes not parsed yet."""
        return self._waiting

    @property
    def fed(self) -> int:
        """Bytes queued so far: a position."""
        return self._fed

    @property
    def position(self) -> int:
        """Bytes parsed so far. Read it while the engine is lent."""
        return self._position

    @property
    def is_full(self) -> bool:
        """Whether more than `WAITING_BYTES` wait."""
        return self._waiting > WAITING_BYTES

    @contextmanager
    def engine(self) -> Iterator[TerminalEngine]:
        """Lend the engine exclusively. Hold it briefly."""
        with self._lent():
            yield self._engine

    def put(self, data: bytes) -> None:
        """Queue bytes; never blocks. The caller checks `is_full`."""
        with self._change:
            if data and not self._closed:
                self._fed += len(data)
                self._put((data,), len(data))

    def collect(self) -> Parsed:
        """Return what was parsed since the last call; `wake` may be called again afterwards."""
        with self._change:
            parsed = Parsed(self._parsed, tuple(self._replies), self._title, self._bells, tuple(self._clipboard))
            self._parsed = 0
            self._replies.clear()
            self._clipboard.clear()
            self._collected()
            return parsed

    def close(self) -> None:
        """Drop the queue, end the thread and close the engine."""
        if self._end():
            with self._lock:
                self._engine.close()

    def _work(self, item: tuple[bytes, ...]) -> bool:
        replies: list[TerminalReply] = []
        for data in item:  # one by one: an answer belongs to the message that asked
            answers: list[bytes] = []
            for portion in portions(data):
                if not self._goes_on():
                    return False
                with self._lock:
                    answers.append(self._engine.feed(portion))
                    self._position += len(portion)
            answer = b"".join(answers)
            if 0 < len(answer) <= REPLIES_LIMIT:
                replies.append(TerminalReply(answer, self._position))
        with self._lock:
            title, bells, clipboard = self._engine.title, self._engine.bells, self._engine.take_clipboard()
        with self._change:
            if self._closed:
                return False
            size = sum(map(len, item))
            self._waiting -= size
            self._parsed += size
            self._replies += replies
            self._title, self._bells = title, bells
            self._clipboard = [*self._clipboard, *clipboard][-MOST_CLIPS:]
            return self._is_first_wake()

    def _take(self) -> tuple[bytes, ...]:
        """Take up to `STEP_BYTES` from the queue, cutting the last message if needed."""
        (data,) = self._queue.popleft()
        if len(data) > STEP_BYTES:
            self._queue.appendleft((data[STEP_BYTES:],))
            return (data[:STEP_BYTES],)
        parts = [data]
        size = len(data)
        while self._queue and size + len(self._queue[0][0]) <= STEP_BYTES:
            parts += self._queue.popleft()
            size += len(parts[-1])
        return tuple(parts)
