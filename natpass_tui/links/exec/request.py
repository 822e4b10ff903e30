"""The request for a command without a terminal."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

from natpass_wire.commands import check_size
from natpass_wire.errors import UserError
from natpass_wire.frame import MAX_DATA_BYTES
from natpass_wire.pb.exec_pb2 import ConnectExec
from natpass_wire.pb.link_pb2 import ConnectRequest
from natpass_wire.text import printable

#: The range of time limits in seconds: from the wire's unit, a millisecond, to about a century.
MOST_SECONDS = 100 * 366 * 86400.0


@dataclass(frozen=True, slots=True)
class RemoteCommand:
    """A command to run, in bytes: neither arguments nor paths have to be text.

    Attributes:
        argv: the program and its arguments.
        cwd: the working directory, relative to the remote user's home; empty: the home.
        env: variables to add, `K=V`.
        timeout: the time limit in seconds; None: no limit.
    """

    argv: tuple[bytes, ...]
    cwd: bytes = b""
    env: tuple[bytes, ...] = ()
    timeout: float | None = None

    @classmethod
    def from_words(
        cls, argv: Sequence[str], cwd: str = "", env: Sequence[str] = (), timeout: float | None = None
    ) -> "RemoteCommand":
        """Return the request for the words of a command line.

        Raises:
            UserError: they are invalid.
        """
        if not argv or not argv[0]:
            raise UserError("which command? natpass-tui exec AGENT -- COMMAND ARGUMENT…")
        for entry in env:
            if not entry.partition("=")[0] or "=" not in entry:
                raise UserError(f"--env {printable(entry, 40)!r}: NAME=VALUE is expected")
        if timeout is not None and not 0.001 <= timeout <= MOST_SECONDS:
            raise UserError(f"--timeout {timeout:g}: a number of seconds above 0 is expected")
        words = tuple(os.fsencode(word) for word in argv)
        request = cls(words, os.fsencode(cwd), tuple(os.fsencode(entry) for entry in env), timeout)
        check_size(request._asked().ByteSize())
        return request

    def message(self) -> ConnectRequest:
        """Return the request; if it is too long for one message, only the number of bytes that follow."""
        asked = self._asked()
        follows = len(self.following())
        if follows:  # an agent without this feature finds no command, and refuses
            asked = ConnectExec(follows=follows)
        return ConnectRequest(name="exec", kind=ConnectRequest.exec, cexec=asked)

    def following(self) -> bytes:
        """Return the bytes to send after the request is accepted; empty if it fits into one message."""
        asked = self._asked()
        return asked.SerializeToString() if asked.ByteSize() > MAX_DATA_BYTES else b""

    def _asked(self) -> ConnectExec:
        milliseconds = round(self.timeout * 1000) if self.timeout is not None else 0
        return ConnectExec(argv=self.argv, cwd=self.cwd, env=self.env, timeout_ms=milliseconds)
