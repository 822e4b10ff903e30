"""The command: `python -m tests.hostile [--attempts N] [--seed S] [--report]`."""

import argparse
import multiprocessing
import os
import sys
import time

from tests.hostile.attempts import Report
from tests.hostile.jobs import work, work_at_program


def options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__)
    parser.add_argument("--attempts", type=int, default=100_000, metavar="N", help="number of attacks")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="decides which attacks are made, and where")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="J", help="processes that attack")
    parser.add_argument("--consoles", type=int, default=24, metavar="C", help="attempts at a time in each")
    parser.add_argument("--programs", type=int, default=300, metavar="P", help="more attempts, at a real natpass-agent")
    parser.add_argument("--report", action="store_true", help="report progress now and then")
    return parser


def again(told: argparse.Namespace, jobs: int) -> str:
    """Return the options that repeat the same attempts."""
    names = {"seed": told.seed, "attempts": told.attempts, "jobs": jobs}
    names |= {"consoles": told.consoles, "programs": told.programs}
    return " ".join(f"--{name} {value}" for name, value in names.items())


def main(arguments: list[str] | None = None) -> int:
    """Make the attempts; return 1 if a promise was broken."""
    told = options().parse_args(arguments)
    begin = time.monotonic()
    jobs = max(min(told.jobs, told.attempts), 1)
    shares = [told.attempts // jobs + (number < told.attempts % jobs) for number in range(jobs)]
    at_program = (f"{told.seed}-program", told.programs)
    tasks = [(f"{told.seed}-{number}", share, told.consoles, told.report) for number, share in enumerate(shares)]
    total = Report()
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        results = [pool.apply_async(work, task) for task in tasks]
        for number in range(jobs + 1):  # the last one runs alone: a failure of another one leaves nothing of it behind
            outcome = results[number].get() if number < jobs else pool.apply(work_at_program, at_program)
            if isinstance(outcome, str):
                print(f"VIOLATION: seed {outcome}", file=sys.stderr)
                print(f"again: python -m tests.hostile {again(told, jobs)}", file=sys.stderr)
                return 1
            total.add(outcome)
    print(total.table())
    took = time.monotonic() - begin
    print(f"no promise was broken, in {took:.0f} s ({total.attempts / took:.0f} attempts a second)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
