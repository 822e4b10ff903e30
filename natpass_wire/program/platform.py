"""What the programs ask the platform for: the one place of this package that knows which it is."""

import os
import sys

if sys.platform == "win32":

    def user_id() -> int | None:
        """Return the number of the user that we act as; None where files have no such owner."""
        return None

else:

    def user_id() -> int | None:
        """Return the number of the user that we act as; None where files have no such owner."""
        return os.geteuid()


#: Whether a file's owner and mode say who else may touch it.
HAS_FILE_MODES = user_id() is not None

#: Flag of `os.open`: fail where the name is a symbolic link, which another user may have put there.
NO_FOLLOW: int = getattr(os, "O_NOFOLLOW", 0)
