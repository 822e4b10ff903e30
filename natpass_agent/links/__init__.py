"""The link kinds that this agent serves, one folder each."""

from collections.abc import Sequence

from natpass_agent.links.base import KindServer
from natpass_agent.links.desktop.server import DesktopServer
from natpass_agent.links.exec.server import ExecServer
from natpass_agent.links.shell.server import ShellServer
from natpass_agent.platform import processes, programs, pty


def all_kinds(display: str | None = None, *, agent: str = "", passed: Sequence[str] = ()) -> tuple[KindServer, ...]:
    """Return the servers of all kinds, on this platform's services.

    Args:
        display: the X display to show, None: the one in the environment.
        agent: the agent's id.
        passed: names and patterns of variables of our environment that all programs get.
    """
    found = programs.programs(agent, passed)
    return (ShellServer(pty.service(), found), ExecServer(processes.service(), found), DesktopServer(display))
