"""The link kinds that this agent serves, one folder each."""

from natpass_agent.links.base import KindServer
from natpass_agent.links.desktop.server import DesktopServer
from natpass_agent.links.shell.server import ShellServer
from natpass_agent.platform import programs, pty


def all_kinds(display: str | None = None) -> tuple[KindServer, ...]:
    """Return the servers of all kinds, on this platform's services.

    Args:
        display: the X display to show, None: the one in the environment.
    """
    return (ShellServer(pty.service(), programs.programs()), DesktopServer(display))
