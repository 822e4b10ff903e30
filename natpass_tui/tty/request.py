"""The request for a shell or another program on a terminal."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from natpass_wire.commands import check_size
from natpass_wire.errors import UserError
from natpass_wire.frame import MAX_DATA_BYTES
from natpass_wire.pb.link_pb2 import ConnectRequest, ConnectShell

#: Our terminal's type. We don't send the locale: it may not exist there (perl, apt and others then complain at every
#: start), and the agent knows its machine's locales.
TERMINAL_ENV = ("TERM=xterm-256color", "COLORTERM=truecolor")

#: Bytes of a request in one message, without the name and the terminal's size.
_MOST_AT_ONCE = MAX_DATA_BYTES - 64


class ExecWords(Protocol):
    """A request from the command line, see `natpass_tui.links.exec.request.RemoteCommand`."""

    @property
    def argv(self) -> tuple[bytes, ...]:
        """The program and its arguments."""
        ...

    @property
    def cwd(self) -> bytes:
        """Where."""
        ...

    @property
    def env(self) -> tuple[bytes, ...]:
        """Variables to add."""
        ...

    @property
    def timeout(self) -> float | None:
        """The time limit in seconds."""
        ...


@dataclass(frozen=True, slots=True)
class ShellRequest:
    """A program to run on a pty.

    Attributes:
        exec: the program; empty: the agent's shell.
        env: variables to add to its environment, `K=V`.
        argv: a program and its arguments, in bytes; takes precedence over `exec`.
        cwd: the working directory of `argv`, relative to the remote user's home; empty: the home.
        timeout: the time limit of `argv` in seconds; None: no limit.
    """

    exec: str = ""
    env: tuple[str, ...] = TERMINAL_ENV
    argv: tuple[bytes, ...] = ()
    cwd: bytes = b""
    timeout: float | None = None

    @classmethod
    def from_exec(cls, request: ExecWords, terminal: Mapping[str, str]) -> "ShellRequest":
        """Return the request for a command on the user's own terminal.

        Args:
            request: the command.
            terminal: our environment, which describes that terminal.

        Raises:
            UserError: no system takes so much, or a variable is not text.
        """
        # Both, even if empty: otherwise the agent sets them to our own terminal's type.
        kind = tuple(f"{name}={terminal.get(name, '')}" for name in ("TERM", "COLORTERM"))
        try:
            env = kind + tuple(entry.decode() for entry in request.env)
        except UnicodeDecodeError as error:
            raise UserError("a variable for a program on a terminal has to be UTF-8 text") from error
        return cls(env=env, argv=request.argv, cwd=request.cwd, timeout=request.timeout).checked()

    # Why: docs/decisions/095-long-commands-on-a-terminal.md
    def checked(self) -> "ShellRequest":
        """Return this request if it can be sent.

        Raises:
            UserError: no system takes so much.
        """
        check_size(self._asked().ByteSize())
        return self

    @property
    def name(self) -> str:
        """A rule name that depends on kind, program and environment: np-cli stores rules by name (docs/wire.md §5)."""
        parts = b"\0".join((b"shell", self.exec.encode(), *(entry.encode() for entry in self.env), *self.argv))
        return f"shell-{hashlib.sha256(parts).hexdigest()[:12]}"

    def message(self, rows: int, cols: int) -> ConnectRequest:
        """Return the request for a terminal of this size; if it is too long, only the number of bytes that follow."""
        follows = len(self.following())
        # An agent without this feature finds an empty command, and refuses; without any it would start a shell.
        shell = ConnectShell(argv=[b""], follows=follows) if follows else self._asked()
        shell.rows, shell.cols = rows, cols
        return ConnectRequest(name=self.name, kind=ConnectRequest.shell, cshell=shell)

    def following(self) -> bytes:
        """Return the bytes to send after the request is accepted; empty if it fits into one message."""
        asked = self._asked()
        return asked.SerializeToString() if asked.ByteSize() > _MOST_AT_ONCE else b""

    def _asked(self) -> ConnectShell:
        milliseconds = round(self.timeout * 1000) if self.timeout is not None else 0
        return ConnectShell(exec=self._line(), env=self.env, argv=self.argv, cwd=self.cwd, timeout_ms=milliseconds)

    def _line(self) -> str:
        """Return the `exec` for agents that do not know `argv`: a program without arguments works there too."""
        if len(self.argv) != 1:
            return self.exec
        try:
            return self.argv[0].decode()
        except UnicodeDecodeError:
            return ""
