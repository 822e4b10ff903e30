"""Makes the servers of all kinds, on this platform's services."""

from collections.abc import Mapping, Sequence

from natpass_agent.links import KINDS
from natpass_agent.links.kind import KindServer, Services
from natpass_agent.platform import programs


def all_servers(
    options: Mapping[str, str | None] | None = None, *, agent: str = "", passed: Sequence[str] = ()
) -> tuple[KindServer, ...]:
    """Return a server for each kind.

    Args:
        options: the values of the kinds' own options, by name.
        agent: the agent's id.
        passed: names and patterns of our environment's variables that all programs get.
    """
    services = Services(programs.programs(agent, passed), options or {})
    return tuple(kind.make_server(services) for kind in KINDS)
