"""The work of one process of `python -m tests.hostile`."""

import logging
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from natpass_wire.aio import runtime
from tests.hostile import attempts, programs
from tests.hostile.attempts import Report
from tests.hostile.relay import ViolationError


def work(seed: str, count: int, consoles: int, report: bool) -> Report | str:
    """Make some attempts; return the report, or the broken promise."""
    logging.disable(logging.CRITICAL)  # agents and consoles log every attack
    begin, step = time.monotonic(), max(count // 20, 1)

    def told(number: int) -> None:
        if report and number % step == 0:
            print(f"{seed}: {number} of {count}, {number / (time.monotonic() - begin):.0f} a second", flush=True)

    return _report(seed, lambda folder: attempts.run(folder, seed, count, consoles=consoles, told=told))


def work_at_program(seed: str, count: int) -> Report | str:
    """Make some attempts at the real `natpass-agent`; return the report, or the broken promise."""
    logging.disable(logging.CRITICAL)
    return _report(seed, lambda folder: programs.run(folder, seed, count))


def _report(seed: str, make: Callable[[Path], Awaitable[Report]]) -> Report | str:
    """Run `make` in a temporary folder; return its report, or the broken promise."""
    found: list[Report] = []

    async def main(folder: Path) -> int:
        found.append(await make(folder))
        return 0

    with tempfile.TemporaryDirectory(prefix="natpass-hostile-") as name:
        try:
            runtime.run(main(Path(name)))
        except ViolationError as error:
            return f"{seed}: {error}"
    return found[0]
