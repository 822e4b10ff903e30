"""The terminal driver of each operating system."""

import functools
import sys

from textual.driver import Driver

#: Seconds to wait for a sequence after an Escape. Textual's 0.1 is noticeable in vim; 0.025 is enough over ssh.
ESCAPE_DELAY = 0.025


def console_driver(prefix: str = "") -> type[Driver] | None:
    """Return the application's ``driver_class`` (None: Textual's own, with our parser).

    Args:
        prefix: the control character of the console's prefix key, if it has one: no unfinished sequence takes it.
    """
    if sys.platform != "win32":
        from natpass_tui.driver.platform.posix import driver_for  # noqa: PLC0415 - needs termios

        return driver_for(prefix)
    else:  # noqa: RET505 - the type checker takes what follows a return for dead code on the other platform
        from textual.drivers import win32  # noqa: PLC0415 - is there only on Windows

        from natpass_tui.driver.parser import OuterParser  # noqa: PLC0415 - it reads this module's delay

        vars(win32)["XTermParser"] = functools.partial(OuterParser, prefix=prefix)  # it has the same methods
        return None
