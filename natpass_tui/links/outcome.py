"""The outcome of a command or program without our screen, and the bytes it carried. Pure."""

from dataclasses import dataclass

from natpass_wire.links import End
from natpass_wire.pb.link_pb2 import LinkEnd

#: Exit status of our own failures, as in ssh, and of a command that took too long, as in timeout(1).
FAILED, TIMED_OUT = 255, 124
#: 128 + INT, 128 + PIPE: a shell's exit status for a program ended by that signal.
INTERRUPTED, BROKEN_PIPE = 130, 141


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command or program ended.

    Attributes:
        status: the exit status for the shell.
        text: what went wrong, for the user; empty if nothing.
    """

    status: int
    text: str = ""


@dataclass(slots=True)
class Counts:
    """Bytes carried: from stdin, to stdout, to stderr."""

    bytes_in: int = 0
    bytes_out: int = 0
    bytes_err: int = 0


def shell_status(status: int) -> int:
    """Return the exit status for the shell, 0 to 255, of a program's status (-n: signal n).

    Other systems' statuses may exceed 255, and an agent may say anything; none of them may look like success.
    """
    return min(status if status >= 0 else 128 - status, 255)


def outcome(end: End) -> Outcome:
    """Return the outcome for the end of a link."""
    if end.cause == LinkEnd.EXITED and end.status is not None:
        return Outcome(shell_status(end.status))
    if end.cause == LinkEnd.TIMED_OUT:
        return Outcome(TIMED_OUT, end.text or "timed out")
    return Outcome(FAILED, end.text or "the link ended without a reason")
