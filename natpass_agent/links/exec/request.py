"""What an opener of the exec kind asks for; without I/O."""

import os
from dataclasses import dataclass

from natpass_agent.links.request import BadRequestError, additions
from natpass_wire.pb.exec_pb2 import ConnectExec
from natpass_wire.text import printable

#: Time limits above ten years are none.
_MOST_SECONDS = 10 * 366 * 86400.0


@dataclass(frozen=True, slots=True)
class ExecRequest:
    """A command to run. Bytes that are no text stand in its strings as `os.fsdecode` has them.

    Attributes:
        argv: the program and its arguments.
        cwd: where, relative to the user's home; empty: there.
        env: variables that are added to the environment.
        timeout: seconds that it may take, None: as many as it likes.
    """

    argv: tuple[str, ...]
    cwd: str
    env: dict[str, str]
    timeout: float | None


def parse(message: ConnectExec) -> ExecRequest:
    """Return what the opener asks for.

    Raises:
        BadRequestError: it makes no sense.
    """
    argv = tuple(_text(word, "an argument") for word in message.argv)
    if not argv or not argv[0]:
        raise BadRequestError("which command?")
    seconds = message.timeout_ms / 1000
    return ExecRequest(
        argv,
        _text(message.cwd, "the directory"),
        additions(_text(entry, "a variable") for entry in message.env),
        seconds if 0 < seconds < _MOST_SECONDS else None,
    )


def _text(data: bytes, what: str) -> str:
    try:
        text = os.fsdecode(data)
    except UnicodeDecodeError as error:  # on Windows, where names are text
        raise BadRequestError(f"{what} is no text in UTF-8") from error
    if "\0" in text:
        raise BadRequestError(f"{what} holds a NUL character: {printable(text, 40)!r}")
    return text
