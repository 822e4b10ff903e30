"""Where a program gets its secrets, and how it hides them from other users."""

# Why: docs/decisions/045-hidden-secrets.md

import os
import stat
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import setproctitle

from natpass_wire.errors import UserError
from natpass_wire.program.platform import HAS_FILE_MODES, user_id

#: The longest secret file; a larger file is not one.
_MOST_BYTES = 4096


def read_secret_file(path: Path) -> str:
    """Return the secret in a file: its content without the line end.

    Raises:
        UserError: the file can't be read, holds no secret, is another user's, or other users can read it.
    """
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise UserError(f"cannot read the secret file {path}: {error.strerror}") from error
    check_private(status, f"the secret file {path}")
    try:
        secret = content.decode().strip("\r\n")
    except UnicodeDecodeError as error:
        raise UserError(f"the secret file {path} is not text") from error
    if not secret or len(content) > _MOST_BYTES or not secret.isprintable():
        raise UserError(f"the secret file {path} should hold one line with the secret")
    return secret


def check_private(status: os.stat_result, what: str) -> None:
    """Refuse a file with secrets that other users can read or write; `status` is that of the open file.

    Raises:
        UserError: they can, or it is another user's (root's is good for everybody).
    """
    if not HAS_FILE_MODES or not stat.S_ISREG(status.st_mode):  # a shell's pipe: <(pass show natpass)
        return
    if status.st_uid not in {user_id(), 0}:
        raise UserError(f"{what} belongs to another user, who could change it: chown it")
    # systemd's credentials belong to root with mode 0440: the group's bits are what its access list allows us.
    forbidden = 0o037 if status.st_uid == 0 else 0o077
    if status.st_mode & forbidden:
        raise UserError(f"other users can read or write {what}: chmod 600 it")


def choose_secret(name: str, value: str | None, file: Path | None) -> str | None:
    """Return the secret given directly or by a file, None if not given.

    Args:
        name: the option's name without dashes, for messages.
        value: the secret, if given directly.
        file: the file with the secret.

    Raises:
        UserError: both are given, the file is invalid, or the secret is empty.
    """
    if value is not None and file is not None:
        raise UserError(f"give --{name} or --{name}-file, not both")
    if value is not None and not value:
        raise UserError(f"--{name} is empty")
    return read_secret_file(file) if file is not None else value


def in_arguments(arguments: Sequence[str], named: Mapping[str, str | None]) -> list[str]:
    """Return the names of the options whose secrets are in the arguments, where other users can see them for a moment.

    Args:
        arguments: the process's arguments.
        named: the secret of each option, None or empty if it has none.
    """
    return [name for name, value in named.items() if value and any(value in argument for argument in arguments)]


def hide_arguments(
    program: str, arguments: Sequence[str], secrets: Sequence[str | None], *, in_environment: bool = False
) -> None:
    """Show `***` in place of secrets in the process list, if the platform lets a process change its title.

    Other users can read the arguments until then: only a file or the environment hides a secret from them.

    Args:
        program: the program's name.
        arguments: the arguments after it.
        secrets: what to hide.
        in_environment: a secret came in the environment. The kernel shows that to processes of the same user for as
            long as we live, except for the part that the title overwrites. Call this before the variable is removed:
            the title only reaches to the end of the environment's first contiguous piece.
    """
    known = [secret for secret in secrets if secret]
    if not in_environment and not any(secret in argument for secret in known for argument in arguments):
        return
    shown = []
    for argument in arguments:
        for secret in known:
            argument = argument.replace(secret, "***")  # noqa: PLW2901 - each secret in turn
        shown.append(argument)
    setproctitle.setproctitle(" ".join([program, *shown]))
    sys.argv[1:] = shown
