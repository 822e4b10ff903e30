"""Makes the servers of all kinds, on this platform's services."""

from collections.abc import Mapping, Sequence

from natpass_agent.links import KINDS
from natpass_agent.links.arriving import Arriving
from natpass_agent.links.kind import KindServer, Services
from natpass_agent.platform import programs
from natpass_agent.targets.targets import Rules, Targets


def all_servers(
    options: Mapping[str, str | None] | None = None,
    repeated: Mapping[str, Sequence[str]] | None = None,
    *,
    agent: str = "",
    passed: Sequence[str] = (),
    files: int = 1024,
) -> tuple[KindServer, ...]:
    """Return a server for each kind.

    Args:
        options: the values of the kinds' own options, by name.
        repeated: the same of those that may be given several times.
        agent: the agent's id.
        passed: names and patterns of our environment's variables that all programs get.
        files: how many files the process may have open.
    """
    given = repeated or {}
    targets = Targets(Rules.of(given), files)
    services = Services(programs.programs(agent, passed), targets, Arriving(), options or {}, given)
    return tuple(kind.make_server(services) for kind in KINDS)
