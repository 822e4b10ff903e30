"""The environment that programs start in: built from an allow-list, as sshd builds it, however the agent was started.

A supervisor, a user over ssh, tmux or an editor may start the agent. The variables that they set describe them: a
program that sees SSH_CONNECTION, TMUX or NO_COLOR behaves as if it ran there. So a program gets the variables of the
machine and the account, those that the agent's own options let through, and those that the opener adds.

Home, shell and name are those of the user database, and PATH is the one that the machine gives to a login: the agent's
own may be a build's, a test's or root's.
"""

# Why: docs/decisions/030-environment-of-programs.md

import fnmatch
import os
import re
import stat
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from natpass_wire.errors import UserError
from natpass_wire.text import printable

#: The only variable of our own: set to the agent's id for every program, so that profiles and scripts can tell.
MARKER = "NATPASS_AGENT"
#: The prefix of our own options and secrets, which are never passed on.
_OURS = "NATPASS_"

#: Variables taken from the agent's environment on POSIX. Language and time zone are the machine's, and operators set
#: them in the agent's unit. sshd passes on TZ; PAM sets the rest. Not DISPLAY: programs would ask their questions (a
#: password) on a screen that the user of the shell does not see. Not TMPDIR, SSH_AUTH_SOCK, *_proxy: sshd does not pass
#: them on either, `--pass-env` does.
POSIX = ("LANG", "LANGUAGE", "LC_*", "TZ")
#: Variables taken on Windows: those that the system itself gives to each session.
WINDOWS = (
    *("ALLUSERSPROFILE", "APPDATA", "COMMONPROGRAMFILES*", "COMMONPROGRAMW6432", "COMPUTERNAME", "COMSPEC"),
    *("DRIVERDATA", "HOMEDRIVE", "HOMEPATH", "LANG", "LC_*", "LOCALAPPDATA", "LOGONSERVER", "NUMBER_OF_PROCESSORS"),
    *("OS", "PATH", "PATHEXT", "PROCESSOR_*", "PROGRAMDATA", "PROGRAMFILES*", "PROGRAMW6432", "PSMODULEPATH", "PUBLIC"),
    *("SYSTEMDRIVE", "SYSTEMROOT", "TEMP", "TMP", "TZ", "USERDOMAIN*", "USERNAME", "USERPROFILE", "WINDIR"),
)
#: The PATH if the machine does not set one: that of login(1) and sshd for root, which is harmless for other users.
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#: Shells of accounts that nobody logs in to; a program that starts $SHELL would end at once.
_NO_SHELLS = frozenset({"nologin", "false", "true", "sync", ""})


@dataclass(frozen=True, slots=True)
class Account:
    """The account that programs run as.

    Attributes:
        name: the user's name, empty for a user id without a name (containers).
        shell: the path of the shell, empty if there is no usable one.
        runtime: the directory for sockets of this user's sessions, empty if there is none.
        home: the home directory, empty for a user id without an entry in the user database.
        path: the PATH of this user's logins.
    """

    name: str = ""
    shell: str = ""
    runtime: str = ""
    home: str = ""
    path: str = DEFAULT_PATH

    @classmethod
    def ours(cls, inherited: Mapping[str, str]) -> "Account":
        """Return the account that this process runs as.

        Args:
            inherited: our environment: it may name our directory for sockets.
        """
        name = shell = home = ""
        path = DEFAULT_PATH
        if sys.platform != "win32":
            import pwd  # noqa: PLC0415 - does not exist on Windows

            path = login_path(is_root=os.getuid() == 0)
            with suppress(KeyError):
                entry = pwd.getpwuid(os.getuid())
                name, shell, home = entry.pw_name, entry.pw_shell, entry.pw_dir
        if Path(shell).name in _NO_SHELLS or not os.access(shell, os.X_OK):
            shell = ""
        return cls(name, shell, _runtime_directory(inherited), home, path)


def login_path(etc: Path = Path("/etc"), *, is_root: bool) -> str:
    """Return the PATH that this machine gives to a login, in the order of sshd and PAM.

    It comes from `environment` (pam_env), else `login.defs` (login(1), with a line for root), else `paths` (macOS'
    path_helper), else it is `DEFAULT_PATH`.

    Args:
        etc: the directory of the machine's configuration.
        is_root: whether root logs in.
    """
    said = (
        _assigned(_text(etc / "environment"), "PATH"),
        _assigned(_text(etc / "login.defs"), "ENV_SUPATH" if is_root else "ENV_PATH"),
        ":".join(line.strip() for line in _text(etc / "paths").splitlines() if line.strip()),
    )
    return next((path for path in said if path), DEFAULT_PATH)


def _text(path: Path) -> str:
    """Return the text of a file of the machine's configuration, empty if we can't read it."""
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def _assigned(text: str, name: str) -> str:
    """Return the last value of a variable in the text of `/etc/environment` or `/etc/login.defs`; empty if unset.

    A line is `NAME=VALUE`, with or without `export` and quotes (pam_env), or `NAME PATH=VALUE` or `NAME VALUE`
    (login.defs).
    """
    value = ""
    for line in text.splitlines():
        found = re.match(rf"\s*(?:export\s+)?{name}(?:\s*=\s*|\s+(?:PATH=)?)(.*)", line)
        if found is not None:
            value = found[1].strip()
            value = value[1:].split(value[0])[0] if value[:1] in {'"', "'"} else value.split("#")[0].strip()
    return value


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


def _runtime_directory(inherited: Mapping[str, str]) -> str:
    """Return XDG_RUNTIME_DIR if it is ours, as pam_systemd sets it: another user's is useless, and a risk."""
    if sys.platform != "win32":
        for path in (inherited.get("XDG_RUNTIME_DIR", ""), f"/run/user/{os.getuid()}"):
            with suppress(OSError, ValueError):
                status = os.lstat(path)
                if stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid():
                    return path
    return ""
