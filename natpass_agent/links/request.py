"""Parsing that the requests of several kinds share, and the text for a program's end; without I/O."""

import os
from collections.abc import Iterable, Sequence
from signal import Signals
from typing import TypeVar

from google.protobuf.message import DecodeError, Message

from natpass_wire.errors import NatpassError
from natpass_wire.text import printable


class BadRequestError(NatpassError):
    """The opener's request is invalid; the text says why, safe to print."""


AnyMessage = TypeVar("AnyMessage", bound=Message)

#: Time limits above ten years count as no limit.
_MOST_SECONDS = 10 * 366 * 86400.0


def in_pieces(kind: type[AnyMessage], data: bytes) -> AnyMessage:
    """Return the message of a request that came in pieces.

    Raises:
        BadRequestError: it is damaged.
    """
    try:
        return kind.FromString(data)
    except DecodeError as error:
        raise BadRequestError("the request that came in pieces is damaged") from error


def text_of(data: bytes, what: str) -> str:
    """Return bytes of a request as the operating system's text (`os.fsdecode`).

    Args:
        data: an argument, a path, or a variable.
        what: its name in messages for the opener.

    Raises:
        BadRequestError: it can't be decoded, or holds a NUL character.
    """
    try:
        text = os.fsdecode(data)
    except UnicodeDecodeError as error:  # on Windows, where names are text
        raise BadRequestError(f"{what} is not valid UTF-8") from error
    if "\0" in text:
        raise BadRequestError(f"{what} holds a NUL character: {printable(text, 40)!r}")
    return text


def words_of(argv: Iterable[bytes]) -> tuple[str, ...]:
    """Return a program and its arguments.

    Raises:
        BadRequestError: there is no program, or a word can't be an argument.
    """
    words = tuple(text_of(word, "an argument") for word in argv)
    if not words or not words[0]:
        raise BadRequestError("which command?")
    return words


def logged_as(argv: Sequence[str]) -> str:
    """Return a command for the log: its program, and the number of its arguments, which may hold passwords."""
    count = len(argv) - 1
    return printable(argv[0]) + (f" with {count} argument{'s' * (count > 1)}" if count else "")


def timeout_of(milliseconds: int) -> float | None:
    """Return a time limit in seconds, None for no limit."""
    seconds = milliseconds / 1000
    return seconds if 0 < seconds < _MOST_SECONDS else None


def additions(entries: Iterable[str]) -> dict[str, str]:
    """Return the variables in the `K=V` entries of a request; of several with one name, the last one counts.

    Raises:
        BadRequestError: an entry has no name, no `=`, or a NUL character.
    """
    found: dict[str, str] = {}
    for entry in entries:
        name, equals, value = entry.partition("=")
        if not name or not equals or "\0" in entry:
            raise BadRequestError(f"malformed env entry {printable(entry, 40)!r}: NAME=VALUE is expected")
        found[name] = value
    return found


def end_text(status: int | None) -> str:
    """Return how a program ended, as text for a person.

    Args:
        status: its exit status, -n for signal n, or None if unknown.
    """
    if status is None:
        return "ended"
    if status >= 0:
        return f"exited with status {status}"
    number = -status
    name = f" ({Signals(number).name})" if number in {signal.value for signal in Signals} else ""
    return f"ended by signal {number}{name}"
