"""The environment that programs start in: built from an allow-list, as sshd builds it, whoever started the agent.

An agent is started by a supervisor, by hand over ssh, from tmux or from an editor. What these put into its environment
speaks of them: a program that sees SSH_CONNECTION, TMUX or NO_COLOR behaves as if it ran there. So a program gets what
the machine and the account say, what the agent's own options let through, and what the opener adds.
"""

import fnmatch
import os
import stat
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from natpass_wire.errors import UserError
from natpass_wire.text import printable

#: Set for every program that an agent starts, to the agent's id, so that profiles and scripts can tell. The only one.
MARKER = "NATPASS_AGENT"
#: The prefix of our own options and secrets: nothing lets these through.
_OURS = "NATPASS_"

#: What is taken from the agent's environment on POSIX. PATH, language and time zone are the machine's, and where an
#: operator sets them is the agent's unit. sshd passes on TZ; PAM gives it the rest. Not DISPLAY: programs would ask
#: their questions (a password) on a screen that nobody at the shell sees. Not TMPDIR, SSH_AUTH_SOCK, *_proxy: sshd does
#: not, `--pass-env` does.
POSIX = ("HOME", "PATH", "LANG", "LANGUAGE", "LC_*", "TZ")
#: What is taken on Windows: what the system itself gives to each session.
WINDOWS = (
    *("ALLUSERSPROFILE", "APPDATA", "COMMONPROGRAMFILES*", "COMMONPROGRAMW6432", "COMPUTERNAME", "COMSPEC"),
    *("DRIVERDATA", "HOMEDRIVE", "HOMEPATH", "LANG", "LC_*", "LOCALAPPDATA", "LOGONSERVER", "NUMBER_OF_PROCESSORS"),
    *("OS", "PATH", "PATHEXT", "PROCESSOR_*", "PROGRAMDATA", "PROGRAMFILES*", "PROGRAMW6432", "PSMODULEPATH", "PUBLIC"),
    *("SYSTEMDRIVE", "SYSTEMROOT", "TEMP", "TMP", "TZ", "USERDOMAIN*", "USERNAME", "USERPROFILE", "WINDIR"),
)
#: Where programs are, if nobody says: as login(1) and sshd have it for root, which does no harm to others.
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#: Shells of accounts that nobody logs in to; a program that starts $SHELL would end at once.
_NO_SHELLS = frozenset({"nologin", "false", "true", "sync", ""})


@dataclass(frozen=True, slots=True)
class Account:
    """Who programs run as.

    Attributes:
        name: the user's name, empty for a user id that has none (containers).
        shell: the path of the shell, empty if there is none to use.
        runtime: the directory for sockets of this user's sessions, empty if there is none.
    """

    name: str = ""
    shell: str = ""
    runtime: str = ""

    @classmethod
    def ours(cls, inherited: Mapping[str, str]) -> "Account":
        """Return the account that this process runs as.

        Args:
            inherited: our environment: it may name a directory for sockets that is ours.
        """
        name = shell = ""
        if sys.platform != "win32":
            import pwd  # noqa: PLC0415 - does not exist on Windows

            with suppress(KeyError):
                entry = pwd.getpwuid(os.getuid())
                name, shell = entry.pw_name, entry.pw_shell
        if Path(shell).name in _NO_SHELLS or not os.access(shell, os.X_OK):
            shell = ""
        return cls(name, shell, _runtime_directory(inherited))


def check_patterns(patterns: Iterable[str]) -> tuple[str, ...]:
    """Return the patterns of `--pass-env`.

    Raises:
        UserError: one is not the name of a variable, nor a pattern of names.
    """
    found = tuple(patterns)
    for pattern in found:
        if not pattern or "=" in pattern or "\0" in pattern or pattern != pattern.strip():
            name = printable(pattern, 40)
            raise UserError(f"--pass-env {name!r}: the name of a variable is expected, such as HTTPS_PROXY or JAVA_*")
    return found


def chosen(inherited: Mapping[str, str], patterns: Sequence[str]) -> dict[str, str]:
    """Return the variables whose names match one of these patterns; never our own options and secrets."""
    return {
        name: value
        for name, value in inherited.items()
        if not name.startswith(_OURS) and any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
    }


def without_virtual_environment(path: str, virtual_environment: str) -> str:
    """Return a PATH without the programs of the Python environment that was active when the agent was started."""
    if not virtual_environment:
        return path
    return os.pathsep.join(
        folder for folder in path.split(os.pathsep) if folder != str(Path(virtual_environment, "bin"))
    )


def _runtime_directory(inherited: Mapping[str, str]) -> str:
    """Return XDG_RUNTIME_DIR as pam_systemd sets it: what belongs to another user is no use, and a risk."""
    if sys.platform != "win32":
        for path in (inherited.get("XDG_RUNTIME_DIR", ""), f"/run/user/{os.getuid()}"):
            with suppress(OSError, ValueError):
                status = os.lstat(path)
                if stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid():
                    return path
    return ""
