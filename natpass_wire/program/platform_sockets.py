"""Sockets between programs of one machine: the only module that knows whether they exist, and how to find the peer."""

import contextlib
import os
import socket
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

#: The most bytes of a socket's name: 108 on Linux and 104 on macOS and BSD, with a NUL at the end.
_MOST_NAME_BYTES = 103

if sys.platform == "win32":
    #: Whether such sockets exist (CPython does not support those of Windows).
    HAS_LOCAL_SOCKETS = False

    def local_socket() -> socket.socket:
        """Raise OSError: they do not exist here."""
        raise OSError("not on Windows yet")

    def peer_user(connection: socket.socket) -> int | None:
        """Return the user id of the peer, None if not known."""
        return None

else:
    #: Whether such sockets exist.
    HAS_LOCAL_SOCKETS = True

    def local_socket() -> socket.socket:
        """Return a new stream socket for processes of this machine."""
        return socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)

    if sys.platform == "linux":

        def peer_user(connection: socket.socket) -> int | None:
            """Return the user id of the peer, None if not known."""
            credentials = struct.Struct("iII")  # unix(7): pid, uid, gid
            found = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, credentials.size)
            user: int = credentials.unpack(found)[1]
            return user

    else:

        def peer_user(connection: socket.socket) -> int | None:
            """Return the user id of the peer, None if not known."""
            credentials = struct.Struct("II")  # sys/ucred.h, struct xucred: version, uid, and the groups
            try:
                found = connection.getsockopt(0, 1, 128)  # SOL_LOCAL, LOCAL_PEERCRED
                user: int = credentials.unpack_from(found)[1]
            except (OSError, struct.error):
                return None
            return user


@contextlib.contextmanager
def name_of(path: Path) -> Iterator[str]:
    """Yield a name for a socket's path that the system accepts, which limits names more than paths.

    Raises:
        OSError: there is no such name, or the folder can't be opened.
    """
    if len(os.fsencode(path)) <= _MOST_NAME_BYTES:
        yield str(path)
        return
    handle = os.open(path.parent, os.O_RDONLY)
    try:
        folder = Path(f"/proc/self/fd/{handle}")  # Linux
        if not folder.exists():
            raise OSError(
                f"its path is too long for a socket (over {_MOST_NAME_BYTES} bytes): use a shorter --state-dir"
            )
        yield str(folder / path.name)
    finally:
        os.close(handle)
