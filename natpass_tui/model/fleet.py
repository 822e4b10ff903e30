"""The fleet as a sorted, filtered list. It changes row by row: one change never sorts 10 000 agents again."""

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import islice

from natpass_tui.model.agents import FleetAgent, Order, Presence, SortKey, haystack, needles, sort_key

#: The most agents that are away and still shown. The limit bounds the memory of a fleet that comes and goes under new
#: names. It is above the relay's, since consoles live longer.
MOST_AWAY = 4096
#: From so many changes at once, sorting is cheaper than inserting.
_SORT_FROM = 500


class Fleet:
    """All known agents, and those that the filter shows, in order.

    `shown` and `window` give the shown rows; `version` grows with every change.
    """

    def __init__(self) -> None:
        self._agents: dict[str, FleetAgent] = {}
        self._haystacks: dict[str, str] = {}
        self._keys: dict[str, SortKey] = {}
        self._away: dict[str, None] = {}  # in the order in which they left
        self._listed: dict[str, None] = {}
        self._shown: list[SortKey] = []
        self._needles: tuple[str, ...] = ()
        self.filter = ""
        self.order = Order.ID
        self.version = 0
        self.online = 0

    def __len__(self) -> int:
        """Return the number of known agents."""
        return len(self._agents)

    def __contains__(self, agent_id: str) -> bool:
        return agent_id in self._agents

    @property
    def shown(self) -> int:
        """The number of rows that the filter shows."""
        return len(self._shown)

    @property
    def ids(self) -> list[str]:
        """All known ids."""
        return list(self._agents)

    def get(self, agent_id: str) -> FleetAgent | None:
        """Return the agent with this id, None if it is unknown."""
        return self._agents.get(agent_id)

    def at(self, index: int) -> FleetAgent:
        """Return the agent in row `index` of the shown ones."""
        return self._agents[self._shown[index][-1]]

    def window(self, start: int, stop: int) -> list[FleetAgent]:
        """Return the agents in the rows from `start` up to, but not including, `stop`."""
        return [self._agents[key[-1]] for key in self._shown[max(0, start) : max(0, stop)]]

    def index(self, agent_id: str) -> int | None:
        """Return the row of this agent, None if it is not shown."""
        key = self._keys.get(agent_id)
        if key is None:
            return None
        at = bisect_left(self._shown, key)
        return at if at < len(self._shown) and self._shown[at] == key else None

    def list_ids(self, ids: Iterable[str], presence: Presence) -> None:
        """Show these ids (configured, or typed) whether or not they are connected.

        Args:
            ids: valid client ids.
            presence: ABSENT, or UNTOLD where the relay has no roster.
        """
        for agent_id in ids:
            self._listed[agent_id] = None
            self._away.pop(agent_id, None)
            if agent_id not in self._agents:
                self.update([FleetAgent(agent_id, presence)], [])

    def list_known(self, first_met: Mapping[str, float]) -> None:
        """Show agents that earlier consoles have met, by id, with the time (Unix seconds); they are never dropped."""
        known = [
            FleetAgent(agent_id, Presence.AWAY, first_met=when)
            for agent_id, when in first_met.items()
            if (agent := self._agents.get(agent_id)) is None or agent.presence is Presence.ABSENT
        ]
        for agent_id in first_met:
            self._listed[agent_id] = None
            self._away.pop(agent_id, None)
        self.update(known, [])

    def update(self, changed: Sequence[FleetAgent], left: Iterable[str], now: float = 0.0) -> None:
        """Update agents that joined, changed or are away, and the ids of those that left at `now` (Unix seconds)."""
        self.version += 1
        agents = list(changed)
        for agent_id in left:
            agent = self._agents.get(agent_id)
            if agent is not None and agent.is_connected:
                if agent.presence is Presence.CONSOLE and agent_id not in self._listed:
                    self._drop(agent_id)
                else:
                    agents.append(replace(agent, presence=Presence.AWAY, since=now))
        for agent in agents:
            self._away.pop(agent.id, None)
            if agent.presence is Presence.AWAY and agent.id not in self._listed:
                self._away[agent.id] = None
        self._put(agents)
        self._forget_oldest()

    def _forget_oldest(self) -> None:
        """Forget the agents that left first, if there are too many."""
        oldest = list(islice(self._away, max(0, len(self._away) - MOST_AWAY)))
        many = len(oldest) > _SORT_FROM
        for agent_id in oldest:
            del self._away[agent_id]
            self._drop(agent_id, hide=not many)
        if many:
            self._rebuild()

    def set_filter(self, text: str) -> None:
        """Show only agents that contain every word of `text`."""
        self.filter = text
        self._needles = needles(text)
        self._rebuild()

    def set_order(self, order: Order) -> None:
        """Set the sort order."""
        self.order = order
        self._keys = {agent.id: sort_key(agent, order) for agent in self._agents.values()}
        self._rebuild()

    def _put(self, agents: list[FleetAgent]) -> None:
        many = len(agents) > _SORT_FROM
        for agent in agents:
            before = self._agents.get(agent.id)
            self.online += (agent.presence is Presence.ONLINE) - (
                before is not None and before.presence is Presence.ONLINE
            )
            if not many:
                self._hide(agent.id)
            self._agents[agent.id] = agent
            self._haystacks[agent.id] = haystack(agent)
            self._keys[agent.id] = sort_key(agent, self.order)
            if not many and self._matches(agent.id):
                insort(self._shown, self._keys[agent.id])
        if many:
            self._rebuild()

    def _hide(self, agent_id: str) -> None:
        row = self.index(agent_id)
        if row is not None:
            del self._shown[row]

    def _drop(self, agent_id: str, *, hide: bool = True) -> None:
        self.version += 1
        if hide:
            self._hide(agent_id)
        del self._agents[agent_id], self._haystacks[agent_id], self._keys[agent_id]

    def _matches(self, agent_id: str) -> bool:
        text = self._haystacks[agent_id]
        return all(needle in text for needle in self._needles)

    def _rebuild(self) -> None:
        self.version += 1
        self._shown = sorted(key for agent_id, key in self._keys.items() if self._matches(agent_id))
