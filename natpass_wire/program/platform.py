"""What the programs ask the platform for: the one place of this package that knows which it is."""

import os

#: Whether a file's mode says who else may read it.
HAS_FILE_MODES = os.name == "posix"
