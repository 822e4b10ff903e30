"""The unacknowledged messages of a link. Pure.

An acknowledgement means that the agent has handled a message: the pty has it. Existing agents acknowledge nothing.
"""

# Why: docs/decisions/058-no-answer-is-told.md

from collections import deque
from dataclasses import dataclass

#: Seconds after which we report typed input that is not acknowledged.
UNANSWERED_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class _Sent:
    typed: bytes  # empty for a message without typed input
    at: float


class InFlight:
    """The messages of one link, in order."""

    def __init__(self) -> None:
        self._sent: deque[_Sent] = deque()
        self._answered_at = 0.0

    def sent(self, typed: bytes, now: float) -> None:
        """Note a message that the link has taken.

        Args:
            typed: the typed part of it.
            now: the time in seconds.
        """
        self._sent.append(_Sent(typed, now))

    def acknowledged(self, left: int | None, now: float) -> None:
        """Note that all but the last `left` messages are acknowledged; None: unknown."""
        if (left or 0) < len(self._sent):
            self._answered_at = now
        while len(self._sent) > (left or 0):
            self._sent.popleft()

    def unanswered(self, now: float, waits_since: float | None = None) -> float:
        """Return for how many seconds typed input had no answer, 0.0 while nothing needs an answer.

        Args:
            now: the time in seconds.
            waits_since: since when typed input waits for the link, None if none does.
        """
        first = next((sent.at for sent in self._sent if sent.typed), waits_since)
        return 0.0 if first is None else max(now - max(first, self._answered_at), 0.0)

    def is_stalled(self, now: float) -> bool:
        """Tell whether nothing was acknowledged for so long that new messages would wait behind the old ones."""
        return bool(self._sent) and now - max(self._sent[0].at, self._answered_at) > UNANSWERED_SECONDS

    @property
    def typed(self) -> list[bytes]:
        """The typed input that is not acknowledged, in pieces."""
        return [sent.typed for sent in self._sent if sent.typed]

    def clear(self) -> None:
        """Forget everything, for another link."""
        self._sent.clear()
