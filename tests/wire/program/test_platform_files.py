"""The limit on open files: raised for us, and given back to what we start."""

import subprocess
import sys
from pathlib import Path

import pytest

assert sys.platform != "win32"

pytestmark = pytest.mark.programs

ROOT = Path(__file__).parents[3]
#: Lowers the limit to 100 of 200, and prints what it is before and after.
LIMITS = """
import resource
now = lambda: resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (100, 200))
"""


def run(script: str) -> str:
    """Run a script in a process of its own: limits are those of a process."""
    words = [sys.executable, "-c", LIMITS + script]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_as_many_as_may_be_for_us_and_as_few_as_before_for_a_child() -> None:
    script = """
from natpass_wire.program.platform_files import raise_open_files, restore_open_files
print(raise_open_files(), now())
print(raise_open_files(), now())
restore_open_files()
print(now())
"""
    assert run(script) == "200 (200, 200)\n200 (200, 200)\n(100, 200)\n"


def test_a_tab_of_forwards_raises_it() -> None:
    script = """
import asyncio, types
from natpass_tui.links.forward.pane import open_tab
from natpass_tui.settings import Settings
from tests.tui.fakes import make_console

async def main():
    console, _ = make_console()
    open_tab("web", console, Settings(), lambda tab: None)

asyncio.run(main())
print(now())
"""
    assert run(script) == "(200, 200)\n"
