"""The user's own terminal in raw mode, for a remote program that gets all of its input."""

import os
import sys

from natpass_wire.errors import UserError

if sys.platform == "win32":

    class RawTerminal:
        """Not supported on this platform."""

        def __init__(self, descriptor: int) -> None:
            raise UserError("exec -t needs a POSIX terminal; use: natpass-tui shell AGENT -- COMMAND")

        def enter(self) -> None:
            """Do nothing: there is no such terminal."""

        def leave(self, *, drops_input: bool = False) -> None:
            """Do nothing, too."""

        def size(self) -> tuple[int, int]:
            """Return its size, rows and cols."""
            return (24, 80)

    def stop_self() -> None:
        """Do nothing: this platform cannot stop a process like that."""

else:
    import signal
    import termios
    import threading
    import tty
    from contextlib import suppress

    class RawTerminal:
        """A terminal that passes on every key, Ctrl+C and Ctrl+Z too, and shows bytes unchanged.

        Args:
            descriptor: the terminal's file descriptor.
        """

        def __init__(self, descriptor: int) -> None:
            self._fd = descriptor
            try:
                self._before = termios.tcgetattr(descriptor)
            except termios.error as error:
                raise UserError("exec -t needs a terminal on stdin") from error

        def enter(self) -> None:
            """Switch the terminal to raw mode; call it again after another program had the terminal."""
            with suppress(termios.error):  # it is gone: the next read notices
                tty.setraw(self._fd, termios.TCSANOW)

        def leave(self, *, drops_input: bool = False) -> None:
            """Restore the terminal's modes, without waiting for it.

            Args:
                drops_input: drop unread input: mouse reports would be typed into the user's shell.
            """
            with suppress(termios.error):
                if drops_input:
                    termios.tcflush(self._fd, termios.TCIFLUSH)
                termios.tcsetattr(self._fd, termios.TCSANOW, self._before)

        def size(self) -> tuple[int, int]:
            """Return its size, rows and cols; 24 by 80 if it is unknown."""
            try:
                cols, rows = os.get_terminal_size(self._fd)
            except OSError:
                cols = rows = 0
            return (rows, cols) if rows and cols else (24, 80)

    def stop_self() -> None:
        """Stop this process, as Ctrl+Z would, until it is continued; no-op if no shell could continue it.

        Call it in the main thread. The signal goes to this thread: another one might stop the process a moment later.
        """
        before = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        signal.pthread_kill(threading.get_ident(), signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, before)
