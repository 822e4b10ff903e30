"""Sockets between programs of one machine: the one place that knows where there are some, and who is at their end."""

import contextlib
import os
import socket
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

#: Bytes of a socket's name: 108 on Linux and 104 on macOS and BSD, with a NUL behind it.
_MOST_NAME_BYTES = 103

if sys.platform == "win32":
    #: Whether there are such sockets (CPython does not know those of Windows).
    HAS_LOCAL_SOCKETS = False

    def local_socket() -> socket.socket:
        """Raise OSError: there are none."""
        raise OSError("not on Windows yet")

    def peer_user(connection: socket.socket) -> int | None:
        """Return the number of the user at the other end; None: not known."""
        return None

else:
    #: Whether there are such sockets.
    HAS_LOCAL_SOCKETS = True

    def local_socket() -> socket.socket:
        """Return a new stream socket for processes of this machine."""
        return socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)

    if sys.platform == "linux":

        def peer_user(connection: socket.socket) -> int | None:
            """Return the number of the user at the other end; None: not known."""
            credentials = struct.Struct("iII")  # unix(7): pid, uid, gid
            found = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, credentials.size)
            user: int = credentials.unpack(found)[1]
            return user

    else:

        def peer_user(connection: socket.socket) -> int | None:
            """Return the number of the user at the other end; None: not known."""
            credentials = struct.Struct("II")  # sys/ucred.h, struct xucred: version, uid, and the groups
            try:
                found = connection.getsockopt(0, 1, 128)  # SOL_LOCAL, LOCAL_PEERCRED
                user: int = credentials.unpack_from(found)[1]
            except (OSError, struct.error):
                return None
            return user


@contextlib.contextmanager
def name_of(path: Path) -> Iterator[str]:
    """Give a socket's path as a name that the system takes, which is shorter than paths may be.

    Raises:
        OSError: there is none, or its folder can't be opened.
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
