"""The link kinds that this agent serves, one folder each."""

from natpass_agent.links.base import KindServer
from natpass_agent.links.shell.server import ShellServer
from natpass_agent.platform import programs, pty


def all_kinds() -> tuple[KindServer, ...]:
    """Return the servers of all kinds, on this platform's services."""
    return (ShellServer(pty.service(), programs.programs()),)
