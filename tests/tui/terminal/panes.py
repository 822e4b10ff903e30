"""A tmux server of our own: a real terminal to run programs in and to read."""

import os
import shutil
import subprocess
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.support.waiting import wait_until


def needs(*programs: str) -> "pytest.MarkDecorator":
    """Skip, by name, where programs are missing."""
    missing = [program for program in ("tmux", *programs) if shutil.which(program) is None]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}")


class Pane:
    """The only pane of a tmux server."""

    def __init__(self, socket: str) -> None:
        self._socket = socket

    def tmux(self, *arguments: str) -> str:
        command = ["tmux", "-u", "-L", self._socket, "-f", "/dev/null", *arguments]
        # The environment is given: readline, where it is loaded, adds LINES and COLUMNS behind Python's back.
        environment = dict(os.environ)
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=20, env=environment)
        return done.stdout

    def type(self, *keys: str) -> None:
        """Press keys by tmux's names for them."""
        self.tmux("send-keys", *keys)

    def write(self, text: str) -> None:
        """Type text."""
        self.tmux("send-keys", "-l", text)

    def lines(self, *options: str) -> list[str]:
        """What is on the screen, without trailing blanks."""
        return [line.rstrip() for line in self.tmux("capture-pane", "-p", *options).split("\n")[:-1]]

    @property
    def has_ended(self) -> bool:
        """Whether the program, and with it the server, is gone."""
        try:
            self.tmux("display-message", "-p", "")
        except subprocess.CalledProcessError:
            return True
        return False

    def wait_for(self, text: str) -> list[str]:
        """Wait until there is some text on the screen; return the screen."""
        self.wait_until(lambda lines: text in "\n".join(lines), repr(text))
        return self.lines()

    def wait_until(self, condition: Callable[[list[str]], object], what: str, timeout: float = 20) -> None:
        """Wait until the screen's rows fulfil a condition.

        Raises:
            AssertionError: they did not in time; the text has the screen.
        """
        try:
            wait_until(lambda: condition(self.lines()), what, timeout)
        except AssertionError as error:
            screen = "\n".join(self.lines())
            raise AssertionError(f"{error}; the screen:\n{screen}") from None


@contextmanager
def pane(rows: int, cols: int, *command: str, **environment: str) -> Iterator[Pane]:
    """Run a command in a pane of the given size."""
    found = Pane(f"natpass-{uuid.uuid4().hex[:12]}")
    variables = [part for name, value in environment.items() for part in ("-e", f"{name}={value}")]
    # Without a status line from the start: switching it off later would change the size under the program.
    size = ["-x", str(cols), "-y", str(rows)]
    found.tmux("set-option", "-g", "status", "off", ";", "new-session", "-d", *size, *variables, *command)
    try:
        yield found
    finally:
        if not found.has_ended:
            found.tmux("kill-server")
