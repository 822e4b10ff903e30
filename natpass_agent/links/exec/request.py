"""Requests of the exec kind; without I/O."""

from dataclasses import dataclass

from natpass_agent.links.request import additions, in_pieces, text_of, timeout_of, words_of
from natpass_wire.pb.exec_pb2 import ConnectExec


@dataclass(frozen=True, slots=True)
class AskedCommand:
    """A command that an opener asks for. Its strings hold bytes that are not text as `os.fsdecode` returns them.

    Attributes:
        argv: the program and its arguments.
        cwd: the directory, relative to the user's home; empty for the home.
        env: variables that are added to the environment.
        timeout: seconds that it may take, None for no limit.
    """

    argv: tuple[str, ...]
    cwd: str
    env: dict[str, str]
    timeout: float | None


def parse(message: ConnectExec) -> AskedCommand:
    """Parse the opener's request.

    Raises:
        BadRequestError: it is invalid.
    """
    return AskedCommand(
        words_of(message.argv),
        text_of(message.cwd, "the directory"),
        additions(text_of(entry, "a variable") for entry in message.env),
        timeout_of(message.timeout_ms),
    )


def parse_long(data: bytes) -> AskedCommand:
    """Parse the opener's request in a request that came in pieces.

    Raises:
        BadRequestError: it is invalid.
    """
    return parse(in_pieces(ConnectExec, data))
