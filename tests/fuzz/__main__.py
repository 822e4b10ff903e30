"""The command: `python -m tests.fuzz [TARGET ...] [--runs N] [--seconds S]`; without TARGET, all of them.

Each target runs in a process of its own under atheris, a coverage-guided fuzzer. By default each gets so many seconds
that all take a few minutes. A finding is written to `tests/fuzz/corpus/TARGET/`, to be committed with its fix: the
tests replay that folder. `--runs 1000000` makes so many runs instead.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.fuzz.targets import CORPUS, NAMES

_SECONDS = 15
_ROOT = Path(__file__).parents[2]


def main(arguments: list[str] | None = None) -> int:
    """Fuzz; return 1 if something was found."""
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__, formatter_class=formatter)
    parser.add_argument("what", nargs="*", metavar="TARGET", choices=[*NAMES, []], help=", ".join(NAMES))
    parser.add_argument("--runs", type=int, metavar="N", help="inputs for each target")
    parser.add_argument("--seconds", type=int, metavar="S", help=f"seconds for each target (default: {_SECONDS})")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="decides the inputs; 0: another one each time")
    told = parser.parse_args(arguments)
    limits = [f"-runs={told.runs}"] if told.runs else []
    if told.seconds or not told.runs:
        limits.append(f"-max_total_time={told.seconds or _SECONDS}")
    status = 0
    for name in told.what or NAMES:
        status = _fuzz(name, [*limits, f"-seed={told.seed}"]) or status
    return status


def _fuzz(name: str, limits: list[str]) -> int:
    """Fuzz one target; return 1 for a finding."""
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="natpass-fuzz-") as work:
        command = [sys.executable, "-m", "tests.fuzz.process", name, work, *limits]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=_ROOT, check=False)
        said = done.stdout.decode(errors="replace")
        found = [line for line in said.splitlines() if line.startswith("Done ")]
        print(f"{name:<20} {found[-1] if found else f'ended with {done.returncode}'}", flush=True)
        if not done.returncode:
            return 0
        print(said[-6000:])
        for path in Path(work, "findings").glob("*"):
            kept = CORPUS / name / path.name
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_bytes(path.read_bytes())
            print(f"kept as {kept.relative_to(_ROOT)}, after {time.monotonic() - begin:.0f} s")
    return 1


if __name__ == "__main__":
    sys.exit(main())
