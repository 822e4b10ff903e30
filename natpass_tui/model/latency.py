"""Round-trip times of the visible agents: which ones to ask for, and the answers."""

from collections.abc import Iterable

from natpass_wire.pb.roster_pb2 import RttReport

#: The most ids in one request (roster.proto).
MOST_IDS = 200
#: Seconds between two requests while the same rows are visible.
INTERVAL = 5.0


class Latencies:
    """The round-trip times between relay and agents that the relay reported, in seconds."""

    def __init__(self) -> None:
        self._seconds: dict[str, float | None] = {}

    def get(self, agent_id: str) -> float | None:
        """Return the round-trip time, None if unknown."""
        return self._seconds.get(agent_id)

    def ask(self, visible: Iterable[str]) -> list[str]:
        """Return the ids to ask for; forget the times of other agents, which would become stale."""
        ids = list(visible)[:MOST_IDS]
        self._seconds = {agent_id: self._seconds.get(agent_id) for agent_id in ids}
        return ids

    def take(self, report: RttReport) -> None:
        """Take an answer; ignore ids that we did not ask for."""
        for rtt in report.rtts:
            if rtt.id in self._seconds:
                self._seconds[rtt.id] = rtt.micros / 1e6 if rtt.micros else None

    def clear(self) -> None:
        """Forget everything: the relay is gone."""
        self._seconds.clear()
