"""The command's end of the control socket: it sends a request and waits for the answer."""

import contextlib
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from natpass_wire.errors import RemoteProtocolError, UserError
from natpass_wire.program.control.protocol import (
    ANSWER_SECONDS,
    MAX_ANSWER_BYTES,
    REQUEST_SECONDS,
    ControlAnswer,
    Request,
)
from natpass_wire.program.platform import user_id
from natpass_wire.program.platform_sockets import HAS_LOCAL_SOCKETS, local_socket, name_of, peer_user

_CHUNK_BYTES = 64 * 1024


class NobodyThereError(UserError):
    """No program listens at this socket."""


def check_platform() -> None:
    """Raise UserError where there are no control sockets."""
    if not HAS_LOCAL_SOCKETS:
        raise UserError("this needs a control socket, which natpass does not have on Windows yet")


def ask(path: Path, command: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Send a request to the program at `path`; return its result. Blocks.

    Args:
        path: the socket, see `place`.
        command: the command's name.
        arguments: the command's arguments.

    Raises:
        NobodyThereError: no program listens there.
        UserError: it can't be reached, or refuses, with the reason.
    """
    deadline = time.monotonic() + REQUEST_SECONDS + ANSWER_SECONDS
    with local_socket() as connection:
        connection.settimeout(REQUEST_SECONDS)
        try:
            with name_of(path) as name:
                connection.connect(name)
            if user_id() != 0 and peer_user(connection) not in {user_id(), 0}:
                raise UserError(f"{path} is another user's")
            with contextlib.suppress(BrokenPipeError):  # it has answered already, or will not answer
                connection.sendall(Request(command, arguments).to_line())
            read = bytearray()
            while not read.endswith(b"\n") and len(read) <= MAX_ANSWER_BYTES:
                connection.settimeout(max(deadline - time.monotonic(), 0.001))
                if not (chunk := connection.recv(_CHUNK_BYTES)):
                    break
                read += chunk
            answer = ControlAnswer.from_line(bytes(read))
        except (FileNotFoundError, ConnectionRefusedError) as error:
            raise NobodyThereError(f"nobody listens at {path}") from error
        except PermissionError as error:
            raise UserError(f"cannot reach {path}: permission denied: run this as the user of that program") from error
        except TimeoutError as error:
            raise UserError(f"the program at {path} does not answer") from error
        except ConnectionResetError as error:
            raise UserError(f"the program at {path} gave no answer: it ended, or its log says why") from error
        except RemoteProtocolError as error:
            raise UserError(f"the program at {path} gave no answer: {error}") from error
        except OSError as error:
            raise UserError(f"cannot reach {path}: {error.strerror or error}") from error
    if answer.error:
        raise UserError(answer.error)
    return answer.result
