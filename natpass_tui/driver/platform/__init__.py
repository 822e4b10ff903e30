"""How the keyboard is read, for each operating system."""

import sys

from textual.driver import Driver

ESCAPE_DELAY = 0.025
"""Seconds to wait whether an Escape begins a sequence. Textual's 0.1 is felt in vim; over ssh 0.025 is still enough."""


def console_driver() -> type[Driver] | None:
    """The driver to give the application as its ``driver_class`` (None: Textual's own)."""
    if sys.platform != "win32":
        from natpass_tui.driver.platform.posix import PosixDriver  # noqa: PLC0415 - needs termios

        return PosixDriver
    else:  # noqa: RET505 - the type checker takes what follows a return for dead code on the other platform
        return None
