"""The end of a program: interrupts that come late change nothing."""

import signal
import subprocess
import sys
from functools import partial

import pytest

from tests.support.waiting import patience, wait_until

assert sys.platform != "win32"

pytestmark = pytest.mark.programs
#: A command that has ended with status 7, whose process has something left to do.
PROGRAM = """
import os, signal, threading
import click
from natpass_wire.program.main import run

{left}

@click.command()
def command():
    return 7

run(command, "program")
"""
WAITING = """
def wait():
    threading.main_thread().join()
    print("ended", flush=True)
    threading.Event().wait()

threading.Thread(target=wait).start()
"""
LATE = """
class Late:
    def __del__(self, kill=os.kill, pid=os.getpid(), number=signal.SIGINT):
        kill(pid, number)

late = Late()
"""


def started(left: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", PROGRAM.format(left=left)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def is_interrupted(program: "subprocess.Popen[str]") -> bool:
    """Interrupt a program if it has not ended. Python may miss one that comes just before it waits for a thread."""
    program.send_signal(signal.SIGINT)
    return program.poll() is not None


def test_an_interrupt_cuts_short_what_is_left_to_do() -> None:
    with started(WAITING) as program:
        try:
            assert program.stdout is not None
            assert program.stdout.readline() == "ended\n"
            wait_until(partial(is_interrupted, program), "the end")
            _, errors = program.communicate(timeout=patience(20))
        finally:
            program.kill()
    assert (program.returncode, errors) == (7, "")


def test_an_interrupt_while_python_ends_does_not_change_the_status() -> None:
    with started(LATE) as program:
        _, errors = program.communicate(timeout=patience(20))
    assert (program.returncode, errors) == (7, "")
