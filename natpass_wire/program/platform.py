"""The programs' platform calls: the only module of this package that knows the platform."""

import os
import sys
from pathlib import Path

if sys.platform == "win32":

    def user_id() -> int | None:
        """Return our effective user id, None if files have no such owner."""
        return None

    def sync_directory(path: Path) -> None:
        """Sync the names in a directory to the disk; a no-op here: the call that changed them has done it."""

    def has_terminal() -> bool:
        """Tell whether a terminal controls this process: never here, where its end sends no signal."""
        return False

else:

    def user_id() -> int | None:
        """Return our effective user id, None if files have no such owner."""
        return os.geteuid()

    def sync_directory(path: Path) -> None:
        """Sync the names in a directory to the disk.

        Raises:
            OSError: this failed.
        """
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def has_terminal() -> bool:
        """Tell whether a terminal controls this process, and still exists."""
        try:
            os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY))
        except OSError:
            return False
        return True


#: Whether a file's owner and mode decide who may access it.
HAS_FILE_MODES = user_id() is not None

#: Flag of `os.open`: fail if the name is a symbolic link, which another user may have put there.
NO_FOLLOW: int = getattr(os, "O_NOFOLLOW", 0)
#: Flag of `os.open`: do not wait for the other end of a pipe, which another user may have put there.
NO_WAIT: int = getattr(os, "O_NONBLOCK", 0)
