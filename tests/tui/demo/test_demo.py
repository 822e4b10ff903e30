"""`natpass-tui demo`: it works out of the box, and leaves nothing behind however it ends."""

import os
import signal
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pexpect
import psutil
import pytest

from tests.support.waiting import wait_until

pytestmark = pytest.mark.programs

SECONDS = 30


class Demo:
    """The demo on a terminal."""

    def __init__(self, folder: Path) -> None:
        self.temporary = folder / "tmp"
        self.temporary.mkdir()
        clean = {key: value for key, value in os.environ.items() if not key.startswith("NATPASS_")}
        clean["NATPASS_INVITE"] = "17-acorn-acorn-acorn"  # for another relay: the demo needs none
        self.child = pexpect.spawn(
            sys.executable,
            ["-m", "natpass_tui", "demo"],
            env=clean | {"HOME": str(folder), "TMPDIR": str(self.temporary), "TERM": "xterm-256color"},
            dimensions=(24, 120),
            encoding="utf-8",
            timeout=SECONDS,
            cwd=str(Path(__file__).parents[3]),
        )

    def started(self) -> list[psutil.Process]:
        """Return what it has started, once the agent is in the fleet."""
        self.child.expect("1 online")
        found = psutil.Process(self.child.pid).children(recursive=True)
        commands = [" ".join(process.cmdline()) for process in found]
        assert sum("natpass_relay" in command for command in commands) == 1, commands
        assert sum("natpass_agent" in command for command in commands) == 1, commands
        return found

    def assert_gone(self, processes: list[psutil.Process]) -> None:
        wait_until(lambda: not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in processes))
        wait_until(lambda: not list(self.temporary.iterdir()), "an empty temporary directory")


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    running = Demo(tmp_path)
    yield running
    running.child.close(force=True)


def test_a_shell_on_this_machine_is_two_keys_away(demo: Demo) -> None:
    processes = demo.started()
    assert not any("NATPASS" in argument for process in processes for argument in process.cmdline())
    demo.child.send("\r")
    demo.child.expect("1 ")
    demo.child.expect(r"[$#] ")
    demo.child.send("echo $((6*7))42; env | grep -c NATPASS\r")
    demo.child.expect("4242")
    demo.child.expect("0")  # the secret is not in the environment of what runs here
    demo.child.send("\x1dq")
    demo.child.expect("Quitting ends it")
    demo.child.send("y")
    demo.child.expect(pexpect.EOF)
    demo.child.close()
    assert demo.child.exitstatus == 0
    demo.assert_gone(processes)


def test_a_page_beyond_the_agent_is_shown_through_a_forward(demo: Demo) -> None:
    processes = demo.started()
    demo.child.expect(r"http://127\.0\.0\.1:\d+/")
    with urllib.request.urlopen(str(demo.child.after), timeout=SECONDS) as page:
        assert b"<h1>It works</h1>" in page.read()
    demo.child.send("\x1dq")
    demo.child.expect(pexpect.EOF)
    demo.assert_gone(processes)


@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM", "SIGHUP"])
def test_nothing_is_left_when_the_console_is_killed(demo: Demo, name: str) -> None:
    processes = demo.started()
    demo.child.kill(getattr(signal, name))
    demo.child.expect(pexpect.EOF)  # a terminal that nobody reads would hold its last words
    demo.assert_gone(processes)
