"""Round-trip times of the agents in sight: whom to ask about, and what was answered."""

from collections.abc import Iterable

from natpass_wire.pb.roster_pb2 import RttReport

#: Ids that one request names at most (roster.proto).
MOST_IDS = 200
#: Seconds between two requests while the same rows are in sight.
INTERVAL = 5.0


class Latencies:
    """The times that the relay reported, in seconds between it and the agent."""

    def __init__(self) -> None:
        self._seconds: dict[str, float | None] = {}

    def get(self, agent_id: str) -> float | None:
        """Return the round-trip time, None if not known."""
        return self._seconds.get(agent_id)

    def ask(self, visible: Iterable[str]) -> list[str]:
        """Return the ids to ask for; times of agents out of sight are forgotten, they would be stale."""
        ids = list(visible)[:MOST_IDS]
        self._seconds = {agent_id: self._seconds.get(agent_id) for agent_id in ids}
        return ids

    def take(self, report: RttReport) -> None:
        """Take an answer; what was not asked for is not kept."""
        for rtt in report.rtts:
            if rtt.id in self._seconds:
                self._seconds[rtt.id] = rtt.micros / 1e6 if rtt.micros else None

    def clear(self) -> None:
        """Forget all, because the relay is gone."""
        self._seconds.clear()
