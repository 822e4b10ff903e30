"""What the suite itself rests on: a clean environment, and an end for what hangs."""

import os
import subprocess
import sys
from pathlib import Path

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
    with hangs.ended_after(hangs.limit(request.node)):
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


def run(folder: Path, *options: str) -> str:
    """Return what pytest says of the tests above."""
    (folder / "conftest.py").write_text(HANGING)
    (folder / "test_hanging.py").write_text(TESTS)
    limits = ("timeout=2", "faulthandler_timeout=4", "faulthandler_exit_on_timeout=true")
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
        timeout=60,
        check=False,
    )
    assert done.returncode == 1, done.stdout
    return done.stdout


def test_a_test_that_hangs_ends_and_says_where_it_waited(tmp_path: Path) -> None:
    said = run(tmp_path, "-n0", "-k", "waits or lives")
    assert "2 failed, 2 passed" in said, said
    assert said.count("the test hung for 1.8 s; its tasks:") >= 2
    assert "in waits_for_ever" in said


def test_a_test_that_takes_no_cancellation_ends_with_its_worker_and_others_go_on(tmp_path: Path) -> None:
    said = run(tmp_path, "-n1", "-k", "cancellation or lives")
    assert "2 passed" in said
    assert said.count("FAILED") >= 2
    assert said.count("crashed while running") >= 2
    assert "(most recent call first)" in said


def test_nothing_tells_programs_a_size_of_the_terminal() -> None:
    """pytest loads readline, which says it in the environment of the process, where Python does not see it."""
    started = subprocess.run(["env"], capture_output=True, text=True, check=True).stdout
    assert not [line for line in started.splitlines() if line.startswith(("LINES=", "COLUMNS="))]
