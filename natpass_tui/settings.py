"""What the console's screens are told."""

from dataclasses import dataclass, field

from natpass_tui.links.desktop.request import DesktopRequest
from natpass_tui.session.prefix import DEFAULT_PREFIX
from natpass_tui.tty.request import ShellRequest


@dataclass(frozen=True, slots=True)
class Settings:
    """How the console behaves.

    Attributes:
        prefix: the prefix key's name.
        clipboard: whether a remote may write to the user's clipboard (OSC 52). Off: a program on a remote machine (or
            a file shown by `cat` there) could put a command there that the user pastes into another shell.
        agent: open a shell here at once, and end with it.
        request: what a shell tab runs.
        desktop: how desktops are sent.
        keeps_offline_input: what is typed into a shell that cannot be reached at the moment waits; otherwise it is
            refused.
        opens_desktop: open the desktop of `agent` rather than a shell.
    """

    prefix: str = DEFAULT_PREFIX
    clipboard: bool = False
    agent: str = ""
    request: ShellRequest = field(default_factory=ShellRequest)
    desktop: DesktopRequest = field(default_factory=DesktopRequest)
    opens_desktop: bool = False
    keeps_offline_input: bool = True
