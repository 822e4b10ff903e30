"""The same bytes give the same screen as in tmux, for programs people use and for demonstrations of the odd corners.

A program runs on a pseudo-terminal and its output is recorded; then the engine, and `cat` in a tmux pane, get it.
"""

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from natpass_tui.terminal import TerminalEngine
from tests.support.waiting import wait_until
from tests.tui.terminal.conftest import EngineFactory
from tests.tui.terminal.panes import Pane, needs, pane

assert sys.platform != "win32"  # Pseudo-terminals are a thing of POSIX.

ROWS, COLS = 24, 80
QUIET = 0.25


def record(command: list[str], keys: list[str]) -> bytes:
    """The output of a program that gets some keys, each after it fell silent; cut while it still runs."""
    primary, secondary = pty.openpty()
    fcntl.ioctl(secondary, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLS, 0, 0))
    environment = {"TERM": "xterm-256color", "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": "/nonexistent"}
    process = subprocess.Popen(
        command, stdin=secondary, stdout=secondary, stderr=secondary, env=environment, start_new_session=True
    )
    os.close(secondary)
    try:
        recorded = read_until_quiet(primary)
        for key in keys:
            os.write(primary, key.encode())
            recorded += read_until_quiet(primary)
        return recorded
    finally:
        process.kill()
        process.wait()
        os.close(primary)


def read_until_quiet(descriptor: int) -> bytes:
    found = b""
    until = time.monotonic() + 10
    while select.select([descriptor], [], [], QUIET if found else 3.0)[0] and time.monotonic() < until:
        try:
            data = os.read(descriptor, 65536)
        except OSError:
            break
        if not data:
            break
        found += data
    return found


class Replayer:
    """A pane that shows traces, one after the other."""

    def __init__(self, shown: Pane, pipe: Path) -> None:
        self._pane = shown
        self._pipe = pipe
        self._shown = 0

    def screen(self, trace: bytes) -> list[str]:
        self._shown += 1
        done = f"done {self._shown}"  # another title each time: the last one stands until tmux has come to this trace
        with self._pipe.open("wb") as pipe:
            pipe.write(b"\x1b[?1049l\x1bc\x1b[3J" + trace + b"\x18" + f"\x1b]2;{done}\x07".encode())
        wait_until(lambda: self._pane.tmux("display-message", "-p", "#{pane_title}") == f"{done}\n")
        return self._pane.lines()[:ROWS]


@pytest.fixture(scope="module")
def replayer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replayer]:
    pipe = tmp_path_factory.mktemp("trace") / "pipe"
    os.mkfifo(pipe)
    # `cat` ends with each trace and opens the pipe again; the terminal must not translate or echo.
    script = f"stty raw -echo; while cat {pipe}; do :; done"
    with pane(ROWS, COLS, "sh", "-c", script) as shown:
        yield Replayer(shown, pipe)


def screen(engine: TerminalEngine, trace: bytes) -> list[str]:
    for start in range(0, len(trace), 1000):
        engine.feed(trace[start : start + 1000])
    return engine.text().split("\n")


PROGRAMS: dict[str, tuple[list[str], list[str]]] = {
    "vim": (
        ["vim", "-n", "-u", "NONE", "+set number ruler", "LICENSE"],
        ["G", "ofirst 中文 line\x1b", ":vsplit\r", "\x06"],
    ),
    "less": (["less", "pyproject.toml"], [" ", "/tool\r", "n", "b"]),
    "htop": (["htop", "-d", "100"], ["t", "\x1b[B"]),
    "bash": (["bash", "--norc"], ["seq 1 100\r", "ls -la /\r", "echo é 中文\r", "clear\r", "printf '%0100d\\n' 1\r"]),
    "top": (["top", "-d", "100"], []),
}


@pytest.mark.tmux
@pytest.mark.parametrize("name", [pytest.param(name, marks=needs(name)) for name in PROGRAMS])
def test_programs(name: str, new_engine: EngineFactory, replayer: Replayer) -> None:
    trace = record(*PROGRAMS[name])
    engine = new_engine(rows=ROWS, cols=COLS)
    ours = screen(engine, trace)
    if engine.capabilities.exact:
        assert ours == replayer.screen(trace)
    assert any(ours)


CORNERS = {
    "margins": b"\x1b[5;10r\x1b[5;1Hone\r\ntwo\x1b[10;1Hlast\r\nnew\x1b[5;1H\x1bM\x1b[rx",
    "origin": b"\x1b[3;8r\x1b[?6h\x1b[1;1Horigin\x1b[?6l\x1b[1;1Hhome",
    "tabs": b"a\tb\tc\r\n\x1b[3g\x1b[10G\x1bH\r\tx\r\n\x1b[Zy",
    "insert": b"abcdef\x1b[3G\x1b[4hXY\x1b[4l\r\nabcdef\x1b[2G\x1b[2@\x1b[1P\r\nabcdef\x1b[2G\x1b[3Xz",
    "lines": b"1\r\n2\r\n3\r\n4\x1b[2;1H\x1b[2L\x1b[1M",
    "erase": b"x" * 400 + b"\x1b[2;10H\x1b[K\x1b[3;10H\x1b[1K\x1b[4;10H\x1b[0J",
    "wrap": b"x" * 80 + b"y\r\n" + b"z" * 80 + b"\r\n\x1b[?7l" + b"w" * 100 + b"\x1b[?7h",
    "wide": "中文字\x1b[3Gx \r\n".encode() + b"a" * 79 + "中\r\n中".encode() + b"\x1b[1P",
    "accents": "e\u0301 n\u0303 o\u0308x\r\n".encode(),
    "repeat": b"-\x1b[20b|",
    "scroll": b"\r\n".join(b"%d" % number for number in range(24)) + b"\x1b[3S\x1b[1T",
    "save": b"\x1b[5;5Ha\x1b7\x1b[10;10Hb\x1b8c\x1b[sx\x1b[1;1Hy\x1b[uz",
    "alternate": b"main\x1b[?1049halt\x1b[2;2Hmore\x1b[?1049lback",
    "soft reset": b"\x1b[3;5rtext\x1b[4h\x1b[10;10H\x1b[!pafter\r\n" + b"v" * 85,
    "unknown": b"\x1b[>4;2mok\x1b[?4m\x1b[38:2::1:2:3mok\x1b]777;x\x07ok\x1bPq#0\x1b\\ok\x1b_x\x1b\\ok\x1b[=5uok",
    "seq": b"".join(b"%d\r\n" % number for number in range(2000)),
    "reverse": b"\x1b[H\x1bM\x1bMtop\x1b[24;1Hbottom\x1bD\x1bEx",
    "colours": b"".join(b"\x1b[48;5;%dm %3d" % (number, number) for number in range(120)) + b"\x1b[0m",
}


@pytest.mark.tmux
@needs()
@pytest.mark.parametrize("name", CORNERS)
def test_corners(name: str, new_engine: EngineFactory, replayer: Replayer) -> None:
    engine = new_engine(rows=ROWS, cols=COLS)
    ours = screen(engine, CORNERS[name])
    if engine.capabilities.exact:
        assert ours == replayer.screen(CORNERS[name])
