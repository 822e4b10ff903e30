"""The command: `python -m tests.soak [--minutes N] [--seed S]`.

Relay and agent are the real programs, with TLS. Consoles come, run commands with random data both ways, lose their
connections now and then, and go; so do more agents. In the end the memory of relay and agent must not grow by more than
1 % an hour after warm-up, no descriptor, thread or child may be left, and each byte must have come back as it was sent.
"""

import argparse
import logging
import sys
import tempfile
from pathlib import Path

from natpass_wire.aio import runtime
from tests.soak.run import Soak


def main(arguments: list[str] | None = None) -> int:
    """Run; return 1 if something was wrong."""
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__, formatter_class=formatter)
    parser.add_argument("--minutes", type=float, default=60.0, metavar="N", help="how long")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="decides the traffic")
    parser.add_argument("--consoles", type=int, default=6, metavar="C", help="how many at a time")
    told = parser.parse_args(arguments)
    logging.disable(logging.CRITICAL)  # lost connections are part of it

    async def run() -> int:
        with tempfile.TemporaryDirectory(prefix="natpass-soak-") as name:
            soak = Soak(Path(name), told.seed, told.consoles, say=lambda line: print(line, flush=True))
            outcome = await soak.run(told.minutes * 60)
        print(outcome.text())
        faults = outcome.faults()
        for fault in faults:
            print(f"WRONG: {fault}")
        return bool(faults)

    return runtime.run(run())


if __name__ == "__main__":
    sys.exit(main())
