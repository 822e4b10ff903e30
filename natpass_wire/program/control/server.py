"""The running program's end of the control socket."""

import asyncio
import contextlib
import logging
import os
import secrets
import socket
import stat
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from natpass_wire.aio.tasks import Tasks
from natpass_wire.errors import RemoteProtocolError, UserError
from natpass_wire.program.control.protocol import (
    ANSWER_SECONDS,
    MAX_ANSWER_BYTES,
    MAX_REQUEST_BYTES,
    REQUEST_SECONDS,
    ControlAnswer,
    Request,
)
from natpass_wire.program.platform import user_id
from natpass_wire.program.platform_sockets import HAS_LOCAL_SOCKETS, local_socket, name_of, peer_user
from natpass_wire.text import printable

log = logging.getLogger(__name__)

#: Runs a command: takes its arguments, returns its result.
Handler = Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any]]]

#: How many commands run at a time; others wait in the system.
MOST_CONNECTIONS = 8
#: After a failed accept (no descriptors are left, say), the next try is made after so many seconds.
_RETRY_SECONDS = 1.0
_CHUNK_BYTES = 16 * 1024


@contextlib.asynccontextmanager
async def serving(path: Path, handlers: Mapping[str, Handler]) -> AsyncIterator[None]:
    """Serve commands at `path` inside the context. If that is impossible, log a line and serve nothing.

    Args:
        path: the socket, see `place`. A dead process's socket there is replaced, a live one's never.
        handlers: one for each command. Their `UserError` becomes the command's.
    """
    if not HAS_LOCAL_SOCKETS:
        log.debug("there is no control socket on this system")
        yield
        return
    try:
        listener, inode = _listen(path)
    except OSError as error:
        log.warning("no control socket, so that status and end will not find this program: %s: %s", path, _why(error))
        yield
        return
    tasks = Tasks()
    tasks.start(_accept(listener, handlers, tasks), "control socket")
    try:
        yield
    finally:
        await tasks.close()
        listener.close()
        _remove(path, inode)


def _remove(path: Path, inode: int) -> None:
    """Remove our socket, unless another has replaced it."""
    with contextlib.suppress(OSError):
        if path.lstat().st_ino == inode:
            path.unlink()


def _listen(path: Path) -> tuple[socket.socket, int]:
    """Return a socket that listens at `path`, mode 0600 in a folder of mode 0700, and its inode.

    Raises:
        OSError: it can't be made, or another process listens there.
    """
    _make_private(path.parent)
    if _is_live(path):
        raise OSError("another process listens there")
    draft = path.with_name(f".{secrets.token_hex(4)}")
    listener = local_socket()
    try:
        with name_of(draft) as name:
            listener.bind(name)
        draft.chmod(0o600)  # before it listens: until then nobody can connect
        listener.listen(MOST_CONNECTIONS)
        listener.setblocking(False)
        inode = draft.lstat().st_ino
        draft.replace(path)
    except BaseException:
        listener.close()
        with contextlib.suppress(OSError):
            draft.unlink()
        raise
    return listener, inode


def _make_private(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != user_id():
        raise OSError(f"{folder} is not a folder of ours")
    if status.st_mode & 0o077:
        folder.chmod(0o700)


def _is_live(path: Path) -> bool:
    with local_socket() as probe, name_of(path) as name:
        probe.settimeout(REQUEST_SECONDS)
        try:
            probe.connect(name)
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        return True


async def _accept(listener: socket.socket, handlers: Mapping[str, Handler], tasks: Tasks) -> None:
    loop = asyncio.get_running_loop()
    room = asyncio.Semaphore(MOST_CONNECTIONS)
    while True:
        await room.acquire()
        try:
            connection, _ = await loop.sock_accept(listener)
        except OSError as error:
            log.warning("the control socket takes no connection: %s", _why(error))
            room.release()
            await asyncio.sleep(_RETRY_SECONDS)
            continue
        task = tasks.start(_serve(connection, handlers), "control command")
        task.add_done_callback(lambda _: room.release())


async def _serve(connection: socket.socket, handlers: Mapping[str, Handler]) -> None:
    """Take one request and answer it."""
    loop = asyncio.get_running_loop()
    with connection:
        connection.setblocking(False)
        user = peer_user(connection)
        if user not in {user_id(), 0}:
            log.warning("refused user %s at the control socket", user)
            return
        with contextlib.suppress(OSError, TimeoutError):  # it has gone, or takes too long
            async with asyncio.timeout(REQUEST_SECONDS):
                line = await _read_line(connection)
            answer = await _answer(line, handlers)
            async with asyncio.timeout(REQUEST_SECONDS):
                await loop.sock_sendall(connection, answer)


async def _read_line(connection: socket.socket) -> bytes:
    """Read up to the first line end, or the end, or one byte over the limit."""
    loop = asyncio.get_running_loop()
    read = bytearray()
    while b"\n" not in read and len(read) <= MAX_REQUEST_BYTES:
        if not (chunk := await loop.sock_recv(connection, _CHUNK_BYTES)):
            break
        read += chunk
    return bytes(read)


async def _answer(line: bytes, handlers: Mapping[str, Handler]) -> bytes:
    try:
        request = Request.from_line(line)
        handler = handlers.get(request.command)
        if handler is None:
            known = ", ".join(sorted(handlers))
            raise UserError(f"no such command: {printable(request.command, 40)} (known: {known})")
        async with asyncio.timeout(ANSWER_SECONDS):
            answer = ControlAnswer(await handler(request.arguments)).to_line()
        if len(answer) > MAX_ANSWER_BYTES:
            raise UserError("the answer is too long")
    except (UserError, RemoteProtocolError) as error:
        return ControlAnswer({}, str(error)).to_line()
    except TimeoutError:
        return ControlAnswer({}, f"it was not done within {ANSWER_SECONDS:.0f} s").to_line()
    return answer


def _why(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else str(error)
