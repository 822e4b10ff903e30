"""Finds programs, and makes the environment that they start in."""

import os
import shlex
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from natpass_agent.platform.environment import MARKER, POSIX, WINDOWS, Account, chosen
from natpass_wire.errors import NatpassError
from natpass_wire.text import printable

#: The terminal of consoles that do not name theirs.
_TERMINAL = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}


class SpawnError(NatpassError):
    """The program could not be started; the text says why, safe to print."""


class NoProgramError(NatpassError):
    """There is no such program, or it can't be executed; the text says which, safe to print."""


class Programs(Protocol):
    """The programs of this machine."""

    @property
    def shells(self) -> tuple[tuple[str, ...], ...]:
        """The default shells, each a name and its arguments: a shell without `exec` runs the first that exists."""

    def home(self) -> str:
        """Return the directory that programs start in: the user's home."""

    def environment(self, additions: Mapping[str, str]) -> dict[str, str]:
        """Return the whole environment of a program on a terminal: see `environment`; `additions` come last."""

    def find(self, name: str, env: Mapping[str, str], cwd: str) -> str:
        """Return the path of a program.

        Args:
            name: its name, looked up in the PATH of `env`, or its path, relative to `cwd`.
            env: the environment it will have.
            cwd: the directory it will start in.

        Raises:
            NoProgramError: it does not exist, or can't be executed.
        """

    def split(self, line: str) -> list[str]:
        """Return the words of a command line, by this platform's rules of quoting.

        Raises:
            ValueError: a quote is not closed.
        """


def programs(agent: str = "", passed: Sequence[str] = ()) -> Programs:
    """Return this platform's programs.

    Args:
        agent: the agent's id, which programs get in `MARKER`.
        passed: names and patterns of the agent's variables that all programs get.
    """
    return WindowsPrograms(agent=agent, passed=passed) if os.name == "nt" else PosixPrograms(agent=agent, passed=passed)


class PosixPrograms:
    """Programs of a POSIX system.

    Args:
        inherited: the agent's environment.
        agent: the agent's id for `MARKER`, empty to leave that out.
        passed: names and patterns of variables that all programs get.
        account: the account that they run as, by default ours.
    """

    def __init__(
        self,
        inherited: Mapping[str, str] | None = None,
        *,
        agent: str = "",
        passed: Sequence[str] = (),
        account: Account | None = None,
    ) -> None:
        self._inherited = os.environ if inherited is None else inherited
        self._agent = agent
        self._passed = passed
        self._account = Account.ours(self._inherited) if account is None else account

    @property
    def shells(self) -> tuple[tuple[str, ...], ...]:
        """Bash, else sh, as login shells.

        Login shells as with sshd: a supervisor often starts the agent with next to no environment, and the user's
        profile gives a remote shell the same PATH and language as this user's other shells.
        """
        return (("bash", "-l"), ("sh", "-l"))

    def home(self) -> str:
        """Return the account's home, or `/` if that is not a directory that we can enter: no program could start there.

        The agent's own HOME counts if the operator passes it on, or for a user id without an account.
        """
        passed = chosen(self._inherited, self._passed).get("HOME")
        home = passed or self._account.home or self._inherited.get("HOME", "")
        return home if Path(home).is_absolute() and _can_enter(home) else "/"

    def environment(self, additions: Mapping[str, str]) -> dict[str, str]:
        """Return the environment: allowed variables, those of every login, those passed on, then `additions`.

        Variables that describe the terminal are left out if they are empty.
        """
        env = chosen(self._inherited, POSIX)
        env["PATH"] = self._account.path
        if user := self._account.name or self._inherited.get("USER", ""):
            env |= {"USER": user, "LOGNAME": user}
        if shell := self._account.shell or self._any_shell(env):
            env["SHELL"] = shell
        if self._account.runtime:
            env["XDG_RUNTIME_DIR"] = self._account.runtime
        if not any(env.get(name) for name in ("LC_ALL", "LC_CTYPE", "LANG")):
            env["LANG"] = "C.UTF-8"  # supervisors set none: bash would show é as \303\251 to consoles, which use UTF-8
        if self._agent:
            env[MARKER] = self._agent
        passed = chosen(self._inherited, self._passed)
        env |= passed | {"HOME": self.home()} | _TERMINAL | dict(additions)
        return {name: value for name, value in env.items() if value or name not in _TERMINAL}

    def _any_shell(self, env: Mapping[str, str]) -> str:
        """Return the path of the shell that a session without a program gets; empty if there is none."""
        for name, *_ in self.shells:
            with suppress(NoProgramError):
                return self.find(name, env, "/")
        return ""

    def find(self, name: str, env: Mapping[str, str], cwd: str) -> str:
        """Return a program's path; see the Protocol."""
        return _find(name, env.get("PATH", os.defpath), cwd)

    def split(self, line: str) -> list[str]:
        """Return the words of a line as a POSIX shell splits it, without expansions."""
        return shlex.split(line)


class WindowsPrograms:
    """Programs of Windows: names of variables ignore case. Arguments as for `PosixPrograms`."""

    def __init__(
        self, inherited: Mapping[str, str] | None = None, *, agent: str = "", passed: Sequence[str] = ()
    ) -> None:
        self._inherited = {
            key.upper(): value for key, value in (os.environ if inherited is None else inherited).items()
        }
        self._agent = agent
        self._passed = [pattern.upper() for pattern in passed]

    @property
    def shells(self) -> tuple[tuple[str, ...], ...]:
        """PowerShell, else the command prompt."""
        return (("powershell", "-NoLogo"), ("cmd",))

    def home(self) -> str:
        """Return the user's profile directory, or the system's root if that is unknown."""
        try:
            return str(Path.home())
        except RuntimeError:
            return self._inherited.get("SYSTEMDRIVE", "C:") + "\\"

    def environment(self, additions: Mapping[str, str]) -> dict[str, str]:
        """Return the environment: allowed variables, those passed on, then `additions`."""
        env = chosen(self._inherited, (*WINDOWS, *self._passed))
        if self._agent:
            env[MARKER] = self._agent
        return env | {key.upper(): value for key, value in additions.items()}

    def find(self, name: str, env: Mapping[str, str], cwd: str) -> str:
        """Return a program's path; see the Protocol."""
        return _find(name, env.get("PATH", os.defpath), cwd)

    def split(self, line: str) -> list[str]:
        """Return the words of a line; a backslash is a backslash, double quotes hold a word together."""
        return [word.strip('"') for word in shlex.split(line, posix=False)]


class FakePrograms:
    """Programs for tests.

    Args:
        names: the programs.
        shells: as in the Protocol.
    """

    def __init__(self, names: set[str], shells: tuple[tuple[str, ...], ...] = (("sh",),)) -> None:
        self._names = names
        self._shells = shells

    @property
    def shells(self) -> tuple[tuple[str, ...], ...]:
        """Return the test's shells."""
        return self._shells

    def home(self) -> str:
        """Return a directory."""
        return "/home/fake"

    def environment(self, additions: Mapping[str, str]) -> dict[str, str]:
        """Return a small environment, and `additions`."""
        return {"TERM": "fake"} | dict(additions)

    def find(self, name: str, env: Mapping[str, str], cwd: str) -> str:
        """Return the name itself if the test knows it."""
        if name not in self._names:
            raise NoProgramError(f"no such program: {printable(name)}")
        return name

    def split(self, line: str) -> list[str]:
        """Return the words of a line."""
        return shlex.split(line)


def _can_enter(directory: str) -> bool:
    try:
        return Path(directory).is_dir() and os.access(directory, os.X_OK)
    except OSError:  # one above it can't be entered
        return False


def _find(name: str, path: str, cwd: str) -> str:
    if "\0" in name:
        raise NoProgramError("a program's name can't hold a NUL character")
    if os.path.dirname(name):  # noqa: PTH120 - "./x" and "x" differ, pathlib makes them one
        found = Path(cwd, name)
        try:
            if found.is_dir():
                raise NoProgramError(f"{printable(name)} is a directory")
            if not found.exists():
                raise NoProgramError(f"no such program: {printable(name)}")
        except OSError as error:  # such as a path that is too long
            raise NoProgramError(f"no such program: {printable(name)} ({error.strerror})") from error
        if shutil.which(str(found)) is None:
            raise NoProgramError(f"{printable(name)} is not executable")
        return str(found)
    where = shutil.which(name, path=path)
    if where is None:
        raise NoProgramError(f"no such program: {printable(name)}")
    return str(Path(cwd, where))
