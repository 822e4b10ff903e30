"""The queue of a shell's input for its link. Pure.

Typed input waits without a limit. Other input (the terminal's answers, mouse, focus) is dropped after `VALID_SECONDS`:
it is meant for the program, or the screen, of that moment.
"""

from collections import deque
from dataclasses import dataclass
from math import inf

from natpass_tui.terminal.source import InputSource

#: Seconds for which input that was not typed may wait.
VALID_SECONDS = 2.0


@dataclass(slots=True)
class Piece:
    """Input from one source.

    Attributes:
        data: the bytes.
        source: their source.
        seen: bytes of the shell's output that were parsed when the input was made.
        at: the time in seconds.
        button: the mouse button of a press or a release.
    """

    data: bytearray
    source: InputSource
    seen: int
    at: float
    button: int = 0


class ShellOutbox:
    """A queue of pieces; a piece never mixes typed and other input."""

    def __init__(self) -> None:
        self._pieces: deque[Piece] = deque()
        self._unpressed: set[int] = set()  # buttons whose press was dropped: their release goes with it
        self.size = 0

    def __bool__(self) -> bool:
        """Whether the queue is not empty."""
        return bool(self._pieces)

    def put(self, data: bytes, source: InputSource, seen: int, now: float, button: int = 0) -> None:
        """Queue input.

        Args:
            data: the bytes.
            source: their source.
            seen: bytes of the shell's output that were parsed then.
            now: the time in seconds.
            button: the mouse button of a press or a release.
        """
        if not data:
            return
        self.prune(now)
        last = self._pieces[-1] if self._pieces else None
        is_same = last is not None and last.source is source and (source is InputSource.TYPED or last.seen == seen)
        if last is not None and is_same and source in {InputSource.TYPED, InputSource.ANSWER}:
            last.data += data
        else:
            self._pieces.append(Piece(bytearray(data), source, seen, now, button))
        self.size += len(data)

    def prune(self, now: float) -> None:
        """Drop input that was not typed and has waited too long; keep the release of a sent press."""
        if all(piece.source is InputSource.TYPED for piece in self._pieces):
            return
        kept = deque(piece for piece in self._pieces if not self._is_stale(piece, now))
        self.size = sum(len(piece.data) for piece in kept)
        self._pieces = kept

    def refused(self, source: InputSource, button: int) -> bool:
        """Note input that was not queued here; return whether it may not be sent another way either.

        That is a release whose press was dropped.
        """
        if source is InputSource.PRESS:
            self._unpressed.add(button)
        elif source is InputSource.RELEASE and button in self._unpressed:
            self._unpressed.discard(button)
            return True
        return False

    def drop_moments(self) -> None:
        """Drop all input that was not typed, as if it had waited too long."""
        self.prune(inf)

    def _is_stale(self, piece: Piece, now: float) -> bool:
        match piece.source:
            case InputSource.TYPED:
                return False
            case InputSource.RELEASE:
                was_dropped = piece.button in self._unpressed
                self._unpressed.discard(piece.button)
                return was_dropped
        stale = now - piece.at > VALID_SECONDS
        if piece.source is InputSource.PRESS:
            (self._unpressed.add if stale else self._unpressed.discard)(piece.button)
        return stale

    def take(self, most: int, now: float) -> Piece | None:
        """Return the input for the next message, at most so many bytes; None if there is none."""
        self.prune(now)
        if not self._pieces:
            return None
        piece = self._pieces[0]
        size = len(piece.data) if len(piece.data) <= most else _cut(piece, most)
        if size == len(piece.data):
            self._pieces.popleft()
        else:
            data = piece.data[:size]
            del piece.data[:size]  # does not copy the rest: a thousand pieces may follow
            piece = Piece(data, piece.source, piece.seen, piece.at, piece.button)
        self.size -= size
        return piece

    def clear(self) -> None:
        """Forget everything."""
        self._pieces.clear()
        self._unpressed.clear()
        self.size = 0

    @property
    def typed_since(self) -> float | None:
        """Since when typed input waits, None if none does."""
        return next((piece.at for piece in self._pieces if piece.source is InputSource.TYPED), None)

    @property
    def typed(self) -> list[bytearray]:
        """The typed input, in pieces; not copied, so don't keep them."""
        return [piece.data for piece in self._pieces if piece.source is InputSource.TYPED]


def _cut(piece: Piece, most: int) -> int:
    """Return how many bytes of a piece go into a message of at most so many.

    Avoids cutting an answer in two: if one half were dropped, the program would read the other as keys.
    """
    if piece.source is InputSource.TYPED:
        return most
    end = most + 1
    while (at := piece.data.rfind(b"\x1b", 1, end)) > 0:
        if piece.data[at + 1 : at + 2] != b"\\":  # otherwise it ends an answer
            return at
        end = at
    return most
