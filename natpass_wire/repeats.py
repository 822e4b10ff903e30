"""Repeated log messages: once, then with a count, never a flood."""

from dataclasses import dataclass, field

#: The same text is logged again after this many seconds at the earliest.
EVERY = 60.0
#: Lines in that time. More texts than that are only counted: a peer may choose what is in them. As many are remembered.
MOST_LINES = 16


@dataclass(slots=True)
class Repeats:
    """Decides which of many texts are logged."""

    _said: dict[str, tuple[float, int]] = field(default_factory=dict)
    _since: float = float("-inf")
    _lines: int = 0
    _left_out: int = 0

    def note(self, text: str, now: float) -> str | None:
        """Record that `text` happened at `now` (seconds); return what to log, None for a repeat, or one too many."""
        since, unsaid = self._said.get(text, (now - EVERY, 0))
        if now - since < EVERY:
            self._said[text] = (since, unsaid + 1)
            return None
        if now - self._since >= EVERY:
            self._since, self._lines = now, 0
        if self._lines >= MOST_LINES:
            self._left_out += 1
            return None
        self._lines += 1
        self._said.pop(text, None)
        while len(self._said) >= MOST_LINES:
            del self._said[next(iter(self._said))]
        self._said[text] = (now, 0)
        left_out, self._left_out = self._left_out, 0
        counts = [f"{unsaid} times more since it was last said"] if unsaid else []
        if left_out:
            counts.append(f"{left_out} lines like this were left out")
        return f"{text} ({'; '.join(counts)})" if counts else text

    def forget(self) -> None:
        """Start afresh: every text counts as new."""
        self._said.clear()
