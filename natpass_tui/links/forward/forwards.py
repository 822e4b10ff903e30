"""All forwards to one agent: their rules, one link, and what they carry."""

from collections.abc import Callable, Sequence

from natpass_tui.links.forward.rows import ConnectionRow, ForwardRow
from natpass_tui.links.forward.rules import ForwardRule
from natpass_tui.model.relay_port import LinkOpener

#: Seconds without a datagram after which a flow of them is over.
IDLE_SECONDS = 60.0


class Forwards:
    """The forwards to one agent. They share a link, which is opened again when the agent is back.

    Args:
        agent: the agent's id.
        console: opens the links.
        changed: called after each change of a rule's state, and of the number of its connections.
        idle: seconds without a datagram after which a flow of them is over.
    """

    def __init__(
        self,
        agent: str,
        console: LinkOpener,
        *,
        changed: Callable[[], None] = lambda: None,
        idle: float = IDLE_SECONDS,
    ) -> None:
        self.agent = agent
        self._console = console
        self.changed = changed
        self._idle = idle

    @property
    def waiting(self) -> str:
        """Why there is no link now, safe to print; empty while there is one, and before `start`."""
        raise NotImplementedError

    async def start(self, rules: Sequence[ForwardRule]) -> None:
        """Open the link and start all rules, or none.

        Raises:
            LinkEndedError: relay or agent can't be reached, or the agent refuses.
            UserError: a rule can't listen: one line, which names the rule.
        """
        raise NotImplementedError

    async def add(self, rule: ForwardRule) -> None:
        """Start one more rule. Without a link it begins to listen once there is one.

        Raises:
            UserError: it can't listen; it is not added.
        """
        raise NotImplementedError

    def remove(self, rule: ForwardRule) -> None:
        """End a rule, with a reset for its connections. No-op if there is none."""
        raise NotImplementedError

    def rows(self) -> list[ForwardRow]:
        """Return the rules in their order, as they are now."""
        raise NotImplementedError

    def connections(self) -> list[ConnectionRow]:
        """Return the open connections, the oldest first."""
        raise NotImplementedError

    def agent_there(self) -> None:
        """Note that the roster shows the agent: a link is tried at once."""
        raise NotImplementedError

    async def close(self) -> None:
        """End all rules, connections and the link."""
        raise NotImplementedError
