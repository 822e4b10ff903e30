"""The link kinds that this agent serves, one folder each."""

from natpass_agent.links.base import KindServer
from natpass_agent.links.desktop.server import DesktopServer
from natpass_agent.links.exec.server import ExecServer
from natpass_agent.links.shell.server import ShellServer
from natpass_agent.platform import processes, programs, pty


def all_kinds(display: str | None = None) -> tuple[KindServer, ...]:
    """Return the servers of all kinds, on this platform's services.

    Args:
        display: the X display to show, None: the one in the environment.
    """
    found = programs.programs()
    return (ShellServer(pty.service(), found), ExecServer(processes.service(), found), DesktopServer(display))
