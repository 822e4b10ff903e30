"""What the programs ask the platform for: the one place of this package that knows which it is."""

import os
import sys
from pathlib import Path

if sys.platform == "win32":

    def user_id() -> int | None:
        """Return the number of the user that we act as; None where files have no such owner."""
        return None

    def sync_directory(path: Path) -> None:
        """Have the names in a directory on the disk; here they are when the call that changed them returned."""

    def has_terminal() -> bool:
        """Tell whether a terminal controls this process: never here, where its end is no signal."""
        return False

else:

    def user_id() -> int | None:
        """Return the number of the user that we act as; None where files have no such owner."""
        return os.geteuid()

    def sync_directory(path: Path) -> None:
        """Have the names in a directory on the disk.

        Raises:
            OSError: they may not be.
        """
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def has_terminal() -> bool:
        """Tell whether a terminal controls this process, and is still there."""
        try:
            os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY))
        except OSError:
            return False
        return True


#: Whether a file's owner and mode say who else may touch it.
HAS_FILE_MODES = user_id() is not None

#: Flag of `os.open`: fail where the name is a symbolic link, which another user may have put there.
NO_FOLLOW: int = getattr(os, "O_NOFOLLOW", 0)
