"""The platform's folders for a user's files, looked up only when needed, since not every user has them.

A user id without a passwd entry and without HOME (a container, a service) has none. That is not an error until a file
has to be written there.
"""

# Why: docs/decisions/041-folders-when-needed.md

from collections.abc import Callable
from pathlib import Path

from platformdirs import user_config_dir, user_state_dir

_NAME = "natpass"


def config_folder() -> Path | None:
    """Return the folder of config files, None if this user has none."""
    return _found(lambda: user_config_dir(_NAME, appauthor=False))


def state_folder() -> Path | None:
    """Return the folder for what programs make once and need again, None if this user has none."""
    return _found(lambda: user_state_dir(_NAME, appauthor=False))


def _found(look: Callable[[], str]) -> Path | None:
    try:
        found = Path(look())
    except (RuntimeError, KeyError):  # platformdirs from 4.11 on; KeyError: Windows without its variables
        return None
    return found if found.is_absolute() else None  # older platformdirs: `~/.config`, which is not a place
