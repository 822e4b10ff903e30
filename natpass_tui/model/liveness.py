"""Whether an agent is reachable while it takes no input: we have the relay ping it. Pure.

An agent that answers has read everything before the ping; then its program is what takes no input. One answer is not
enough: it may be an earlier one that the relay remembers, and the typed input may still wait here. We ask for the
second one after the first has arrived, so it follows the typed input.
"""

# Why: docs/decisions/058-no-answer-is-told.md

from natpass_wire.pb.roster_pb2 import RttReport

#: Seconds between two questions: by then a relay pings again, instead of reporting its last result.
ASK_SECONDS = 2.5
#: The most agents to remember: more than there are tabs.
_MOST = 200


class _Agent:
    __slots__ = ("answers", "asked_at", "misses", "waits")

    def __init__(self) -> None:
        self.asked_at = float("-inf")
        self.waits = False  # for the last question's answer
        self.answers: list[float] = []  # when the last two answered questions were asked, since the last miss
        self.misses = False  # the last question had no answer


class Liveness:
    """The questions and answers. Times are in seconds of one clock."""

    def __init__(self) -> None:
        self._agents: dict[str, _Agent] = {}

    def ask(self, agent: str, now: float) -> bool:
        """Request an agent's liveness; return whether to ask the relay now."""
        known = self._agents.setdefault(agent, _Agent())
        while len(self._agents) > _MOST:
            del self._agents[next(iter(self._agents))]
        if now - known.asked_at < ASK_SECONDS:
            return False
        known.asked_at, known.waits = now, True
        return True

    def take(self, report: RttReport) -> None:
        """Take the relay's report; ignore agents that we did not ask for."""
        for rtt in report.rtts:
            known = self._agents.get(rtt.id)
            if known is None or not known.waits:
                continue
            known.waits, known.misses = False, rtt.micros == 0
            known.answers = [*known.answers, known.asked_at][-2:] if rtt.micros else []

    def answers(self, agent: str, since: float) -> bool | None:
        """Return whether an agent is reachable: it answered twice since then, or not the last time; None if unknown."""
        known = self._agents.get(agent)
        if known is None or (known.misses and known.asked_at < since):
            return None
        if known.misses:
            return False
        return True if len(known.answers) == 2 and known.answers[0] >= since else None

    def clear(self) -> None:
        """Forget everything: the relay is gone."""
        self._agents.clear()
