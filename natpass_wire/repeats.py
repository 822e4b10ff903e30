"""Repeated log messages: once, then with a count, never a flood."""

from dataclasses import dataclass, field

#: The same text is logged again after this many seconds at the earliest.
EVERY = 60.0
#: How many texts are remembered; an older one counts as new.
_MOST_TEXTS = 16


@dataclass(slots=True)
class Repeats:
    """Decides which of many texts are logged."""

    _said: dict[str, tuple[float, int]] = field(default_factory=dict)

    def note(self, text: str, now: float) -> str | None:
        """Record that `text` happened at `now` (seconds); return what to log, None for a repeat."""
        since, unsaid = self._said.pop(text, (now - EVERY, 0))
        if now - since < EVERY:
            self._said[text] = (since, unsaid + 1)
            return None
        while len(self._said) >= _MOST_TEXTS:
            del self._said[next(iter(self._said))]
        self._said[text] = (now, 0)
        return f"{text} ({unsaid} times more since it was last said)" if unsaid else text

    def forget(self) -> None:
        """Start afresh: every text counts as new."""
        self._said.clear()
