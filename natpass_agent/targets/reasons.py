"""Why a target can't be reached, or listened at: for a program, and one line for people. Pure."""

import errno
import os
import socket

from natpass_wire.errors import NatpassError
from natpass_wire.pb.forward_pb2 import ChannelRefused
from natpass_wire.text import printable

Reason = ChannelRefused.Reason

_BY_NUMBER: dict[int, ChannelRefused.Reason] = {
    errno.ECONNREFUSED: ChannelRefused.NOT_LISTENING,
    errno.ENOENT: ChannelRefused.NOT_LISTENING,
    errno.EHOSTUNREACH: ChannelRefused.UNREACHABLE,
    errno.ENETUNREACH: ChannelRefused.UNREACHABLE,
    errno.ENETDOWN: ChannelRefused.UNREACHABLE,
    errno.EADDRNOTAVAIL: ChannelRefused.UNREACHABLE,
    errno.EAFNOSUPPORT: ChannelRefused.UNREACHABLE,
    errno.ETIMEDOUT: ChannelRefused.TIMED_OUT,
    errno.EADDRINUSE: ChannelRefused.IN_USE,
    errno.EMFILE: ChannelRefused.TOO_MANY,
    errno.ENFILE: ChannelRefused.TOO_MANY,
    errno.ENOBUFS: ChannelRefused.TOO_MANY,
    errno.ENOMEM: ChannelRefused.TOO_MANY,
    errno.EAGAIN: ChannelRefused.TOO_MANY,  # a Unix socket's queue is full
    errno.EACCES: ChannelRefused.NOT_ALLOWED,
    errno.EPERM: ChannelRefused.NOT_ALLOWED,
}


class RefusedError(NatpassError):
    """A target can't be reached, or listened at; the text is one line, safe to print.

    Args:
        reason: why, for a program.
        text: why, for people.
    """

    def __init__(self, reason: ChannelRefused.Reason, text: str) -> None:
        super().__init__(printable(text))
        self.reason = reason


def reason_of(error: OSError) -> ChannelRefused.Reason:
    """Return the reason for an error of the system."""
    if isinstance(error, socket.gaierror):
        return ChannelRefused.NO_HOST
    if isinstance(error, TimeoutError):
        return ChannelRefused.TIMED_OUT
    return _BY_NUMBER.get(error.errno or 0, ChannelRefused.FAILED)


def text_of(error: OSError) -> str:
    """Return what the system says, without the numbers and addresses that Python puts around it."""
    if isinstance(error, socket.gaierror):
        return str(error.strerror or "it has no address").lower()
    if isinstance(error, TimeoutError) and not error.errno:
        return "no answer in time"
    return os.strerror(error.errno).lower() if error.errno else (str(error) or "it failed")


def refused(what: str, error: OSError) -> RefusedError:
    """Return the refusal for an error of the system; `what` failed, such as `db:5432`."""
    return RefusedError(reason_of(error), f"{what}: {text_of(error)}")


class NotAllowedError(RefusedError):
    """The rules do not allow it."""


def not_allowed(what: str) -> NotAllowedError:
    """Return the refusal of what the rules do not allow."""
    return NotAllowedError(ChannelRefused.NOT_ALLOWED, f"{what} is not allowed by this agent's rules")
