"""The suite's own guarantees: a clean environment, and an end for hanging tests."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

#: Each test starts Python several times, which is slow on a busy machine.
pytestmark = [pytest.mark.programs, pytest.mark.timeout(300)]
RUN_SECONDS = 240
ROOT = Path(__file__).parents[2]
HANGING = """
import asyncio
import pytest
import uvloop

from tests.support import hangs

LOOPS = {"uvloop": uvloop.new_event_loop, "asyncio": asyncio.new_event_loop}

def pytest_asyncio_loop_factories(config, item):
    return LOOPS

def pytest_runtest_teardown(item):
    hangs.watch_teardown(item)

@pytest.fixture(autouse=True)
async def _no_hang(request):
    with hangs.ended_after(1.0):
        yield
"""
TESTS = """
import asyncio

async def waits_for_ever():
    await asyncio.Event().wait()

async def test_it_waits():
    async with asyncio.TaskGroup() as group:
        group.create_task(waits_for_ever())

async def test_it_takes_no_cancellation():
    while True:
        try:
            await waits_for_ever()
        except asyncio.CancelledError:
            pass

async def test_it_lives():
    await asyncio.sleep(0)
"""


def run(folder: Path, *options: str, most: int) -> str:
    """Return pytest's output for the tests above, from a process that ends when a test takes `most` seconds."""
    (folder / "conftest.py").write_text(HANGING)
    (folder / "test_hanging.py").write_text(TESTS)
    limits = ("timeout=60", f"faulthandler_timeout={most}", "faulthandler_exit_on_timeout=true")
    settings = ("asyncio_mode=auto", "asyncio_default_fixture_loop_scope=function", *limits)
    words = [word for setting in settings for word in ("-o", setting)]
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "-c",
        os.devnull,
        f"--rootdir={folder}",
        *words,
    ]
    done = subprocess.run(
        [*command, *options, str(folder)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=RUN_SECONDS,
        check=False,
    )
    assert done.returncode == 1, done.stdout
    return done.stdout


def test_a_test_that_hangs_ends_and_says_where_it_waited(tmp_path: Path) -> None:
    said = run(tmp_path, "-n0", "-k", "waits or lives", most=50)
    assert "2 failed, 2 passed" in said, said
    assert said.count("the test hung for 1 s; its tasks:") >= 2
    assert "in waits_for_ever" in said


def test_a_test_that_takes_no_cancellation_ends_with_its_worker_and_others_go_on(tmp_path: Path) -> None:
    said = run(tmp_path, "-n1", "-k", "cancellation or lives", most=5)
    assert "2 passed" in said
    assert said.count("FAILED") >= 2
    assert said.count("crashed while running") >= 2
    assert "(most recent call first)" in said


def test_nothing_tells_programs_a_size_of_the_terminal() -> None:
    """pytest loads readline, which sets the size in the process's environment, unseen by Python."""
    started = subprocess.run(["env"], capture_output=True, text=True, check=True).stdout
    assert not [line for line in started.splitlines() if line.startswith(("LINES=", "COLUMNS="))]


def test_programs_begin_with_the_usual_signals() -> None:
    text = "import signal; print(*(n.name for n in signal.Signals if signal.getsignal(n) is signal.SIG_IGN))"
    started = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True).stdout
    assert not {"SIGINT", "SIGQUIT", "SIGHUP"} & set(started.split())


def test_they_do_where_the_suite_runs_in_the_background() -> None:
    one = f"{Path(__file__)}::{test_programs_begin_with_the_usual_signals.__name__}"
    command = f"trap '' INT QUIT HUP; exec {sys.executable} -m pytest -n0 -q -p no:cacheprovider {one}"
    done = subprocess.run(
        ["sh", "-c", command], capture_output=True, text=True, check=False, cwd=ROOT, timeout=RUN_SECONDS
    )
    assert "1 passed" in done.stdout, done.stdout + done.stderr
