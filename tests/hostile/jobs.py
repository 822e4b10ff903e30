"""What one process of `python -m tests.hostile` does."""

import logging
import tempfile
import time
from pathlib import Path

from natpass_wire.aio import runtime
from tests.hostile import attempts, programs
from tests.hostile.attempts import Report
from tests.hostile.relay import ViolationError


def work(seed: str, count: int, consoles: int, report: bool) -> Report | str:
    """Make some attempts; return what came of them, or which promise was broken."""
    logging.disable(logging.CRITICAL)  # agents and consoles say much of what is done to them
    begin, step = time.monotonic(), max(count // 20, 1)

    def told(number: int) -> None:
        if report and number % step == 0:
            print(f"{seed}: {number} of {count}, {number / (time.monotonic() - begin):.0f} a second", flush=True)

    found: list[Report] = []

    async def main(folder: Path) -> int:
        found.append(await attempts.run(folder, seed, count, consoles=consoles, told=told))
        return 0

    with tempfile.TemporaryDirectory(prefix="natpass-hostile-") as name:
        try:
            runtime.run(main(Path(name)))
        except ViolationError as error:
            return f"{seed}: {error}"
    return found[0]


def work_at_program(seed: str, count: int) -> Report | str:
    """Make some attempts at the real `natpass-agent`; return what came of them, or which promise was broken."""
    logging.disable(logging.CRITICAL)
    found: list[Report] = []

    async def main(folder: Path) -> int:
        found.append(await programs.run(folder, seed, count))
        return 0

    with tempfile.TemporaryDirectory(prefix="natpass-hostile-") as name:
        try:
            runtime.run(main(Path(name)))
        except ViolationError as error:
            return f"{seed}: {error}"
    return found[0]
