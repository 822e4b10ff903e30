"""The user's own terminal, for a remote program that has it to itself."""

import os
import sys

from natpass_wire.errors import UserError

if sys.platform == "win32":

    class RawTerminal:
        """There is none here yet."""

        def __init__(self, descriptor: int) -> None:
            raise UserError("exec -t needs a POSIX terminal; here: natpass-tui shell AGENT -- COMMAND")

        def enter(self) -> None:
            """Have the terminal pass on every key."""

        def leave(self, *, drops_input: bool = False) -> None:
            """Give it back as it was."""

        def size(self) -> tuple[int, int]:
            """Return its size, rows and cols."""
            return (24, 80)

    def stop_self() -> None:
        """There is no stopping here."""

else:
    import signal
    import termios
    import threading
    import tty
    from contextlib import suppress

    class RawTerminal:
        """A terminal that passes every key on, Ctrl+C and Ctrl+Z too, and shows bytes as they come.

        Args:
            descriptor: of the terminal.
        """

        def __init__(self, descriptor: int) -> None:
            self._fd = descriptor
            try:
                self._before = termios.tcgetattr(descriptor)
            except termios.error as error:
                raise UserError("exec -t needs a terminal on stdin") from error

        def enter(self) -> None:
            """Have the terminal pass on every key; again, after somebody else had it."""
            with suppress(termios.error):  # it is gone: whoever reads it notices
                tty.setraw(self._fd, termios.TCSANOW)

        def leave(self, *, drops_input: bool = False) -> None:
            """Give it back as it was, without waiting for it.

            Args:
                drops_input: drop what was not read: reports of the mouse would be typed into the user's shell.
            """
            with suppress(termios.error):
                if drops_input:
                    termios.tcflush(self._fd, termios.TCIFLUSH)
                termios.tcsetattr(self._fd, termios.TCSANOW, self._before)

        def size(self) -> tuple[int, int]:
            """Return its size, rows and cols; 24 by 80 if it does not say."""
            try:
                cols, rows = os.get_terminal_size(self._fd)
            except OSError:
                cols = rows = 0
            return (rows, cols) if rows and cols else (24, 80)

    def stop_self() -> None:
        """Stop this process, as Ctrl+Z would, until somebody continues it; not where no shell could.

        Called in the main thread. The signal is for this thread: others might stop the process a moment later.
        """
        before = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        signal.pthread_kill(threading.get_ident(), signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, before)
