"""What systems have in common for listening, and what they do not."""

import contextlib
import os
import socket
import stat
import sys


def reuse(sock: socket.socket) -> None:
    """Let a port be bound that an earlier connection has not quite left; on Windows that would let others take it."""
    if sys.platform != "win32":
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)


def remove_dead(path: str) -> None:
    """Remove a Unix socket of ours on which nobody listens any more, as an agent that was killed leaves it."""
    if sys.platform != "win32":
        with contextlib.suppress(FileNotFoundError):
            found = os.lstat(path)
            if not stat.S_ISSOCK(found.st_mode) or found.st_uid != os.getuid():
                return
            try:
                with contextlib.closing(socket.socket(socket.AF_UNIX)) as probe:
                    probe.setblocking(False)
                    probe.connect(path)
            except ConnectionRefusedError:
                os.unlink(path)  # noqa: PTH108 - a text, as sockets take it
            except OSError:
                return
