"""A console whose terminal goes away, or that is told to end, ends: whatever it is doing, and with all it has open."""

import fcntl
import io
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from natpass_tui.driver.ending import TERMINATED, Watchdog, ended_by_signals
from natpass_tui.driver.writer import QUEUED_WRITES, TerminalWriter
from tests.agent.processes import is_gone
from tests.end_to_end.agent_programs import SECRET, agent, relay
from tests.support.waiting import patience, wait_for, wait_until

assert sys.platform != "win32"

pytestmark = pytest.mark.programs

ROOT = Path(__file__).parents[3]
FLOOD = "#!/bin/sh\nexec yes 'a line that comes again and again'\n"
SHELL = "#!/bin/sh\nPS1='ready> ' exec sh\n"


class Console:
    """`natpass-tui shell box` on a terminal of its own."""

    def __init__(self, folder: Path, port: int, program: Path) -> None:
        command = [sys.executable, "-m", "natpass_tui", "shell", "box", "--exec", str(program)]
        env = {key: value for key, value in os.environ.items() if not key.startswith("NATPASS_")}
        env |= {"NATPASS_SECRET": SECRET, "HOME": str(folder), "PYTHONPATH": str(ROOT), "TERM": "xterm-256color"}
        self._terminal, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
        self.process = subprocess.Popen(
            [*command, "--relay", f"127.0.0.1:{port}", "--no-tls"],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=env,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - no other way; one call
        )
        os.close(theirs)
        self.output = b""
        self._stopped = threading.Event()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        while not self._stopped.is_set():
            try:
                if select.select([self._terminal], [], [], 0.01)[0]:
                    self.output += os.read(self._terminal, 1 << 16)
            except OSError:
                return

    def has_written(self, size: int) -> None:
        wait_until(lambda: len(self.output) >= size, f"{size} bytes from the console", timeout=20, step=0.001)

    def shows(self, text: bytes) -> None:
        wait_until(lambda: text in self.output, f"{text!r} from the console", timeout=20)

    def type(self, data: bytes) -> None:
        os.write(self._terminal, data)

    def stop_reading(self) -> None:
        self._stopped.set()
        self._reader.join()

    def hang_up(self) -> None:
        """Take the terminal away."""
        self.stop_reading()
        os.close(self._terminal)
        self._terminal = -1

    def modes(self) -> list[object]:
        return termios.tcgetattr(self._terminal)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        if self._terminal >= 0:
            self.hang_up()


@dataclass
class Setting:
    """An agent called box, and the console on it."""

    folder: Path
    port: int
    agent: psutil.Process
    consoles: list[Console]

    def console(self, script: str = SHELL) -> Console:
        program = self.folder / f"program-{len(self.consoles)}"
        program.write_text(script)
        program.chmod(0o755)
        self.consoles.append(Console(self.folder, self.port, program))
        return self.consoles[-1]

    def assert_nothing_left(self) -> None:
        """A console that could say no farewell is waited for; --keep-links says for how long (10 s, the least)."""
        gone = "the end of the remote shell"
        wait_until(lambda: all(is_gone(child) for child in self.agent.children()), gone, timeout=25)


@pytest.fixture
def setting(tmp_path: Path) -> Iterator[Setting]:
    with relay(tmp_path) as (_, port), agent(tmp_path, port, "--keep-links", "10") as program:
        program.said("logged in")
        found = Setting(tmp_path, port, psutil.Process(program.process.pid), [])
        yield found
        for console in found.consoles:
            console.close()


def waits_for_terminal(pid: int) -> bool:
    """Tell whether the thread that writes to the terminal is in a write that doesn't end."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return any(
        "tty" in (thread / "wchan").read_text() or "wait_woken" in (thread / "wchan").read_text() for thread in threads
    )


@pytest.mark.parametrize("size", [0, 1, 9, 40, 100, 300, 1000, 3000])
def test_a_console_whose_terminal_vanishes_ends(setting: Setting, size: int) -> None:
    """At any moment of its start: before the screen, while it takes the terminal, after the first picture."""
    console = setting.console()
    console.has_written(size)
    console.hang_up()
    console.process.wait(timeout=patience(20))
    setting.assert_nothing_left()


def test_a_console_whose_terminal_vanishes_during_a_flood_ends(setting: Setting) -> None:
    console = setting.console(FLOOD)
    console.shows(b"comes again")
    console.hang_up()
    console.process.wait(timeout=patience(20))
    setting.assert_nothing_left()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_a_console_in_order_during_a_flood(setting: Setting, number: signal.Signals) -> None:
    console = setting.console(FLOOD)
    before = console.modes()
    console.shows(b"comes again")
    assert console.modes() != before
    console.process.send_signal(number)
    assert console.process.wait(timeout=patience(20)) == TERMINATED
    console.shows(b"\x1b[?1049l")
    assert console.modes() == before
    setting.assert_nothing_left()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_a_console_whose_terminal_takes_nothing(setting: Setting, number: signal.Signals) -> None:
    console = setting.console(FLOOD)
    before = console.modes()
    console.shows(b"comes again")
    console.stop_reading()
    wait_until(lambda: waits_for_terminal(console.process.pid), "a terminal that is full")
    console.process.send_signal(number)
    assert console.process.wait(timeout=patience(20)) == TERMINATED
    assert console.modes() == before
    setting.assert_nothing_left()


def test_a_console_that_was_stopped_goes_on(setting: Setting) -> None:
    console = setting.console()
    console.shows(b"ready>")
    for number in (signal.SIGSTOP, signal.SIGTSTP):
        console.process.send_signal(number)
        wait_until(lambda: psutil.Process(console.process.pid).status() == psutil.STATUS_STOPPED, "the stop")
        console.output = b""
        console.process.send_signal(signal.SIGCONT)
        console.shows(b"\x1b[?1049h")
    console.type(b"echo it goes $((20+22))\r")
    console.shows(b"goes 42")
    assert len(psutil.Process(console.process.pid).threads()) < 12
    console.process.send_signal(signal.SIGTERM)
    assert console.process.wait(timeout=patience(20)) == TERMINATED


class Broken(io.StringIO):
    """A terminal that takes so many texts."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most

    def write(self, text: str) -> int:
        if self.most == 0:
            raise OSError(5, "Input/output error")
        self.most -= 1
        return super().write(text)


@pytest.mark.parametrize("most", [0, 3])
def test_a_writer_outlives_its_terminal(most: int) -> None:
    gone: list[bool] = []
    file = Broken(most)
    writer = TerminalWriter(file, lambda: gone.append(True))
    writer.start()
    for _ in range(5 * QUEUED_WRITES):
        writer.write("x")  # would wait for ever
    writer.stop()
    assert file.getvalue() == "x" * most
    assert gone == [True]


def test_a_watchdog_ends_once_and_whatever_the_restoring_does() -> None:
    ended: list[int] = []
    never = threading.Event()
    watchdog = Watchdog(0.0, ended.append)
    watchdog.restore = lambda: bool(never.wait())  # type: ignore[assignment]  # hangs
    watchdog.start()
    watchdog.start()
    wait_until(lambda: ended)
    never.set()
    assert ended == [TERMINATED]


async def test_signals_call_in_the_loop_and_are_given_back() -> None:
    told: list[threading.Thread] = []
    before = signal.getsignal(signal.SIGTERM)
    watchdog = Watchdog(1000.0, lambda status: None)
    with ended_by_signals(lambda: told.append(threading.current_thread()), watchdog):
        os.kill(os.getpid(), signal.SIGTERM)
        await wait_for(lambda: told)
    assert told == [threading.main_thread()]
    assert signal.getsignal(signal.SIGTERM) == before
