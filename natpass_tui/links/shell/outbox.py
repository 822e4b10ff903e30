"""Input of a shell that its link has not taken yet. Pure.

What is typed waits for as long as it takes. What nobody typed is dropped when it has waited for `VALID_SECONDS`: it is
for a program that waits for it now, or for a screen that looks like this now.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from natpass_tui.terminal.source import InputSource

#: Seconds for which input that nobody typed may wait.
VALID_SECONDS = 2.0


@dataclass(slots=True)
class Piece:
    """Input of one kind.

    Attributes:
        data: the bytes.
        source: where they come from.
        seen: bytes of the shell's output that were parsed when they were made.
        at: when, in seconds.
        button: of a press or a release: which button of the mouse.
    """

    data: bytearray
    source: InputSource
    seen: int
    at: float
    button: int = 0


class Outbox:
    """A queue of pieces; a piece never mixes what was typed with what was not."""

    def __init__(self) -> None:
        self._pieces: deque[Piece] = deque()
        self._unpressed: set[int] = set()  # buttons whose press was dropped: their release goes with it
        self.size = 0

    def __bool__(self) -> bool:
        """Whether something waits."""
        return bool(self._pieces)

    def put(self, data: bytes, source: InputSource, seen: int, now: float, button: int = 0) -> None:
        """Take input.

        Args:
            data: the bytes.
            source: where they come from.
            seen: bytes of the shell's output that were parsed then.
            now: in seconds.
            button: of a press or a release: which button of the mouse.
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
        """Drop what nobody typed and has waited for too long; a button that went down goes up in any case."""
        self._keep(lambda piece: now - piece.at <= VALID_SECONDS)

    def refused(self, source: InputSource, button: int) -> bool:
        """Take note of input that was not put here; tell whether it may not go another way either.

        That is a release whose press was dropped.
        """
        if source is InputSource.PRESS:
            self._unpressed.add(button)
        elif source is InputSource.RELEASE and button in self._unpressed:
            self._unpressed.discard(button)
            return True
        return False

    def drop_moments(self) -> None:
        """Drop all that nobody typed, as if it had waited for too long."""
        self._keep(lambda _: False)

    def _keep(self, is_valid: Callable[[Piece], bool]) -> None:
        if all(piece.source is InputSource.TYPED for piece in self._pieces):
            return
        kept = deque(piece for piece in self._pieces if not self._is_stale(piece, is_valid))
        self.size = sum(len(piece.data) for piece in kept)
        self._pieces = kept

    def _is_stale(self, piece: Piece, is_valid: Callable[[Piece], bool]) -> bool:
        match piece.source:
            case InputSource.TYPED:
                return False
            case InputSource.RELEASE:
                was_dropped = piece.button in self._unpressed
                self._unpressed.discard(piece.button)
                return was_dropped
        stale = not is_valid(piece)
        if piece.source is InputSource.PRESS:
            (self._unpressed.add if stale else self._unpressed.discard)(piece.button)
        return stale

    def take(self, most: int, now: float) -> Piece | None:
        """Return what goes into the next message, at most so many bytes; None if nothing does."""
        self.prune(now)
        if not self._pieces:
            return None
        piece = self._pieces[0]
        size = len(piece.data) if len(piece.data) <= most else _cut(piece, most)
        if size == len(piece.data):
            self._pieces.popleft()
        else:
            data = piece.data[:size]
            del piece.data[:size]  # not a copy of the rest: there may be a thousand pieces to come
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
        """Since when something typed waits, None if nothing does."""
        return next((piece.at for piece in self._pieces if piece.source is InputSource.TYPED), None)

    @property
    def typed(self) -> list[bytearray]:
        """What was typed of it, in pieces; not copied, so don't keep them."""
        return [piece.data for piece in self._pieces if piece.source is InputSource.TYPED]


def _cut(piece: Piece, most: int) -> int:
    """Return how much of a piece goes into a message of at most so many bytes.

    An answer is not cut in two, where that can be helped: were one half dropped, the other would be keys.
    """
    if piece.source is InputSource.TYPED:
        return most
    end = most + 1
    while (at := piece.data.rfind(b"\x1b", 1, end)) > 0:
        if piece.data[at + 1 : at + 2] != b"\\":  # else it ends an answer
            return at
        end = at
    return most
