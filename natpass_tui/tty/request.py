"""The request for a shell or another program on a terminal."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from natpass_wire.commands import MAX_REQUEST_BYTES
from natpass_wire.errors import UserError
from natpass_wire.frame import MAX_DATA_BYTES
from natpass_wire.pb.link_pb2 import ConnectRequest, ConnectShell

#: Our terminal's type. We don't send the locale: it may not exist there (perl, apt and others then complain at every
#: start), and the agent knows its machine's locales.
TERMINAL_ENV = ("TERM=xterm-256color", "COLORTERM=truecolor")


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
            UserError: it does not fit into one message, or a variable is not text.
        """
        # Both, even if empty: otherwise the agent sets them to our own terminal's type.
        kind = tuple(f"{name}={terminal.get(name, '')}" for name in ("TERM", "COLORTERM"))
        try:
            env = kind + tuple(entry.decode() for entry in request.env)
        except UnicodeDecodeError as error:
            raise UserError("a variable for a program on a terminal has to be UTF-8 text") from error
        return cls(env=env, argv=request.argv, cwd=request.cwd, timeout=request.timeout).checked()

    # Why: docs/decisions/036-long-requests.md
    def checked(self) -> "ShellRequest":
        """Return this request if it can be sent.

        Raises:
            UserError: it does not fit into one message.
        """
        if (size := self.message(1, 1).ByteSize()) > MAX_DATA_BYTES:
            raise UserError(
                f"the command and its variables have {size} bytes; a program on a terminal may have {MAX_DATA_BYTES}, "
                f"one without (natpass-tui exec) {MAX_REQUEST_BYTES}"
            )
        return self

    @property
    def name(self) -> str:
        """A rule name that depends on kind, program and environment: np-cli stores rules by name (docs/wire.md §5)."""
        parts = b"\0".join((b"shell", self.exec.encode(), *(entry.encode() for entry in self.env), *self.argv))
        return f"shell-{hashlib.sha256(parts).hexdigest()[:12]}"

    def message(self, rows: int, cols: int) -> ConnectRequest:
        """Return the request for a terminal of this size."""
        milliseconds = round(self.timeout * 1000) if self.timeout is not None else 0
        shell = ConnectShell(
            exec=self._line(),
            env=self.env,
            rows=rows,
            cols=cols,
            argv=self.argv,
            cwd=self.cwd,
            timeout_ms=milliseconds,
        )
        return ConnectRequest(name=self.name, kind=ConnectRequest.shell, cshell=shell)

    def _line(self) -> str:
        """Return the `exec` for agents that do not know `argv`: a program without arguments works there too."""
        if len(self.argv) != 1:
            return self.exec
        try:
            return self.argv[0].decode()
        except UnicodeDecodeError:
            return ""
