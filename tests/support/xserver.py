"""Headless X servers (Xvfb), and programs on them, for tests."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias

import mss
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support.waiting import wait_until

Process: TypeAlias = "subprocess.Popen[bytes]"

#: The default programs of `needs`.
_PROGRAMS = ("Xvfb",)


def needs(*programs: str) -> pytest.MarkDecorator:
    """Return a mark that skips a test, by name, if Xvfb or one of these programs is missing."""
    missing = [name for name in (*_PROGRAMS, *programs) if shutil.which(name) is None]
    return pytest.mark.skipif(bool(missing), reason=f"needs {', '.join(missing)}")


@dataclass(frozen=True)
class XServer:
    """A running X server.

    Attributes:
        display: its name, such as `:7`.
        process: the server.
    """

    display: str
    process: "subprocess.Popen[bytes]"

    @property
    def env(self) -> dict[str, str]:
        """An environment with this display."""
        kept = {key: value for key, value in os.environ.items() if key not in {"WAYLAND_DISPLAY", "XAUTHORITY"}}
        return kept | {"DISPLAY": self.display, "LC_ALL": "C.UTF-8"}

    def picture(self) -> NDArray[np.uint8]:
        """Return the screen, captured without our own code: (rows, cols, 3), red, green, blue."""
        with mss.MSS(display=self.display) as capture:
            shot = capture.grab(capture.monitors[0])
            return np.frombuffer(shot.rgb, np.uint8).reshape(shot.height, shot.width, 3)

    def run(self, *command: str, given: bytes = b"") -> bytes:
        """Run a program to its end; return its output."""
        return subprocess.run(command, env=self.env, input=given, stdout=subprocess.PIPE, check=True, timeout=10).stdout

    @contextmanager
    def program(self, *command: str) -> "Iterator[subprocess.Popen[bytes]]":
        """Run a program meanwhile."""
        quiet = subprocess.DEVNULL
        process = subprocess.Popen(command, env=self.env, stdin=quiet, stdout=quiet, stderr=quiet)
        try:
            yield process
        finally:
            process.terminate()
            process.wait(10)

    @contextmanager
    def xterm(self, command: Sequence[str] = ("cat",), geometry: str = "80x24+0+0") -> "Iterator[Process]":
        """Run a command in an xterm; its window is mapped when this starts."""
        before = self.picture()
        with self.program("xterm", "-u8", "-geometry", geometry, "-e", *command) as process:
            wait_until(lambda: (self.picture() != before).mean() > 0.05, "an xterm's window")
            yield process


@contextmanager
def x_server(size: str = "1280x720", *options: str, number: int | None = None) -> Iterator[XServer]:
    """Run an X server.

    Args:
        size: of its screen, in pixels.
        options: more of its options.
        number: of its display. None: the lowest free one, which another server gets as soon as this one has ended.
    """
    reader, writer = os.pipe()
    command = [
        "Xvfb",
        *([] if number is None else [f":{number}"]),
        "-displayfd",
        str(writer),
        "-screen",
        "0",
        f"{size}x24",
        "-nolisten",
        "tcp",
        "-noreset",
        *options,
    ]
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, pass_fds=[writer], stdin=quiet, stdout=quiet, stderr=quiet)
    os.close(writer)
    try:
        with os.fdopen(reader) as numbers:
            display = numbers.readline().strip()
        assert display, "Xvfb did not start"
        yield XServer(f":{display}", process)
    finally:
        process.terminate()
        process.wait(10)
