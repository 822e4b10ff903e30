"""Whether an agent is there, while it takes nothing of what was typed: the relay is asked to ping it. Pure.

An agent that answers has read all that came before the ping, so that its program is what takes no input. One answer
does not tell: it may be the relay's memory of an earlier one, and what was typed may still wait at this end. The second
was asked for when the first had come, behind what was typed.
"""

# Why: docs/decisions/058-no-answer-is-told.md

from natpass_wire.pb.roster_pb2 import RttReport

#: Seconds between two questions: by then a relay pings anew, instead of telling what it has measured last.
ASK_SECONDS = 2.5
#: Agents that are remembered at most: more than there are tabs.
_MOST = 200


class _Agent:
    __slots__ = ("answers", "asked_at", "misses", "waits")

    def __init__(self) -> None:
        self.asked_at = float("-inf")
        self.waits = False  # for the answer to the last question
        self.answers: list[float] = []  # when the last two were asked for, since a question had none
        self.misses = False  # the last question had no answer


class Liveness:
    """What was asked and answered. Times are in seconds of one clock."""

    def __init__(self) -> None:
        self._agents: dict[str, _Agent] = {}

    def ask(self, agent: str, now: float) -> bool:
        """Take note that somebody wonders; tell whether to ask the relay now."""
        known = self._agents.setdefault(agent, _Agent())
        while len(self._agents) > _MOST:
            del self._agents[next(iter(self._agents))]
        if now - known.asked_at < ASK_SECONDS:
            return False
        known.asked_at, known.waits = now, True
        return True

    def take(self, report: RttReport) -> None:
        """Take what the relay tells; what nobody asked is not looked at."""
        for rtt in report.rtts:
            known = self._agents.get(rtt.id)
            if known is None or not known.waits:
                continue
            known.waits, known.misses = False, rtt.micros == 0
            known.answers = [*known.answers, known.asked_at][-2:] if rtt.micros else []

    def answers(self, agent: str, since: float) -> bool | None:
        """Tell whether an agent is there: it has answered twice since then, or not the last time; None: no telling."""
        known = self._agents.get(agent)
        if known is None or (known.misses and known.asked_at < since):
            return None
        if known.misses:
            return False
        return True if len(known.answers) == 2 and known.answers[0] >= since else None

    def clear(self) -> None:
        """Forget all, because the relay is gone."""
        self._agents.clear()
