"""What to say when the same thing happens again and again: once, then with a count, never a flood."""

from dataclasses import dataclass, field

#: The same text is said again after so many seconds at the earliest.
EVERY = 60.0
#: Different texts that are remembered; more than that are no repeats but news.
_MOST_TEXTS = 16


@dataclass(slots=True)
class Repeats:
    """Decides which of many texts are said."""

    _said: dict[str, tuple[float, int]] = field(default_factory=dict)

    def note(self, text: str, now: float) -> str | None:
        """Take note that `text` happened at `now` (seconds); return what to say, None for a repeat."""
        since, unsaid = self._said.pop(text, (now - EVERY, 0))
        if now - since < EVERY:
            self._said[text] = (since, unsaid + 1)
            return None
        while len(self._said) >= _MOST_TEXTS:
            del self._said[next(iter(self._said))]
        self._said[text] = (now, 0)
        return f"{text} ({unsaid} times more since it was last said)" if unsaid else text

    def forget(self) -> None:
        """Start afresh: what happens next is news."""
        self._said.clear()
