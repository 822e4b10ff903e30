"""How a command or program without a screen of ours ended, and what was carried. Pure."""

from dataclasses import dataclass

from natpass_wire.links import End
from natpass_wire.pb.link_pb2 import LinkEnd

#: Exit status of our own failures, as ssh has it, and of a command that took too long, as timeout(1) has it.
FAILED, TIMED_OUT = 255, 124
#: 128 + INT, 128 + PIPE: what a shell says of a program that was ended so.
INTERRUPTED, BROKEN_PIPE = 130, 141


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it ended.

    Attributes:
        status: the exit status for the shell.
        text: what went wrong, for a person; empty if there is nothing to say.
    """

    status: int
    text: str = ""


@dataclass(slots=True)
class Counts:
    """Bytes carried: from stdin, to stdout, to stderr."""

    bytes_in: int = 0
    bytes_out: int = 0
    bytes_err: int = 0


def outcome(end: End) -> Outcome:
    """Return what the end of a link means."""
    if end.cause == LinkEnd.EXITED and end.status is not None:
        # Other systems' statuses may be larger than what fits here; none of them may look like success.
        return Outcome(min(end.status, 255) if end.status >= 0 else min(128 - end.status, 255))
    if end.cause == LinkEnd.TIMED_OUT:
        return Outcome(TIMED_OUT, end.text or "timed out")
    return Outcome(FAILED, end.text or "the link ended without a reason")
