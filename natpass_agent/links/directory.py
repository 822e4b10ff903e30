"""The directory that a program starts in, for the kinds that run programs."""

from pathlib import Path

from natpass_agent.links.request import BadRequestError
from natpass_wire.text import printable


def directory(home: str, asked: str) -> str:
    """Return the directory that was asked for, relative to the user's home.

    Raises:
        BadRequestError: it does not exist, or we may not use it.
    """
    cwd = Path(home, asked)
    try:
        is_there = cwd.is_dir()
    except OSError as error:  # no permission, or the name is too long
        raise BadRequestError(f"cannot use directory {printable(str(cwd))}: {error.strerror}") from error
    if not is_there:
        raise BadRequestError(f"no such directory: {printable(str(cwd))}")
    return str(cwd)
