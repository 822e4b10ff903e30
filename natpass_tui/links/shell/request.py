"""What the console asks an agent for when it opens a shell."""

import hashlib
from dataclasses import dataclass

from natpass_wire.pb.link_pb2 import ConnectRequest, ConnectShell

#: What our terminal is. The locale is not sent: it names something that may not exist over there (perl, apt and others
#: then complain at every start); the agent knows which locales its machine has.
TERMINAL_ENV = ("TERM=xterm-256color", "COLORTERM=truecolor")


@dataclass(frozen=True, slots=True)
class ShellRequest:
    """Which program to run on a pty.

    Attributes:
        exec: the program; empty: the agent's shell.
        env: added to its environment, `K=V`.
    """

    exec: str = ""
    env: tuple[str, ...] = TERMINAL_ENV

    @property
    def name(self) -> str:
        """A rule name that differs whenever kind, program or environment do: np-cli keeps rules by it (WIRE.md §5)."""
        parts = "\0".join(("shell", self.exec, *self.env))
        return f"shell-{hashlib.sha256(parts.encode()).hexdigest()[:12]}"

    def message(self, rows: int, cols: int) -> ConnectRequest:
        """Return the request for a terminal of this size."""
        shell = ConnectShell(exec=self.exec, env=self.env, rows=rows, cols=cols)
        return ConnectRequest(name=self.name, kind=ConnectRequest.shell, cshell=shell)
